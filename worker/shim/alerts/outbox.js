// What is to be told, kept until each webhook has taken it: signed as Standard Webhooks has it (https://www.standardwebhooks.com/), in order,
// again after 1, 2, 4, 8 … runs of the cron trigger.

import { exchange } from "./exchange.js";

const MOST_WAITING = 50;
// with doubling pauses, more than a day and a half
const MOST_TRIES = 10;
const PATIENCE = 10;
// for all that one run sends
const RUN_MS = 60_000;

/** Lays an alert down for every webhook. */
export function put(state, hooks, alert) {
  state.messages[alert.id] = JSON.stringify(alert);
  for (const { url } of hooks) {
    const queue = (state.queues[url] ??= { ids: [], tries: 0, next: 0 });
    queue.ids.push(alert.id);
    if (queue.ids.length > MOST_WAITING) queue.ids.shift();
  }
}

/** Sends what is due; `save` after each step, so that what was taken is not sent again. */
export async function deliver({ state, hooks, env, say, save }) {
  const urls = hooks.map(({ url }) => url);
  for (const url of Object.keys(state.queues)) if (!urls.includes(url)) delete state.queues[url];
  const until = Date.now() + RUN_MS;
  await Promise.all(hooks.map(async ({ url, secret }) => {
    const queue = state.queues[url];
    while (queue?.ids.length > 0 && queue.next <= state.runs && Date.now() < until) {
      const [id] = queue.ids;
      const status = await send(url, env[secret], id, state.messages[id]);
      const taken = status >= 200 && status < 300;
      queue.tries = taken ? 0 : queue.tries + 1;
      const over = queue.tries >= MOST_TRIES;
      if (!taken) {
        say(over ? "broken" : "unreachable", { at: "alerts", host: new URL(url).host, status });
        queue.next = state.runs + 2 ** (queue.tries - 1);
      }
      if (taken || over) queue.ids.shift();
      if (over) Object.assign(queue, { tries: 0, next: 0 });
      const waiting = new Set(Object.values(state.queues).flatMap(({ ids }) => ids));
      for (const known of Object.keys(state.messages)) if (!waiting.has(known)) delete state.messages[known];
      await save();
      if (!taken) break;
    }
  }));
}

/** The answer's status; 0 where there is none. */
async function send(url, secret, id, body) {
  try {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const headers = { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": await sign(secret, `${id}.${timestamp}.${body}`) };
    const { status } = await exchange(url, { method: "POST", headers, body }, PATIENCE, 0);
    return status;
  } catch {
    return 0;
  }
}

async function sign(secret, text) {
  const bytes = Uint8Array.from(atob(secret.replace(/^whsec_/, "")), (letter) => letter.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text)));
  return `v1,${btoa(String.fromCharCode(...signature))}`;
}
