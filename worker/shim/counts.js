// Steps of readers, programs and crawlers, in numbers for the desk: added up in the memory of an isolate, and written into the books as
// sums by day, after the answers that they are about. Nothing of who it was is in them, and nothing here changes what is answered.

import { COUNT } from "./desk/tables.js";
import { DELIVER, FORWARD, TEASER } from "./gate.js";
import { Fault, say } from "./log.js";

const SECONDS = 10; // between two writes of an isolate
const PATIENCE = 10; // for one of them
const DAY = 86_400_000;
// What was forwarded: the gate knows how it was opened.
const HOW = "how";
// Sums that wait to be written. What does not fit is counted under no route and no name.
const MOST = 2_000;
// What a card may say.
const WORDS = ["wallet"];
const LONGEST_WORD = 16;
// Crawlers that are counted by name (www/docs/desk.md); whoever else says that it is one is "other", and who proves it by a signature
// that no policy is about, "signed".
const CRAWLERS = [
  "Amazonbot", "Applebot", "Bingbot", "Bytespider", "CCBot", "ChatGPT-User", "Claude-SearchBot", "Claude-User", "ClaudeBot", "Diffbot", "DuckAssistBot",
  "DuckDuckBot", "FacebookBot", "Google-CloudVertexBot", "Googlebot", "GPTBot", "Meta-ExternalAgent", "MistralAI-User", "OAI-SearchBot", "PerplexityBot",
  "Perplexity-User", "PetalBot", "Timpibot", "YandexBot", "YouBot",
];
const TAKE = `INSERT INTO desk_count (day, step, who, name, route, problem, n) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 \
FROM json_each(?1) WHERE true ON CONFLICT DO UPDATE SET n = n + excluded.n`;

let sums = new Map(); // by day, step, who, name, route and problem, with tabs between: none of them is a text of the request's
let writing = 0; // since when

const counts = (gate, env) => env.BOOKS !== undefined && gate.days > 0;

/** Counts a step of this request. */
export function note(gate, request, env, ctx, step, problem = "") {
  try {
    if (!counts(gate, env) || request.method === "HEAD" || request.method === "OPTIONS") return;
    if (gate.sender === undefined) gate.sender = senderOf(gate, request);
    const of = gate.sender;
    // no article: only a word is counted there
    if (of === null || (of.route === "" && !WORDS.includes(step))) return;
    const named = step === HOW ? of.how : step;
    if (!named) return;
    put([Math.floor(Date.now() / DAY), named, of.who, of.name, of.route, problem].join("\t"), 1);
    // a write that was lost with the request which it went beside holds up no other
    if (Date.now() - writing < (SECONDS + PATIENCE) * 2000) return;
    writing = Date.now();
    const pause = new Promise((done) => setTimeout(done, SECONDS * 1000));
    ctx.waitUntil(pause.then(() => write(env)).finally(() => {
      writing = 0;
    }));
  } catch (error) {
    say("broken", { at: "counts", error });
  }
}

/** Counts what became of a request, where it is no payment: these tell their steps themselves. */
export function tell(gate, request, env, ctx) {
  try {
    const [step, problem] = stepOf(gate, request) ?? [];
    if (step) note(gate, request, env, ctx, step, problem);
  } catch (error) {
    say("broken", { at: "counts", error });
  }
}

function stepOf(gate, request) {
  const { problem, code, call, missing } = gate;
  const { headers } = request;
  // what only looks ahead is seen by nobody
  if (headers.get("sec-purpose")?.includes("prefetch")) return undefined;
  if (problem === "payment-required" || code === TEASER) {
    // a card that asks for the offer of its own page anew: that page was counted
    const again = headers.get("referer")?.split("#")[0] === request.url && headers.get("sec-fetch-mode") !== "navigate";
    return again ? undefined : ["shown"];
  }
  if (problem) return problem === "settlement-pending" ? undefined : ["refused", problem];
  if (missing) return undefined;
  if (code === DELIVER) return call === "owned" || call === "signIn" ? ["returned"] : undefined;
  // the rest of a file that is read in parts is no other return
  return code === FORWARD && /^(bytes=0-|$)/.test(headers.get("range") ?? "") ? [HOW] : undefined;
}

/** Counts what a card says, if it is one word of ours. */
export async function hear(gate, request, env, ctx) {
  try {
    const { headers } = request;
    if (!counts(gate, env) || headers.get("sec-gpc") === "1" || headers.get("dnt") === "1") return;
    const length = headers.get("content-length") ?? "";
    if (!/^\d{1,2}$/.test(length) || Number(length) > LONGEST_WORD) return;
    const word = await request.text();
    if (!WORDS.includes(word)) return;
    gate.sender = senderOf(gate, request);
    // of an article's own page; of any other it is not known which article it is about
    const page = headers.get("referer") ?? "";
    if (gate.sender && page.startsWith(`${new URL(request.url).origin}/`)) gate.sender.route = gate.pattern({ method: "GET", url: page.split("#")[0] });
    note(gate, request, env, ctx, word);
  } catch (error) {
    say("broken", { at: "counts", error });
  }
}

function senderOf(gate, request) {
  const text = gate.counted();
  if (text === undefined) return null;
  const [route, who, how] = text.split("\n");
  if (who !== "crawler") return { route, who, how, name: "" };
  const agent = (request.headers.get("user-agent") ?? "").toLowerCase();
  return { route, who, how, name: gate.agent ?? CRAWLERS.find((name) => agent.includes(name.toLowerCase())) ?? "other" };
}

function put(key, n) {
  let place = key;
  if (!sums.has(key) && sums.size >= MOST) {
    const [day, step, who, , , problem] = key.split("\t");
    place = [day, step, who, "", "", problem].join("\t");
  }
  sums.set(place, (sums.get(place) ?? 0) + n);
}

/** Writes what is not written yet. What fails is kept for the next time; where only the answer was lost, it is counted twice then. */
export async function write(env) {
  const taken = sums;
  if (taken.size === 0 || env.BOOKS === undefined) return;
  sums = new Map();
  const rows = JSON.stringify([...taken].map(([key, n]) => {
    const [day, ...texts] = key.split("\t");
    return [Number(day), ...texts, n];
  }));
  const take = () => env.BOOKS.prepare(TAKE).bind(rows).raw();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Fault("the books did not answer in time")), PATIENCE * 1000);
  });
  try {
    await Promise.race([late, take().catch(async (error) => {
      // the first of all
      if (!/no such table/.test(error?.message)) throw error;
      await env.BOOKS.prepare(COUNT).raw();
      await take();
    })]);
  } catch (error) {
    say("unreachable", { at: "counts", error });
    for (const [key, n] of taken) put(key, n);
  } finally {
    clearTimeout(timer);
  }
}
