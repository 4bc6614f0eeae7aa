// What src/bindings/client.rs and key.rs export, as JavaScript has it. Texts go in by one buffer and come out of another; times are Unix seconds.

import type { Wasm } from "./types.js";

type Exports = Record<string, (...numbers: number[]) => number> & { memory: WebAssembly.Memory };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A WebAssembly of ours that runs. */
class Machine {
  readonly #wasm: Exports;

  /** What can be started again. */
  readonly module: WebAssembly.Module;

  /** Whoever fetched it may hand the answer on. */
  static async start(source: Wasm): Promise<Machine> {
    const given = typeof Response === "function" && source instanceof Response ? await source.arrayBuffer() : source;
    const made = (await WebAssembly.instantiate(given as BufferSource)) as WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource;
    return "instance" in made ? new Machine(made.instance, made.module) : new Machine(made, given as WebAssembly.Module);
  }

  private constructor({ exports }: WebAssembly.Instance, module: WebAssembly.Module) {
    this.#wasm = exports as unknown as Exports;
    this.module = module;
  }

  #view(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#wasm.memory.buffer, at >>> 0, length);
  }

  /** Numbers first, then how long each text is. What was written is overwritten here, and there as soon as it is read: it may be a key. */
  call(name: string, numbers: number[], ...parts: (string | Uint8Array)[]): number {
    const all = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
    let at = this.#wasm["buffer"]!(all.reduce((sum, { length }) => sum + length, 0));
    for (const part of all) {
      this.#view(at, part.length).set(part);
      at += part.length;
      part.fill(0);
    }
    return this.#wasm[name]!(...numbers, ...all.map(({ length }) => length));
  }

  /** The bytes of what a call leaves, a copy of them: for another machine, which reads them as they are. */
  leave(name: string, numbers: number[], ...parts: (string | Uint8Array)[]): Uint8Array {
    return this.#left(name, numbers, parts).slice();
  }

  /** What a call leaves; every text of the core's has something in it, so an empty one is none. */
  tell(name: string, numbers: number[], ...parts: (string | Uint8Array)[]): string | undefined {
    return decoder.decode(this.#left(name, numbers, parts)) || undefined;
  }

  #left(name: string, numbers: number[], parts: (string | Uint8Array)[]): Uint8Array {
    this.call(name, numbers, ...parts);
    return this.#view(this.#wasm["output"]!(), this.#wasm["output_length"]!());
  }

  /** Overwrites all that it has; it is not called again. */
  wipe(): void {
    this.#view(0, this.#wasm.memory.buffer.byteLength).fill(0);
  }
}

let core: Machine;
/** What signs with private keys, each in a memory of its own: nothing from a server comes into it. */
let signing: WebAssembly.Module;

/** Starts the core. */
export async function start(source: Wasm): Promise<void> {
  core = await Machine.start(source);
}

/** Makes what signs with private keys ready. */
export async function startKeys(source: Wasm): Promise<void> {
  signing = (await Machine.start(source)).module;
}

// A key or a purchase that nobody frees is freed when nobody can reach it any more, where the platform can tell.
const lost = typeof FinalizationRegistry === "function" ? new FinalizationRegistry<() => unknown>((drop) => drop()) : undefined;

/** Something that is dropped once. */
class Held {
  #drop: (() => unknown) | undefined;

  constructor(drop: () => unknown) {
    this.#drop = drop;
    lost?.register(this, drop, this);
  }

  /** Drops it; a key is overwritten. What is called afterwards gives nothing. */
  free(): void {
    lost?.unregister(this);
    this.#drop?.();
    this.#drop = undefined;
  }
}

/** A payer's private key, which stays inside. */
export class Key extends Held {
  /** The payer's address, checksummed. */
  readonly address: string;
  readonly #vault: Machine;

  /** Reads `0x` and 64 hex digits; nothing if they are no key. */
  static async read(text: string): Promise<Key | undefined> {
    const vault = await Machine.start(signing);
    const address = core.tell("address", [], vault.tell("key", [], text) ?? "");
    return address ? new Key(vault, address) : undefined;
  }

  private constructor(vault: Machine, address: string) {
    // what was calculated with a key leaves copies of it
    super(() => vault.wipe());
    this.#vault = vault;
    this.address = address;
  }

  /** Signs a digest, the bytes of `0x` and 64 hex digits, for the core; nothing where it is none. */
  sign(digest: Uint8Array): Uint8Array {
    return this.#vault.leave("sign", [], digest);
  }
}

/** What the core keeps, by its number there. */
class Kept extends Held {
  #at: number;

  constructor(at: number) {
    super(() => core.call("drop", [at]));
    this.#at = at;
  }

  override free(): void {
    super.free();
    this.#at = -1;
  }

  protected tell(name: string, numbers: number[] = [], ...texts: (string | Uint8Array)[]): string | undefined {
    return core.tell(name, [this.#at, ...numbers], ...texts);
  }

  protected leave(name: string): Uint8Array {
    return core.leave(name, [this.#at]);
  }
}

const kept = <T>(at: number, make: new (at: number) => T): T | undefined => (at < 0 ? undefined : new make(at));

/** One thing that a program wants to have. What takes something in gives the next step, as JSON. */
export class Purchase extends Kept {
  /** Begins, with a policy as JSON, the payer's address and 32 random bytes, which are overwritten; nothing if one of them cannot be read. */
  static begin(policy: string, payer: string, random: Uint8Array, patience: number): Purchase | undefined {
    return kept(core.call("begin", [patience], policy, payer, random), Purchase);
  }

  /** Begins with a payment that was kept; nothing if it is none. */
  static resume(text: string, patience: number): Purchase | undefined {
    return kept(core.call("resume", [patience], text), Purchase);
  }

  /** Takes an answer: 0 for no status, date or pause, and empty texts for what it does not have. */
  answer(now: number, status: number, required: string, settled: string, body: string, date: number, retryAfter: number): string {
    return this.tell("answer", [now, status, date, retryAfter], required, settled, body)!;
  }

  /** Signs what is to be signed with the payer's key; nothing if there is nothing to sign. */
  sign(key: Key): string | undefined {
    const signature = this.signature(key);
    return signature.length > 0 ? this.tell("own", [], signature) : undefined;
  }

  /** The digest and its signature, and nothing of what follows. */
  signature(key: Key): Uint8Array {
    return key.sign(this.leave("digest"));
  }

  /** Takes a wallet's signature; `contract` says that the payer is a contract wallet. */
  signed(signature: string, contract: boolean): string {
    return this.tell("signed", [Number(contract)], signature)!;
  }

  /** The second parameter of `eth_signTypedData_v4`, while something is to be signed. */
  typedData(): string | undefined {
    return this.tell("typed_data");
  }

  /** What is about to be signed, in terms for people and programs. */
  choice(): string | undefined {
    return this.tell("choice");
  }

  /** The payment to be sent, or nothing: a header's name and content. */
  payment(): string | undefined {
    return this.tell("payment");
  }

  /** What has to be kept before the payment is sent; nothing as soon as it is resolved. */
  keep(): string | undefined {
    return this.tell("keep");
  }
}

/** What an account signs to show that it has paid before: nothing is paid by it. */
export class SignIn extends Kept {
  /** For the challenge of this `PAYMENT-REQUIRED`; nothing if there is none, or one for another host than this. */
  static read(required: string, host: string, payer: string): SignIn | undefined {
    return kept(core.call("challenge", [], required, host, payer), SignIn);
  }

  /** What is signed, by EIP-191. */
  text(): string {
    return this.tell("challenge_text")!;
  }

  /** The content of `SIGN-IN-WITH-X`, signed with the payer's key. */
  sign(key: Key): string | undefined {
    return this.tell("challenge_seal", [], key.sign(this.leave("challenge_digest")));
  }

  /** The content of `SIGN-IN-WITH-X`, if the signature is the account's. */
  seal(signature: string): string | undefined {
    return this.tell("challenge_seal", [], signature);
  }
}

/** What is wrong with a policy, in words; nothing if it can be read. */
export const check = (policy: string): string | undefined => core.tell("check", [], policy);

/** What a 402 offers, as JSON; or `{problem}`. */
export const offers = (required: string, body: string): string => core.tell("offers", [], required, body)!;

/** Which offer of a 402 a policy takes, as JSON; or `{problem}`, and `reasons` for each offer. */
export const choose = (policy: string, required: string, body: string): string => core.tell("choose", [], policy, required, body)!;

/** `approve(Permit2, amount)` for a token: `{to, data}` as JSON. Nothing if the token or the amount (atomic units) cannot be read. */
export const approval = (token: string, amount: string): string | undefined => core.tell("approval", [], token, amount);
