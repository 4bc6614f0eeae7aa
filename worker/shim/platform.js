// What the ledger asks of the platform, for one object: some things at once, others by an effect that it waits for. Decides nothing.

import { hear } from "./alert.js";
import { edgeFor } from "./config.js";
import { count, say } from "./log.js";
import { post } from "./post.js";

// How long the books may take.
const BOOKS_PATIENCE = 10_000;

export class Platform {
  #storage;
  #env;
  #waiting = [];

  constructor(storage, env) {
    this.#storage = storage;
    this.#env = env;
  }

  get hasBooks() {
    return this.#env.BOOKS !== undefined;
  }

  // Both happen in the order they are called in, before anything that is written later.
  clear() {
    const failed = (error) => say("broken", { at: "storage", error });
    this.#storage.deleteAlarm().catch(failed);
    this.#storage.deleteAll().catch(failed);
  }

  // texts in, the first column out, as texts
  query(sql, ...values) {
    return this.#storage.sql.exec(sql, ...values).raw().toArray().map(([value]) => String(value));
  }

  // Only the gas key is asked for: nothing else signs in there.
  secret(name) {
    return this.#env[name];
  }

  now() {
    return Math.floor(Date.now() / 1000);
  }

  // What happened, in lines: an event, then the name of a value and the value.
  say(text) {
    const [event, ...lines] = text.split("\n");
    const { resource, amount, asset, ...said } = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));
    try {
      const route = resource && edgeFor(this.#env).pattern("GET", resource);
      say(event, { ...said, amount, route });
      hear(this.#env, event, said);
      // a charge is counted where it is written down, and taken back where the chain does so
      const sign = { settled: 1, undone: -1 }[event];
      if (sign) count(this.#env, { outcome: sign > 0 ? "charged" : "undone", route, network: said.network, kind: said.scheme, asset, amount: sign * Number(amount) });
    } catch (error) {
      say("broken", { at: "log", error });
    }
  }

  wake() {
    for (const end of this.#waiting.splice(0)) end();
  }

  // An effect is lines: its name, then its values; the last may have several. The result is a text.
  async perform(effect) {
    const [name, ...values] = effect.split("\n");
    switch (name) {
      case "post": {
        const [url, auth, seconds, most, ...body] = values;
        return await post(url, auth, body.join("\n"), Number(seconds), Number(most), this.#env);
      }
      case "alarm":
        if (values[0] === "") await this.#storage.deleteAlarm();
        else await this.#storage.setAlarm(Date.now() + Number(values[0]) * 1000);
        return "";
      case "wait":
        await this.#wait(Number(values[0]));
        return "";
      case "books":
        return await this.#books(values[0], values.slice(1).join("\n"));
      case "call":
      case "send": {
        const [object, call, ...body] = values;
        const objects = name === "send" ? this.#env.SENDER : this.#env.LEDGER;
        const stub = objects.get(objects.idFromName(object));
        return await (await stub.fetch(`https://ledger/${call}`, { method: "POST", body: body.join("\n") })).text();
      }
      default:
        throw new Error(`no such effect: ${name}`);
    }
  }

  // the first column, a line each
  async #books(sql, value) {
    let statement = this.#env.BOOKS.prepare(sql);
    if (value !== "") statement = statement.bind(value);
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("the books did not answer in time")), BOOKS_PATIENCE);
    });
    try {
      const rows = await Promise.race([statement.raw(), late]);
      return rows.map(([column]) => column).join("\n");
    } finally {
      clearTimeout(timer);
    }
  }

  #wait(seconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
