// What the ledger asks of the platform, for one object: some things at once, others by an effect that it waits for. Decides nothing.

import { post } from "./post.js";

export class Platform {
  #storage;
  #env;
  #waiting = [];

  constructor(storage, env) {
    this.#storage = storage;
    this.#env = env;
  }

  // texts in, the first column out, as texts
  query(sql, ...values) {
    return this.#storage.sql.exec(sql, ...values).raw().toArray().map(([value]) => String(value));
  }

  now() {
    return Math.floor(Date.now() / 1000);
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
      default:
        throw new Error(`no such effect: ${name}`);
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
