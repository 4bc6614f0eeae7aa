// The Worker: does the I/O that the gate decides on, and decides nothing itself.
// Anything thrown, and any code it does not know, refuses the request.

import { account } from "./account.js";
import { verdictOf } from "./agents.js";
import { alert } from "./alert.js";
import { edgeFor, use } from "./config.js";
import { hear, note, tell, write } from "./counts.js";
import { Gate, FREE, ANSWER, LOOK, ASSET, FORWARD, LEDGER, FETCH, DELIVER, FREE_AS, TEASER, VERIFY, TOKEN, PEEK, ASK, LIST, DESK } from "./gate.js";
import { say } from "./log.js";
import { asMember } from "./members.js";
import { fetchFree, fetchPriced, fetchSays } from "./origin.js";
import { asset, deliver, refused } from "./response.js";
import { listed, look as lookAtList } from "./revoked.js";
import { saysOf } from "./says.js";
import { askSupported } from "./supported.js";
import { teaser } from "./teaser.js";
import { tokenVerdict } from "./tokens.js";

export { Ledger } from "./ledger.js";
export { Sender } from "./sender.js";
export { Tally } from "./tally.js";

// Payments that one isolate works on at once. Each holds a request, and perhaps an answer of the origin, for as long as a settlement takes.
const MOST_PAID = 1024;
let paid = 0;

const BUSY = '{"refuse":{"problem":"too-many-requests","resource":"","retryAfter":2}}';
const NONE_LEFT = '{"tally":{}}';
const PENDING = '{"refuse":{"problem":"settlement-pending","resource":"","retryAfter":2}}';

// What the gate wants to know before it decides: found out, and told in a line whose name no header has. Or the answer, where it is one.
const QUESTIONS = {
  [VERIFY]: async (gate, text, request, env, ctx) => {
    const verdict = await verdictOf(text, env, ctx);
    const [directory, named] = text.split("\n", 2);
    if (verdict === "verified") gate.agent = named === "1" ? new URL(directory).host : "signed";
    return `=agent: ${verdict}`;
  },
  [TOKEN]: async (gate, text, request, env, ctx) => `=token: ${await tokenVerdict(text, env, ctx)}`,
  [PEEK]: async (gate, text, request, env, ctx) => (await asMember(gate, text, request, env, ctx)) ?? "=access: paid",
  [LIST]: async (gate, text, request, env, ctx) => (await listed(env, ctx), "=list: asked"),
  [ASK]: async (gate, text, request, env, ctx) => `=says: ${await saysOf(gate, text, request, env, ctx)}`,
};
const MOST_QUESTIONS = 5;

// The Worker for a config, an object or the file's text; before `handler`, if there is one: a function like `fetch`, or an object that
// has it, such as a router.
export function paywall(config, handler) {
  use(config, handler);
  return worker;
}

const worker = {
  async fetch(request, env, ctx) {
    try {
      const gate = new Gate(env);
      const code = gate.route(request);
      if (code === FREE) return await free(gate, request, env, ctx);
      if (code === FREE_AS) return await free(gate, request, env, ctx, gate.path());
      if (code !== LOOK) return refused();
      const begin = Date.now();
      const response = await look(gate, request, env, ctx);
      account(gate, request, response, env, begin);
      if (response.status === 204 && request.url.endsWith("/.farthing/counted")) await hear(gate, request, env, ctx);
      else tell(gate, request, env, ctx);
      return response;
    } catch (error) {
      say("broken", { at: "request", error });
      return refused();
    }
  },

  // The backstop: one object that is no payer's reads the chains and asks the ledgers.
  async scheduled(controller, env, ctx) {
    const alerts = alert(env, "run");
    const tended = tend(env, ctx);
    const stub = env.LEDGER.get(env.LEDGER.idFromName("cron"));
    try {
      await stub.fetch("https://ledger/scan", { method: "POST" });
    } finally {
      // all the more where that fails
      await Promise.all([alerts, tended]);
    }
  },
};

// An article's page as the origin has it for nobody in particular, by its canonical address.
const ASKING = 5_000;
const asker = (gate, env, ctx) => (resource) => fetchSays(gate.origin, resource.slice(resource.indexOf("/", 8)), new Request(resource), env, ctx, "GET", ASKING);

// What the desk keeps up without being opened; it fails nobody.
async function tend(env, ctx) {
  try {
    const gate = new Gate(env);
    if (env.BOOKS !== undefined && gate.days > 0) await (await import("./desk.js")).tend(env, gate.days, asker(gate, env, ctx));
  } catch (error) {
    say("broken", { at: "desk", error });
  }
}

async function free(gate, request, env, ctx, as) {
  try {
    return await fetchFree(gate.origin, request, env, ctx, as);
  } catch (error) {
    // what a function of the publisher's throws is theirs to see
    if (gate.origin.kind === "handler") throw error;
    say("unreachable", { at: "origin", error });
    return gate.undelivered(gate.lines(request), 0, false);
  }
}

async function look(gate, request, env, ctx) {
  let lines = gate.lines(request);
  let { code, text } = gate.decide(lines);
  // each is asked once
  for (let asked = 0; code in QUESTIONS && asked < MOST_QUESTIONS; asked += 1) {
    const found = await QUESTIONS[code](gate, text, request, env, ctx);
    if (found instanceof Response) return found;
    lines += `\n${found}`;
    ({ code, text } = gate.decide(lines));
  }
  if (code === FORWARD || code === LEDGER) lookAtList(env, ctx);
  switch (code) {
    case FREE:
      return await free(gate, request, env, ctx);
    case FREE_AS:
      return await free(gate, request, env, ctx, text);
    case ANSWER:
      return gate.answer(text);
    case ASSET:
      return asset(await env.ASSETS.fetch(new Request(new URL(`/.farthing${text}`, request.url), { method: request.method, headers: request.headers })));
    case FORWARD: {
      const [path, headers] = gate.split(text, 1);
      const fetched = await fetchPriced(gate.origin, path, request, env, ctx, false, gate.shelf(lines));
      return fetched ? deliver(fetched, headers) : gate.undelivered(lines, 0, false);
    }
    case DESK:
      // the publisher's pages are in a file of their own, which no reader waits for
      await write(env);
      return await (await import("./desk.js")).desk(request, env, ctx, { days: gate.days, ask: asker(gate, env, ctx), edge: edgeFor(env), gate: new Gate(env) });
    case TEASER:
      return await teaser(gate, lines, text, request, env, ctx);
    case LEDGER: {
      // a client that leaves changes nothing about what was begun
      const count = text.split("\n", 2)[1] === "claim" ? 1 : 0;
      if (count > 0 && paid >= MOST_PAID) {
        say("limit", { limit: "payments-at-once" });
        return gate.answer(gate.next(lines, BUSY).text);
      }
      paid += count;
      const answer = pay(gate, lines, text, request, env, ctx).finally(() => {
        paid -= count;
      });
      ctx.waitUntil(answer.catch(() => {}));
      return await answer;
    }
    default:
      return refused();
  }
}

async function pay(gate, lines, text, request, env, ctx) {
  let [object, call, body] = gate.split(text, 3);
  const ask = async (call, body) => {
    // where nothing can be counted, nothing is given away
    const failed = { tally: NONE_LEFT, revoke: "", refund: "" }[call] ?? PENDING;
    try {
      if (call === "refund") return await (await import("./desk.js")).refund(env, body);
      // what is given away is counted beside what is paid for, and what is taken back listed
      const objects = call === "tally" || call === "revoke" ? env.TALLY : env.LEDGER;
      const stub = objects.get(objects.idFromName(object));
      const response = await stub.fetch(`https://ledger/${call}`, { method: "POST", body });
      const reply = await response.text();
      return response.ok ? reply : failed;
    } catch (error) {
      if (call === "refund") say("unreachable", { at: "books", error });
      return failed;
    }
  };
  const begun = await ask(call, body);
  let next = gate.next(lines, begun);
  let opened = call === "claim" ? claimed(begun, body, next.code, (step) => note(gate, request, env, ctx, step)) : "";
  if (next.code === LEDGER) {
    [object, call, body] = gate.split(next.text, 3);
    next = gate.next(lines, await ask(call, body));
  }
  let fetched;
  if (call === "claim" && next.code !== ANSWER) askSupported(env, ctx);
  if (next.code === FETCH) {
    const [path, owner] = gate.split(next.text, 2);
    fetched = await fetchPriced(gate.origin, path, request, env, ctx, true, gate.shelf(lines));
    if (fetched?.status !== 200) {
      await fetched?.body?.cancel();
      await ask("release", owner);
      return gate.undelivered(lines, fetched?.status ?? 0, false);
    }
    const overrides = fetched.headers.get("settlement-overrides");
    const settle = overrides === null ? owner : JSON.stringify({ ...JSON.parse(owner), overrides });
    const settled = await ask("settle", settle);
    next = gate.next(lines, settled);
    opened = claimed(settled, "", next.code, (step) => note(gate, request, env, ctx, step));
  }
  if (next.code === DELIVER) {
    const [path, report, headers] = gate.split(next.text, 2);
    fetched ??= await fetchPriced(gate.origin, path, request, env, ctx, true, gate.shelf(lines));
    if (fetched?.status !== 200) {
      await fetched?.body?.cancel();
      if (report !== "") await ask("unanswered", report);
      return deliver(gate.undelivered(lines, fetched?.status ?? 0, true), headers);
    }
    if (opened) note(gate, request, env, ctx, opened);
    const ends = report === "" ? undefined : (how) => ask(how, report);
    return deliver(fetched, headers, ends && { ctx, ends });
  }
  await fetched?.body?.cancel();
  if (next.code === TEASER) return await teaser(gate, lines, next.text, request, env, ctx);
  return next.code === ANSWER ? gate.answer(next.text) : refused();
}

// Counts what the ledger's reply to a payment says, once however often the payment comes; how its article counts as opened. Of a reply's
// texts none has a quote that is not escaped.
function claimed(reply, body, code, count) {
  const moved = reply.startsWith('{"deliver"') && reply.includes('"charged":"');
  if (moved && reply.includes('"again":true')) return "";
  if (code === FETCH || (body.includes('"upfront":true') && (moved || reply.includes('"reason":"')))) count("signed");
  if (moved && reply.includes('"transaction":"0x')) count("settled");
  return moved ? "opened" : "returned";
}
