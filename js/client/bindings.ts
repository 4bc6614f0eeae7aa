// What src/bindings/client.rs exports, as JavaScript has it. Texts go in by one buffer and come out of another; times are Unix seconds.

import type { Wasm } from "./types.js";

type Exports = Record<string, (...numbers: number[]) => number> & { memory: WebAssembly.Memory };

let wasm: Exports;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Starts it. Whoever fetched it may hand the answer on. */
export async function start(source: Wasm): Promise<void> {
  const given = typeof Response === "function" && source instanceof Response ? await source.arrayBuffer() : source;
  const made = (await WebAssembly.instantiate(given as BufferSource)) as WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource;
  wasm = ("instance" in made ? made.instance : made).exports as unknown as Exports;
}

const view = (at: number, length: number) => new Uint8Array(wasm.memory.buffer, at >>> 0, length);

/** Numbers first, then how long each text is. What was written is overwritten here, and there as soon as it is read: it may be a key. */
function call(name: string, numbers: number[], ...parts: (string | Uint8Array)[]): number {
  const all = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  let at = wasm["buffer"]!(all.reduce((sum, { length }) => sum + length, 0));
  for (const part of all) {
    view(at, part.length).set(part);
    at += part.length;
    part.fill(0);
  }
  return wasm[name]!(...numbers, ...all.map(({ length }) => length));
}

/** What the last call has left; every text of the core's has something in it, so an empty one is none. */
const told = (_: number): string | undefined => decoder.decode(view(wasm["output"]!(), wasm["output_length"]!())) || undefined;

// A key or a purchase that nobody frees is freed when nobody can reach it any more, where the platform can tell.
const lost = typeof FinalizationRegistry === "function" ? new FinalizationRegistry<number>((at) => wasm["drop"]!(at)) : undefined;

/** Something that the core keeps, by its number there. */
class Held {
  protected at: number;

  constructor(at: number) {
    this.at = at;
    lost?.register(this, at, this);
  }

  /** Drops it; a key is overwritten. What is called afterwards gives nothing. */
  free(): void {
    lost?.unregister(this);
    call("drop", [this.at]);
    this.at = -1;
  }

  protected tell(name: string, numbers: number[] = [], ...texts: string[]): string | undefined {
    return told(call(name, [this.at, ...numbers], ...texts));
  }

  protected static number({ at }: Held): number {
    return at;
  }
}

const held = <T>(at: number, make: new (at: number) => T): T | undefined => (at < 0 ? undefined : new make(at));

/** A payer's private key, which stays inside. */
export class Key extends Held {
  /** Reads `0x` and 64 hex digits; nothing if they are no key. */
  static read(text: string): Key | undefined {
    return held(call("key", [], text), Key);
  }

  /** The payer's address, checksummed. */
  address(): string {
    return this.tell("address")!;
  }
}

/** One thing that a program wants to have. What takes something in gives the next step, as JSON. */
export class Purchase extends Held {
  /** Begins, with a policy as JSON, the payer's address and 32 random bytes, which are overwritten; nothing if one of them cannot be read. */
  static begin(policy: string, payer: string, random: Uint8Array, patience: number): Purchase | undefined {
    return held(call("begin", [patience], policy, payer, random), Purchase);
  }

  /** Begins with a payment that was kept; nothing if it is none. */
  static resume(kept: string, patience: number): Purchase | undefined {
    return held(call("resume", [patience], kept), Purchase);
  }

  /** Takes an answer: 0 for no status, date or pause, and empty texts for what it does not have. */
  answer(now: number, status: number, required: string, settled: string, body: string, date: number, retryAfter: number): string {
    return this.tell("answer", [now, status, date, retryAfter], required, settled, body)!;
  }

  /** Signs what is to be signed with this key; nothing if there is nothing to sign for it. */
  sign(key: Key): string | undefined {
    return this.tell("sign", [Held.number(key)]);
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
export class SignIn extends Held {
  /** For the challenge of this `PAYMENT-REQUIRED`; nothing if there is none, or one for another host than this. */
  static read(required: string, host: string, payer: string): SignIn | undefined {
    return held(call("challenge", [], required, host, payer), SignIn);
  }

  /** What is signed, by EIP-191. */
  text(): string {
    return this.tell("challenge_text")!;
  }

  /** The content of `SIGN-IN-WITH-X`, signed with this key. */
  sign(key: Key): string | undefined {
    return this.tell("challenge_sign", [Held.number(key)]);
  }

  /** The content of `SIGN-IN-WITH-X`, if the signature is the account's. */
  seal(signature: string): string | undefined {
    return this.tell("challenge_seal", [], signature);
  }
}

/** What is wrong with a policy, in words; nothing if it can be read. */
export const check = (policy: string): string | undefined => told(call("check", [], policy));

/** What a 402 offers, as JSON; or `{problem}`. */
export const offers = (required: string, body: string): string => told(call("offers", [], required, body))!;

/** Which offer of a 402 a policy takes, as JSON; or `{problem}`, and `reasons` for each offer. */
export const choose = (policy: string, required: string, body: string): string => told(call("choose", [], policy, required, body))!;

/** `approve(Permit2, amount)` for a token: `{to, data}` as JSON. Nothing if the token or the amount (atomic units) cannot be read. */
export const approval = (token: string, amount: string): string | undefined => told(call("approval", [], token, amount));
