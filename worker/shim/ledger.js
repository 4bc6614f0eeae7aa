// The Durable Object class of one payer's ledger.

import { CallsInWasm, LEDGER } from "./object.js";

export class Ledger extends CallsInWasm {
  kind = LEDGER;
}
