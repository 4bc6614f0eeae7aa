// What the Durable Object classes share: the calls of one object, run in the WebAssembly. Nothing of it starts before the first of them.

import { DurableObject } from "cloudflare:workers";
import { edgeFor } from "./config.js";
import { Fault, say } from "./log.js";
import { Platform } from "./platform.js";

const WAITS = 9;
const ANSWERED = 10;

export const LEDGER = 0;
export const SENDER = 1;
const NAMES = ["ledger", "sender"];

let objects = 0;
let calls = 0;

// An instance keeps an object until it is told that the platform has dropped it.
const dropped = new FinalizationRegistry(({ edge, object }) => {
  if (!edge.lost) edge.enter("forget", [object]);
});

export class CallsInWasm extends DurableObject {
  #platform = new Platform(this.ctx.storage, this.env);
  #object = ++objects;
  #edge; // that knows the object

  async fetch(request) {
    const call = request.url.slice(request.url.lastIndexOf("/") + 1);
    const body = await request.text();
    return new Response(await this.#run(call, body));
  }

  alarm() {
    return this.#run("alarm", "");
  }

  // Runs a call to its end: whatever it waits for is done, one thing after the other.
  #run(call, body) {
    const edge = edgeFor(this.env);
    if (this.#edge !== edge) dropped.register(this, { edge, object: this.#object });
    this.#edge = edge;
    const id = ++calls;
    const enter = (way, text, ...more) => {
      const code = edge.enter(way, [this.#object, id, ...more, edge.write(text)], this.#platform);
      return { code, text: edge.read() };
    };
    return edge.ends(async () => {
      let { code, text } = enter("start", `${call}\n${body}`, this.kind);
      while (code === WAITS) {
        let failed = 0;
        try {
          text = await this.#platform.perform(text);
        } catch (error) {
          text = String(error?.message);
          failed = 1;
        }
        ({ code, text } = enter("resume", text, failed));
      }
      if (code !== ANSWERED) {
        // why is a text of others perhaps, and what is thrown from here the platform writes to the log
        say("broken", { at: NAMES[this.kind], call });
        throw new Fault("the call failed");
      }
      return text;
    });
  }
}
