// What the origin says of a page: asked for when something is offered, remembered in the memory of one isolate and in the platform's cache,
// where no URL reaches it. Where it cannot be asked, it says nothing, and the route's own price holds.

import { now } from "./keysets.js";
import { Fault, say } from "./log.js";
import { fetchSays } from "./origin.js";

const NAMES = ["price", "pay-to", "free-from"];
const PREFIX = "farthing:";
// What stands in a line of ours without changing its meaning.
const PLAIN = /^[\w.$:+-]{1,64}$/;
const PATIENCE = 5_000;
const MOST = 64 * 1024;
// Questions in a minute, of one isolate; pages that are remembered.
const MOST_ASKED = 120;
const MOST_REMEMBERED = 10_000;
// Seconds until an origin that did not answer is asked again.
const PAUSE = 30;

const pages = new Map(); // by site and path: { says, until, pending, asked }
let minute = 0;
let asked = 0;

// Like "price=0.07;pay-to=jane"; empty for nothing.
export async function saysOf(gate, text, request, env, ctx) {
  const [path, meta, seconds] = text.split("\n");
  const name = new URL(request.url).origin + path;
  let page = pages.get(name);
  const time = now();
  if (page?.until > time) return page.says;
  if (!page?.pending || time > page.asked + PATIENCE / 1000) {
    page = { says: "", until: 0, asked: time, pending: undefined };
    page.pending = find(gate, name, path, meta === "1", Number(seconds), request, env, ctx).then(
      (found) => Object.assign(page, found),
      (error) => {
        say("unreachable", { at: "says", error });
        page.until = now() + PAUSE;
      },
    ).finally(() => {
      page.pending = undefined;
    });
    ctx.waitUntil(page.pending);
    pages.delete(name);
    if (pages.size >= MOST_REMEMBERED) pages.delete(pages.keys().next().value);
    pages.set(name, page);
  }
  // the question is another request's perhaps, and ends with it
  let timer;
  await Promise.race([page.pending, new Promise((done) => {
    timer = setTimeout(done, PATIENCE + 500);
  })]);
  clearTimeout(timer);
  return page.says;
}

async function find(gate, name, path, meta, seconds, request, env, ctx) {
  const { origin } = gate;
  const cache = await caches.open("farthing-says").catch(() => undefined);
  const key = new URL(`/.farthing/says/${encodeURIComponent(path)}`, name).href;
  const kept = await cache?.match(key).catch(() => undefined);
  if (kept) {
    const [until, says] = (await kept.text()).split(" ");
    if (Number(until) > now()) return { says, until: Number(until) };
  }
  if (!admitted()) return { says: "", until: 0 };
  const response = await fetchSays(origin, path, request, env, ctx, meta ? "GET" : "HEAD", PATIENCE);
  if (response?.status !== 200) {
    await response?.body?.cancel();
    throw new Fault(`the answer is ${response?.status ?? "none"}`);
  }
  const values = meta ? await metaOf(response) : {};
  for (const one of NAMES) values[one] = response.headers.get(`${PREFIX.replace(":", "-")}${one}`) ?? values[one];
  const says = NAMES.filter((one) => PLAIN.test(values[one] ?? "")).map((one) => `${one}=${values[one]}`).join(";");
  const until = now() + seconds;
  const copy = new Response(`${until} ${says}`, { headers: { "cache-control": `max-age=${seconds}` } });
  await cache?.put(key, copy).catch(() => {});
  return { says, until };
}

function admitted() {
  const time = Math.floor(now() / 60);
  if (minute !== time) [minute, asked] = [time, 0];
  asked += 1;
  return asked <= MOST_ASKED;
}

// The tags of the page's head, in what of it comes first; one that stands there twice says nothing.
async function metaOf(response) {
  const html = /^text\/html\s*(;|$)/i.test(response.headers.get("content-type") ?? "");
  const chunks = [];
  let size = 0;
  // leaving the loop ends the answer
  if (html) for await (const chunk of response.body ?? []) {
    chunks.push(chunk.subarray(0, MOST - size));
    size += chunk.byteLength;
    if (size >= MOST) break;
  }
  else await response.body?.cancel();
  const values = {};
  let over = false;
  const body = { element: () => { over = true; } };
  const tag = {
    element(element) {
      const name = element.getAttribute("name").slice(PREFIX.length).toLowerCase();
      if (over) return;
      values[name] = name in values ? "" : (element.getAttribute("content") ?? "").trim();
    },
  };
  await new HTMLRewriter().on("body", body).on(`meta[name^="${PREFIX}"]`, tag).transform(new Response(await new Blob(chunks).arrayBuffer())).arrayBuffer();
  return values;
}
