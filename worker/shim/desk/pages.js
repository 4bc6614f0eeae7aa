// Who wrote what was bought: read from the article's own page, off every reader's way, once, when the desk is opened and when the cron
// trigger fires. What a page says of itself is a text: cut, without control characters, and escaped where it is shown.

import { say } from "../log.js";
import { rows } from "./schema.js";

// Articles of one run, and of these at once.
const MOST = 24;
const AT_ONCE = 4;
// Of a page so much is read.
const MOST_BYTES = 64 * 1024;
const LONGEST = 200;
// Seconds until a page that could not be read is asked again, doubled each time; and until another run may take what one has begun.
const PAUSE = 3600;
const BEGUN = 600;
const MOST_TRIES = 8;

const HEADERS = { author: "farthing-author", section: "farthing-section", title: "farthing-title" };
// By where a page says it, the surest first.
const TAGS = {
  author: ["farthing:author", "author", "article:author", "parsely-author"],
  section: ["farthing:section", "article:section", "parsely-section"],
  title: ["farthing:title", "og:title"],
};
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", ndash: "–", mdash: "—", lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”", hellip: "…" };

const now = () => Math.floor(Date.now() / 1000);

/** Reads articles that are not known yet, by `ask(resource)`, which answers as the origin does, or not at all. */
export async function readPages(env, ask) {
  const due = await rows(env, `SELECT resource, tries FROM desk_article WHERE due <= ?1 ORDER BY due LIMIT ${MOST}`, now());
  if (due.length === 0) return;
  await rows(env, "UPDATE desk_article SET due = ?2 WHERE resource IN (SELECT value FROM json_each(?1))", JSON.stringify(due.map(([resource]) => resource)), now() + BEGUN);
  for (let at = 0; at < due.length; at += AT_ONCE) {
    const known = await Promise.all(due.slice(at, at + AT_ONCE).map(([resource, tries]) => knownOf(resource, tries, ask)));
    await rows(env, `UPDATE desk_article SET author = value ->> 1, section = value ->> 2, title = value ->> 3, read_at = value ->> 4, due = value ->> 5, tries = value ->> 6
      FROM json_each(?1) WHERE resource = value ->> 0`, JSON.stringify(known));
  }
}

async function knownOf(resource, tries, ask) {
  try {
    const response = await ask(resource);
    if (response?.status === 200) {
      const { author, section, title } = await said(response);
      return [resource, author, section, title, now(), null, tries];
    }
    await response?.body?.cancel();
  } catch (error) {
    say("unreachable", { at: "pages", error });
  }
  const again = tries + 1 < MOST_TRIES ? now() + PAUSE * 2 ** tries : null;
  return [resource, null, null, null, null, again, tries + 1];
}

/** `{author, section, title}` of an answer; null for what it does not say. */
async function said(response) {
  const { headers } = response;
  const tags = {};
  let heading = "";
  if (/^text\/html\s*(;|$)/i.test(headers.get("content-type") ?? "")) {
    const chunks = [];
    let size = 0;
    // leaving the loop ends the answer
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk.subarray(0, MOST_BYTES - size));
      size += chunk.byteLength;
      if (size >= MOST_BYTES) break;
    }
    let over = false;
    let titles = 0;
    const rewriter = new HTMLRewriter()
      .on("body", { element: () => { over = true; } })
      .on("meta", {
        element(element) {
          const name = (element.getAttribute("name") ?? element.getAttribute("property") ?? "").toLowerCase();
          // the first of a name, and nothing of what stands in the text
          if (!over && !Object.hasOwn(tags, name)) tags[name] = element.getAttribute("content") ?? "";
        },
      })
      .on("title", {
        element: () => { titles += 1; },
        text(text) {
          if (!over && titles === 1 && heading.length < LONGEST * 10) heading += text.text;
        },
      });
    await rewriter.transform(new Response(await new Blob(chunks).arrayBuffer(), { headers: { "content-type": headers.get("content-type") } })).arrayBuffer();
  } else await response.body?.cancel();
  const of = (what) => {
    const values = [headers.get(HEADERS[what]), ...TAGS[what].map((name) => decoded(tags[name])), what === "title" ? decoded(heading) : ""].map(tidy);
    // an author is a name: some say an address there, of a profile elsewhere
    return values.find((value) => value && !(what === "author" && /^https?:/i.test(value))) ?? null;
  };
  return { author: of("author"), section: of("section"), title: of("title") };
}

// As it stands in the markup: the platform's parser leaves references as they are.
const decoded = (text = "") => text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, number, hex, name) => {
  if (name) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : whole;
  const point = number ? Number(number) : Number.parseInt(hex, 16);
  return point > 0x10ffff ? "" : String.fromCodePoint(point);
});

/** One line of at most 200 letters, without what a terminal or the direction of a text could be changed by. */
const tidy = (text) => [...String(text ?? "").toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Zs}]+/gu, " ").replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, "").trim()].slice(0, LONGEST).join("");
