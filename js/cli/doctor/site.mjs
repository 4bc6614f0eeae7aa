// What is around the answers: the Worker's own health, its keys, the clocks, and whether the origin can be reached without it.
import { request as plain } from "node:http";
import { request as secure } from "node:https";

const ok = (id, text) => ({ id, level: "ok", text });
const note = (id, text) => ({ id, level: "note", text });
const wrong = (id, text) => ({ id, level: "wrong", text });

const DAY = 86_400_000;
const OLD = 365 * DAY;

export function lookAtHealth({ status, body, trouble }) {
  if (trouble) return [wrong("health", `/.farthing/health ${trouble}`)];
  let health;
  try {
    health = JSON.parse(body);
  } catch {
    // somebody else's page
  }
  if (typeof health?.ok !== "boolean") return [wrong("health", `/.farthing/health answers ${status} and nothing of Farthing's: it does not stand before this site`)];
  return [
    health.ok ? ok("health", `Farthing ${health.version} stands before this site`) : wrong("health", "Farthing stands before this site and cannot work"),
    ...(health.errors ?? []).map((error) => wrong("health", error)),
    ...(health.warnings ?? []).map((warning) => note("health", warning)),
  ];
}

/** The key that signs, by the name in the quote: v1.NAME.… A day in its name tells its age. */
export function lookAtKeys(offer, now) {
  const kid = /^v1\.([^.]+)\./.exec(offer?.value?.accepts?.[0]?.extra?.quote ?? "")?.[1];
  if (!kid) return [];
  const [, year, month, day] = /^k?(\d{4})-?(\d\d)-?(\d\d)$/.exec(kid) ?? [];
  const made = year ? Date.parse(`${year}-${month}-${day}T00:00:00Z`) : NaN;
  if (Number.isNaN(made)) return [ok("keys", `the key "${kid}" signs; named by its day, like k${new Date(now).toISOString().slice(0, 10).replaceAll("-", "")}, its age could be told`)];
  const days = Math.max(0, Math.floor((now - made) / DAY));
  const age = days === 0 ? "of today" : `${days} day${days === 1 ? "" : "s"} old`;
  return [now - made > OLD ? wrong("keys", `the key "${kid}" signs, which is ${age}: put a new one in front`) : ok("keys", `the key "${kid}" signs, which is ${age}`)];
}

/** Payments are signed for a window of time: clocks that differ lose it. */
export function lookAtClock({ headers, at }, offer) {
  const told = headers.get("date") ?? offer?.value?.extensions?.["sign-in-with-x"]?.info?.issuedAt;
  const there = Date.parse(told ?? "");
  if (Number.isNaN(there)) return [note("clock", "the site does not tell its time (no Date header)")];
  const off = Math.round(Math.abs(there - at) / 1000);
  if (off > 120) return [wrong("clock", `the clocks here and there differ by about ${off < 7200 ? `${Math.round(off / 60)} minutes` : `${Math.round(off / 3600)} hours`}: payments signed here would be out of their time`)];
  return [ok("clock", off > 30 ? `the clocks here and there differ by ${off} seconds, which is still good` : "the clocks here and there agree")];
}

/**
 * The page from the origin itself, past the Worker, under any Host; whose certificate it shows does not matter: nothing secret is sent, and
 * thieves do not mind.
 */
function direct(url, headers) {
  return new Promise((resolve) => {
    const call = (url.protocol === "https:" ? secure : plain)(url, { headers: { accept: "text/html", ...headers }, timeout: 20_000, rejectUnauthorized: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => { body += body.length < 4e6 ? text : ""; });
      response.once("end", () => resolve({ status: response.statusCode, headers: new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)])), body }));
      response.once("error", () => resolve({}));
    });
    call.once("timeout", () => call.destroy());
    call.once("error", () => resolve({}));
    call.end();
  });
}

/** {findings, paid}: `paid` is the article's text, where the origin gave it to us. */
export async function lookAtOrigin(origin, url) {
  if (!origin) return { findings: [note("origin", "whether the origin can be reached past the Worker was not asked: --origin URL")] };
  const { pathname, host } = new URL(url);
  const there = new URL(pathname, origin);
  for (const headers of [{}, { host }]) {
    const { status, headers: got, body } = await direct(there, headers);
    if (status >= 200 && status < 300 && got.get("payment-required") === null) {
      const as = headers.host ? ` asked for as ${host}` : "";
      return { findings: [wrong("origin", `${there}${as} answers ${status} to everybody: who knows that address reads for nothing`)], paid: body };
    }
  }
  return { findings: [ok("origin", `${there.origin} does not give the page to us`)] };
}
