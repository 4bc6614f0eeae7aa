// The Durable Object class of one gas key on one network, where the Worker settles by itself.

import { CallsInWasm, SENDER } from "./object.js";

export class Sender extends CallsInWasm {
  kind = SENDER;
}
