// What the origin lets be shared, kept for a while behind the gate, under addresses of a host that nobody can ask for: with a hit the
// origin is not asked. Only whole answers are kept, of requests as for nobody in particular, in the encoding that everybody reads; who
// may have them is decided before anybody comes here.

import { say } from "./log.js";

// More would wait in memory while a payment is settled.
const MOST = 8 * 1024 * 1024;
// Where one of these stands it is somebody's, metered, or not the same for all.
const APART = ["set-cookie", "settlement-overrides", "content-encoding", "content-range", "authorization", "www-authenticate"];
const open = () => caches.open("farthing");

// `whole`: without the range and the conditions of the reader. Undefined for what is not there.
export async function fromShelf({ host }, path, { method, headers }, whole) {
  try {
    const asked = new Headers();
    if (!whole && method === "GET") {
      for (const name of ["range", "if-none-match", "if-modified-since"]) if (headers.has(name)) asked.set(name, headers.get(name));
      // a range of something newer than it was begun with
      if (headers.has("if-range")) asked.delete("range");
    }
    const found = await (await open()).match(new Request(`https://${host}${path}`, { headers: asked }));
    if (found === undefined) return undefined;
    const all = new Headers(found.headers);
    all.delete("cf-cache-status");
    const { status, statusText } = found;
    if (method !== "HEAD") return new Response(found.body, { status, statusText, headers: all });
    await found.body?.cancel();
    return new Response(null, { status, statusText, headers: all });
  } catch (error) {
    say("unreachable", { at: "cache", error });
    return undefined;
  }
}

// The answer again, a copy of which is being kept if it may be.
export function toShelf({ host, seconds }, path, response, ctx) {
  const age = Math.min(seconds, shared(response));
  if (!(age > 0)) return response;
  const [ours, theirs] = response.body.tee();
  const { status, headers } = response;
  const kept = new Headers(headers);
  for (const name of ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "expires", "age", "vary"]) kept.delete(name);
  kept.set("cache-control", `public, max-age=${age}`);
  // at its end, for one that breaks off is not the whole
  const put = async () => {
    const chunks = [];
    let size = 0;
    for await (const chunk of ours) {
      size += chunk.byteLength;
      if (size > MOST) return;
      chunks.push(chunk);
    }
    await (await open()).put(`https://${host}${path}`, new Response(await new Blob(chunks).arrayBuffer(), { status, headers: kept }));
  };
  ctx.waitUntil(put().catch((error) => say("unreachable", { at: "cache", error })));
  return new Response(theirs, response);
}

// For how many seconds the origin lets it be shared.
function shared({ status, headers, body }) {
  if (status !== 200 || body === null || Number(headers.get("content-length")) > MOST) return 0;
  if (APART.some((name) => headers.has(name))) return 0;
  if (/[^,\s]/.test((headers.get("vary") ?? "").replace(/accept-encoding/gi, ""))) return 0;
  const said = ["cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "cache-control"].map((name) => headers.get(name) ?? "").join(",").toLowerCase();
  if (/no-store|no-cache|private|must-understand/.test(said)) return 0;
  const own = (headers.get("cache-control") ?? "").toLowerCase();
  const age = /(?:^|[,\s])s-maxage\s*=\s*"?(\d+)/.exec(own) ?? /(?:^|[,\s])max-age\s*=\s*"?(\d+)/.exec(own);
  if (age === null) return /(?:^|[,\s])public(?:$|[,\s])/.test(own) ? Infinity : 0;
  return Number(age[1]) - Number(headers.get("age") ?? 0);
}
