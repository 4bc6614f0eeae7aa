// What every entry gives, whatever its WebAssembly comes from.

export { createClient } from "./client.js";
export { PaymentError } from "./errors.js";
export { indexedDbStore } from "./stores/indexeddb.js";
export { memoryStore } from "./stores/memory.js";
export type {
  Account, Approval, Budget, Client, Eip1193, Offer, OpenPayment, Options, Policy, Problem, Progress, Quote, Reason, Receipt, Scheme, Signer, Store, Token, ToolCall, ToolCaller, ToolResult, TypedData,
} from "./types.js";
