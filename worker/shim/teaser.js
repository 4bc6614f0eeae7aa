// The origin's page for an unpaid reader: fetched whole, as for nobody in particular, marked where the gate wants to cut, and handed
// over in one piece. Wherever that cannot be done, the gate is told why, and answers with its own page.

import { fetchTeaser } from "./origin.js";
import { TEASER } from "./gate.js";
import { say } from "./log.js";

const MOST = 2 * 1024 * 1024;
// What of the origin's answer goes with its page. Its validators, length, cookies and all that nobody thought of stay here (threat D4).
const PASSED = [
  "content-language", "content-security-policy-report-only", "cross-origin-embedder-policy", "cross-origin-opener-policy",
  "permissions-policy", "referrer-policy", "strict-transport-security", "x-content-type-options", "x-frame-options", "x-robots-tag",
];
const DECODED = [null, "identity", "gzip"];

export async function teaser(gate, lines, text, request, env, ctx) {
  const [path, selector] = text.split("\n");
  const response = await fetchTeaser(gate.origin, path, request, env, ctx, gate.shelf(lines));
  if (response?.status !== 200) {
    await response?.body?.cancel();
    return gate.undelivered(lines, response?.status ?? 0, false);
  }
  const nonce = crypto.randomUUID();
  let fault = "";
  let page = "";
  try {
    page = await marked(await read(response), selector, nonce);
  } catch (error) {
    fault = error instanceof Unfit ? error.message : "the page could not be read";
    say("teaser", { says: fault, error: error instanceof Unfit ? undefined : error });
    await response.body?.cancel().catch(() => {});
  }
  const policy = response.headers.get("content-security-policy") ?? "";
  const { code, text: answer } = gate.trimmed(lines, fault, nonce, policy, page);
  const told = gate.answer(answer);
  if (code !== TEASER) return told;
  for (const name of PASSED) {
    const value = response.headers.get(name);
    if (value !== null) told.headers.set(name, value);
  }
  return told;
}

// What is wrong with the page, in words for the publisher.
class Unfit extends Error {}

async function read(response) {
  const type = response.headers.get("content-type") ?? "";
  if (!/^text\/html\s*(;|$)/i.test(type)) throw new Unfit("the page is not HTML");
  if (!DECODED.includes(response.headers.get("content-encoding"))) throw new Unfit("the page is compressed in a way that was not asked for");
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MOST) throw new Unfit("the page is larger than 2 MiB");
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
  try {
    return new TextDecoder(encodingOf(type, bytes), { fatal: true }).decode(bytes);
  } catch {
    throw new Unfit("the page is not in the encoding that it declares, or in UTF-8 if it declares none");
  }
}

// As browsers find it: a byte order mark, the header, an early <meta>.
function encodingOf(type, bytes) {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  const declared = /charset\s*=\s*["']?([\w:-]+)/i;
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 1024));
  const [, name] = declared.exec(type) ?? declared.exec(/<meta[^>]*charset[^>]*>/i.exec(head)?.[0] ?? "") ?? [];
  // who reads this as ASCII does not read UTF-16
  return name === undefined || /^utf-?16/i.test(name) ? "utf-8" : name;
}

// The page with comments around what the selector matches.
async function marked(page, selector, nonce) {
  if (page.includes(nonce)) throw new Unfit("the page knows what nobody can know");
  if (selector === "") return page;
  const html = { html: true };
  const element = (element) => {
    element.before(`<!--${nonce}(-->`, html);
    try {
      element.onEndTag((tag) => void tag.after(`<!--${nonce})-->`, html));
    } catch {
      // without an end tag
      element.after(`<!--${nonce})-->`, html);
    }
  };
  return await new HTMLRewriter().on(selector, { element }).transform(new Response(page)).text();
}
