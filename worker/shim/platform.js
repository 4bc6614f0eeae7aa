// What the ledger's WebAssembly asks of the platform, for one object. Decides nothing.

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
  query(sql, values) {
    return this.#storage.sql.exec(sql, ...values).raw().toArray().map(([value]) => String(value));
  }

  now() {
    return Math.floor(Date.now() / 1000);
  }

  async alarm(seconds) {
    if (seconds === undefined) await this.#storage.deleteAlarm();
    else await this.#storage.setAlarm(Date.now() + seconds * 1000);
  }

  wait(seconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  wake() {
    for (const end of this.#waiting.splice(0)) end();
  }

  post(url, auth, body, seconds, most) {
    return post(url, auth, body, seconds, most, this.#env);
  }
}
