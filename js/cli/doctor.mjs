// `doctor`: looks at a priced page from outside, as programs, browsers, crawlers and thieves do, and says what to do about what it finds.
import { randomBytes } from "node:crypto";
import { lookAtCaches, lookAtCors, lookAtGarbage, lookAtOffer, lookAtPage } from "./doctor/answer.mjs";
import { FIXES, PLATFORMS, platformsOf } from "./doctor/fixes.mjs";
import { lookForLeaks } from "./doctor/leaks.mjs";
import { lookAtClock, lookAtHealth, lookAtKeys, lookAtOrigin } from "./doctor/site.mjs";
import { ask } from "./lib/ask.mjs";
import { offersIn } from "./lib/offer.mjs";
import { json, plain } from "./lib/plain.mjs";
import { Mistake } from "./mistake.mjs";
import { readOptions, readUrl } from "./options.mjs";

export const summary = "looks at a live priced page, and says how to mend what is wrong";

export const usage = (program) => `${program}doctor URL [--origin URL] [--for NAME] [--json]

  URL           a page of yours that costs something; some sixty requests are made to its site, and nothing is signed or paid
  --origin URL  the server behind the Worker: whether it answers past it, and, if so, what the article says
  --for NAME    say how to mend it in ${PLATFORMS.join(", ")}, or all; what the site seems to run on if absent and it can be seen
  --json        print one JSON object instead of the report

Exit code 0: nothing is wrong. 1: something is.`;

const local = (url) => ["localhost", "127.0.0.1", "[::1]"].includes(new URL(url).hostname);
const STRANGER = "https://stranger.example";
const MARKS = { ok: "  ok     ", note: "  note   ", wrong: "  WRONG  " };

async function examine(url, { origin, now }) {
  const { origin: site } = new URL(url);
  const nowhere = `/farthing-doctor-${randomBytes(6).toString("hex")}`;
  const json = await ask(url, { headers: { accept: "application/json" } });
  if (json.trouble) return { findings: [{ id: "reach", level: "wrong", text: json.trouble }], answers: [] };
  if (json.status >= 300 && json.status < 400) {
    return { findings: [{ id: "resource", level: "wrong", text: `is not the page's own address: it leads to ${json.headers.get("location")}` }], answers: [json] };
  }
  const { v2, v1 } = offersIn(json.headers, json.body);
  if (json.status === 200 && !v2 && !v1) {
    return { findings: [{ id: "offer", level: "wrong", text: "is free: it answers 200 without an offer" }], answers: [json] };
  }
  const [html, head, health, front, missing, asked, preflight, ...garbage] = await Promise.all([
    ask(url, { headers: { accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" } }),
    ask(url, { method: "HEAD" }),
    ask(`${site}/.farthing/health`),
    ask(`${site}/`, { headers: { accept: "text/html" } }),
    ask(site + nowhere, { headers: { accept: "text/html" } }),
    ask(url, { headers: { accept: "application/json", origin: STRANGER } }),
    ask(url, { method: "OPTIONS", headers: { origin: STRANGER, "access-control-request-method": "GET", "access-control-request-headers": "access-control-expose-headers,payment-signature" } }),
    ask(url, { headers: { "payment-signature": "e30=" } }),
    ask(url, { headers: { "x-payment": "e30=" } }),
  ]);
  const answers = [json, html, front];
  if (html.trouble) return { findings: [{ id: "reach", level: "wrong", text: `to a browser it ${html.trouble}` }], answers };
  const { findings: reached, paid } = await lookAtOrigin(origin, url);
  const findings = [
    ...lookAtOffer({ url, json, head }),
    ...lookAtPage({ html }),
    ...lookAtGarbage(garbage),
    ...await lookForLeaks({ url, open: [json, html, front, missing], paid }),
    ...reached,
    ...lookAtCaches([{ ...json, what: "the answer to programs" }, { ...html, what: "the page" }]),
    ...(asked.trouble ? [] : lookAtCors({ asked, preflight, stranger: STRANGER })),
    ...lookAtClock(json, v2),
    ...lookAtHealth(health),
    ...lookAtKeys(v2, now),
  ];
  return { findings, answers };
}

/** What is not there, on this machine: no platform's remedy fits. */
const NOT_HERE = "Is npx farthing dev running, and on this port? It prints its address.";

function print({ url, findings, platforms, ok }) {
  const lines = [url, ...findings.map(({ level, id, text }) => `${MARKS[level]}${id}: ${plain(text)}`)];
  const ids = new Set(findings.filter(({ level }) => level === "wrong").map(({ id }) => id));
  let unknown = false;
  for (const id of ids) {
    if (!FIXES[id]) continue;
    if (id === "reach" && local(url)) lines.push("", NOT_HERE);
    else if (platforms.length > 0) lines.push("", `How to mend "${id}"`, ...platforms.map((name) => `  ${name.padEnd(11)}${FIXES[id][name]}`));
    else unknown = true;
  }
  if (unknown) lines.push("", `What the site runs on is not to be seen: --for NAME says how to mend it, with one of ${PLATFORMS.join(", ")}, or all.`);
  lines.push("", ok ? "Nothing is wrong." : "Something is wrong: see above.");
  return lines.join("\n");
}

export async function run(args, { program }) {
  const string = { type: "string" };
  const { values, positionals: [typed] } = readOptions(args, { options: { origin: string, for: string, json: { type: "boolean", default: false } }, most: 1, usage: usage(program) });
  const asked = readUrl(typed, "doctor");
  asked.hash = "";
  const url = asked.href;
  const origin = values.origin && readUrl(values.origin, "--origin", "https://origin.news.example").href;
  if (values.for !== undefined && values.for !== "all" && !PLATFORMS.includes(values.for)) throw new Mistake(`--for wants one of ${PLATFORMS.join(", ")}, all, not "${values.for}".`);
  const { findings, answers } = await examine(url, { origin, now: Date.now() });
  const detected = platformsOf(answers);
  const platforms = values.for === "all" ? PLATFORMS : values.for ? [values.for] : detected;
  const ok = findings.every(({ level }) => level !== "wrong");
  const told = findings.map((finding) => (finding.level === "wrong" ? { ...finding, fix: FIXES[finding.id] } : finding));
  console.log(values.json ? json({ url, ok, platforms: detected, findings: told }) : print({ url, findings, platforms, ok }));
  return ok ? 0 : 1;
}
