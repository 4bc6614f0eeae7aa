// What the ledger's platform costs by itself: the sale written by hand, and around it, for each payer, a Durable Object that writes one row
// and an alarm at the four moments at which the ledger must: claimed, about to settle, settled, delivered. It reads nothing and decides nothing.
import { DurableObject } from "cloudflare:workers";
import byHand from "./by-hand.js";

const STEPS = ["claimed", "settling", "settled", "delivered"];

export class Payments extends DurableObject {
  async fetch(request) {
    const { sql } = this.ctx.storage;
    const [, step] = new URL(request.url).pathname.split("/");
    if (step === STEPS[0]) {
      sql.exec("CREATE TABLE IF NOT EXISTS payment (key TEXT PRIMARY KEY, step TEXT NOT NULL, body TEXT NOT NULL)");
      this.ctx.storage.setAlarm(Date.now() + 60_000);
    }
    const insert = "INSERT INTO payment VALUES ('payment', ?, ?) ON CONFLICT (key) DO UPDATE SET step = excluded.step, body = excluded.body";
    sql.exec(insert, step, await request.text());
    return new Response("written");
  }

  alarm() {}
}

export default {
  async fetch(request, env, ctx) {
    const payment = request.headers.get("payment-signature");
    if (payment === null) return byHand.fetch(request, env);
    const payer = JSON.parse(atob(payment)).payload.authorization.from;
    const object = env.PAYMENTS.get(env.PAYMENTS.idFromName(payer));
    const write = (step) => object.fetch(`https://object/${step}`, { method: "POST", body: payment });
    const [claimed, settling, settled, delivered] = STEPS;
    await write(claimed);
    await write(settling);
    const response = await byHand.fetch(request, env);
    await write(settled);
    ctx.waitUntil(write(delivered));
    return response;
  },
};
