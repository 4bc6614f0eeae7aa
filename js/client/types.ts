// What programs see: what they allow, who signs, what is kept, and what was bought.

/** `exact` pays the amount, `upto` at most. */
export type Scheme = "exact" | "upto";

/** A token that the owner of the program vouches for, beside those of Farthing's own table. */
export interface Token {
  /** CAIP-2, such as `eip155:8453`. */
  network: string;
  /** The token contract. */
  asset: string;
  /** Digits after the point: no server's word changes them. */
  decimals: number;
  /** The most that is paid at once: `"$0.25"` where the token is worth a dollar, or atomic units. */
  max?: string;
  /** The token's EIP-712 domain, which EIP-3009 needs. */
  name?: string;
  version?: string;
}

/** What a client may spend. Prices are texts such as `"$0.10"`; what is not allowed is not signed. */
export interface Policy {
  /** The most for one request: `"$0.10"`; `"0.10 USDC"` allows no other token. */
  max: string;
  /** The most for one host and port in all its time; or by host, as in `hosts`: `"*"` for each of the others, a name without a port for all its ports together. */
  perHost?: string | Record<string, string>;
  /** The most in one day, by UTC: `"$2.00"`. */
  perDay?: string;
  /** The most in all. */
  total?: string;
  /** Hosts that may be paid, such as `"news.example"`, `"127.0.0.1:8402"`, or `"*.example"` for all below it; any if absent. */
  hosts?: string[];
  /** Payees that may be paid; anybody if absent. */
  payees?: string[];
  /** CAIP-2, in the order of preference; any if absent. */
  networks?: string[];
  /** Tokens beside those of the table. */
  tokens?: Token[];
  /** Only `tokens`, and none of the table. */
  listedOnly?: boolean;
  /** How tokens may move; both if absent. */
  transfers?: ("eip3009" | "permit2")[];
  /** Whether payments of at most an amount are signed; not unless this says so. */
  upto?: boolean;
  /** Whether servers that want the money before they have the content are paid; they are unless this says otherwise. */
  upfront?: boolean;
  /** The name of a time pass or a bundle to buy in place of the single page. */
  offer?: string;
  /** What is never paid, whatever else is allowed. */
  deny?: { hosts?: string[]; payees?: string[]; networks?: string[]; assets?: string[] };
}

/** One way to pay, from an answer's `accepts`. */
export interface Offer {
  /** Its place in `accepts`, from 0. */
  index: number;
  scheme: Scheme;
  /** By the token's own EIP-3009, or by Permit2, which the payer has to have approved once. */
  transfer: "eip3009" | "permit2";
  /** `upfront`: the money moves before the content is made. */
  flow: "authorization" | "upfront";
  /** CAIP-2. */
  network: string;
  /** The token contract. */
  asset: string;
  /** Atomic units, as a decimal number. */
  amount: string;
  /** Whole units, where the token is known. */
  decimal?: string;
  symbol?: string;
  /** Who is paid. */
  payTo: string;
  /** For how long an authorization is signed. */
  seconds: number;
  /** For how many seconds what is bought stays open, where the server says it; of a bundle's articles, each. */
  opensFor?: number;
  /** A time pass, or a bundle of `count` articles, for `seconds`: of a bundle, those there are to choose them. Its texts are the server's. */
  wider?: { name: string; title: string; count?: number; seconds?: number };
}

/** What a page costs. */
export interface Quote {
  url: string;
  /** Whether anything has to be paid. */
  free: boolean;
  status: number;
  /** What is sold, as the server says it. */
  resource?: string;
  description?: string;
  offers: Offer[];
  /** What {@link Client.fetch} would pay. */
  choice?: Offer;
  /** Why it would pay nothing; of what is over a limit, with the limit and the offer. */
  problem?: Problem;
  /** The offers that it would not pay whatever else is offered, and why, by their place in `accepts`. */
  refused: { index: number; reason: Reason; message: string }[];
}

/** Why nothing would be paid. */
export interface Problem {
  reason: Reason;
  message: string;
  offer?: Offer | undefined;
  limit?: string | undefined;
}

/** A payment that was sent, and of which nobody has said what became of it. */
export interface OpenPayment {
  /** Its name in the store. */
  id: string;
  /** The address that was paid. */
  url: string;
  offer?: Offer | undefined;
  payer?: string | undefined;
  /** From when it can be given up, Unix seconds: then it can be taken no more. */
  until: number;
}

/** What is waited for. `sent`: a payment goes out. `again`: it goes out again in so many `seconds`, for there was an answer of this `status`, or none (0). */
export interface Progress {
  doing: "sent" | "again";
  url: string;
  offer?: Offer | undefined;
  seconds?: number;
  status?: number;
}

/** A 402 as it came. @internal */
export interface Answered {
  status: number;
  required: string;
  settled: string;
  body: string;
  /** The server's clock in seconds, and this device's in milliseconds when it came. */
  date: number;
  at: number;
  retryAfter: number;
}

/** What was paid. */
export interface Receipt {
  url: string;
  /** Unix seconds, of this device. */
  at: number;
  /** What was asked for, in atomic units; of an `upto` payment, what was taken where the server said it. */
  amount: string;
  decimal: string;
  symbol?: string;
  network: string;
  asset: string;
  payTo: string;
  payer: string;
  /** The transfer's transaction, as the server says it; the chain has the last word. */
  transaction?: string;
  /** `paid`: delivered. `unknown`: sent, and nobody has said what became of it. */
  state: "paid" | "unknown";
}

/** What signs: a private key (`0x` and 64 hex digits), an EIP-1193 provider, or an account of viem's or of that shape. */
export type Signer = string | Eip1193 | Account;

/** A wallet's provider. */
export interface Eip1193 {
  request(question: { method: string; params?: unknown }): Promise<unknown>;
}

/** What is signed, as `viem` has it. */
export interface TypedData {
  domain: Record<string, unknown>;
  types: Record<string, { name: string; type: string }[]>;
  primaryType: string;
  message: Record<string, unknown>;
}

/** An account that signs EIP-712 typed data. */
export interface Account {
  address: string;
  // viem's own type asks for narrower texts than any other signer has to
  // eslint-disable-next-line
  signTypedData(data: any): Promise<string>;
  /** Without it, what was bought is opened again by passes alone. */
  signMessage?(message: { message: string }): Promise<string>;
  /** It is a contract wallet (ERC-1271): its signatures are checked by nobody here. */
  contract?: boolean;
}

/** Where a client keeps what must outlive it. Texts under names; `update` is all or nothing, and written down before it resolves. */
export interface Store {
  get(name: string): Promise<string | undefined>;
  /** Changes one text while nobody else who shares the store can; `undefined` deletes it. `change` may be called again. */
  update<T>(name: string, change: (text: string | undefined) => { text: string | undefined; result: T }): Promise<T>;
  /** All names that begin so. */
  names(prefix: string): Promise<string[]>;
  /** Who this is, so that others who share the store know what to leave alone. */
  owner?: string;
  /** Whether that owner still runs; without it, who has not been heard of for ten seconds does not. */
  alive?(owner: string): boolean | undefined;
}

/** A transaction that lets Permit2 move a token, once. */
export interface Approval {
  network: string;
  to: string;
  data: string;
}

/** What a client is made of. */
export interface Options {
  /** Who pays. */
  signer: Signer;
  /** What it may spend. */
  policy: Policy;
  /** In memory if absent: what was spent is forgotten when the program ends. */
  store?: Store;
  /** Asked before a payment is signed; anything but `true` is no. */
  confirm?(offer: Offer, url: string): boolean | Promise<boolean>;
  /** Nothing is signed and no payment is sent; what would be is thrown as `dry-run`. */
  dryRun?: boolean;
  /** Sends the transaction that Permit2 needs once for each token, and resolves when it is mined. */
  approve?(transaction: Approval): Promise<unknown>;
  /** For how many seconds an unknown outcome is asked for, waiting included (120). What was sent is kept, however long that was. */
  patience?: number;
  /** For how many milliseconds one answer is waited for: 30,000 once there is something to pay, and before that as long as the platform does. */
  timeout?: number;
  /** Told what is waited for, for people who look on. */
  progress?(what: Progress): void;
  /** In place of the platform's. */
  fetch?: typeof globalThis.fetch;
}

/** What `WebAssembly.instantiate` takes: the bytes, or the module; or the answer that they come in. Node's own types name no `WebAssembly`. */
export type Wasm = ArrayBuffer | ArrayBufferView | Response | object;

/** What the platform's `fetch` takes, whoever declares it: the DOM, Node, or a Worker's types. */
export type Input = Parameters<typeof globalThis.fetch>[0];
export type Init = Parameters<typeof globalThis.fetch>[1];

/** A call of an MCP tool: as the official SDK has it, as far as it matters here. */
export interface ToolCall {
  name: string;
  arguments?: Record<string, unknown>;
  _meta?: Record<string, unknown>;
}
/** What a call of an MCP tool brings. */
export interface ToolResult {
  content?: unknown[];
  structuredContent?: unknown;
  isError?: boolean;
  _meta?: Record<string, unknown>;
  [more: string]: unknown;
}
/** The official SDK's `Client` is one. */
export interface ToolCaller {
  // its own types are narrower in what does not matter here
  // eslint-disable-next-line
  callTool(call: any, schema?: any, options?: any): Promise<any>;
}

/** A client that pays. */
export interface Client {
  /** As the platform's `fetch`, and pays what has to be paid. Throws {@link PaymentError} where it does not pay. */
  fetch(input: Input, init?: Init): Promise<Response>;
  /** What a page costs, and what would be paid for it; signs nothing. */
  quote(input: Input, init?: Init): Promise<Quote>;
  /** Pays one of a quote's offers. */
  pay(quote: Quote, offer?: Offer): Promise<Response>;
  /**
   * Gives up a payment of which nobody says what became of it, so that the same can be bought anew. Only when it can be taken no longer; it counts
   * as spent, and is among the receipts as `unknown`. False if there is none.
   */
  abandon(input: Input | OpenPayment, init?: Init): Promise<boolean>;
  /** Payments that were sent and of which nobody has said what became of them. */
  open(): Promise<OpenPayment[]>;
  /**
   * Calls a tool of an MCP server, and pays if that asks for it. `server` is your name for it, another for each: in policies it is the host, in
   * receipts it is `mcp://server/tool`, and a payment that is not resolved goes to who has the same name.
   */
  callTool(tools: ToolCaller, call: ToolCall, server: string): Promise<ToolResult>;
  /** What was paid, newest first. */
  receipts(): Promise<Receipt[]>;
  /** What was paid for this response; nothing if it was free or had been paid for before. */
  receiptOf(response: Response | ToolResult): Receipt | undefined;
  /** What is spent and what is left, in dollars. */
  budget(): Promise<Budget>;
  /** Who pays. */
  address(): Promise<string>;
  /** Overwrites a private key; nothing is signed any more. */
  close(): void;
}

/** In dollars, as decimal numbers; what is signed and not resolved counts as spent, and of an `upto` payment all that was signed for. */
export interface Budget {
  total: { spent: string; left?: string };
  today: { spent: string; left?: string };
  hosts: Record<string, { spent: string; left?: string }>;
  /** Payments whose outcome is not known. */
  open: number;
}

/** Why nothing was paid, or not known whether it was; the list is in the guide. */
export type Reason = string;
