// The desk: the publisher's own pages, made from the books. Whoever comes here was let in by the gate. It only reads: nothing under the
// desk changes anything, so there is nothing that another site could make a publisher's browser do.

import { articles, articlesFile } from "./articles.js";
import { frame, text } from "./frame.js";
import { html } from "./html.js";
import { say } from "../log.js";
import { overview } from "./overview.js";
import { readPages } from "./pages.js";
import { payment, payments, paymentsFile } from "./payments.js";
import { refunds, refundsFile } from "./refunds.js";
import { forgetCounts, readers, readersFile } from "./readers.js";
import { ready, rows } from "./schema.js";
import { trouble } from "./trouble.js";

// By what follows /.farthing/desk: a page is a title and its content, a file is an answer.
const PAGES = { "": overview, "/articles": articles, "/readers": readers, "/payments": payments, "/payment": payment, "/refunds": refunds, "/trouble": trouble };
const FILES = { "/articles": articlesFile, "/readers": readersFile, "/payments": paymentsFile, "/refunds": refundsFile };
const FORMS = /\.(csv|json)$/;

export { records } from "./records.js";
export { refund } from "./refund.js";

/** What is done with each run of the cron trigger; `ask` as for the desk. Where the desk was never opened there is nothing to do. */
export async function tend(env, days, ask) {
  await forgetCounts(env, days);
  const [there] = await rows(env, "SELECT 1 FROM sqlite_master WHERE name = 'desk_article_new'");
  if (there) await readPages(env, ask);
}

/** `days`: for how many what is counted is kept; `ask(resource)`: what the origin answers. */
export async function desk(request, env, ctx, days, ask) {
  const url = new URL(request.url);
  const path = url.pathname.slice("/.farthing/desk".length).replace(/\/$/, "");
  const asked = { path, query: url.searchParams, site: url.origin, now: Math.floor(Date.now() / 1000) };
  // another site's page can have a browser ask, though it sees nothing of the answer: that would be work for nothing
  if (request.headers.get("sec-fetch-site") === "cross-site" && request.headers.get("sec-fetch-mode") !== "navigate") return text(403, "The desk is for its own pages.");
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "The desk is read with GET.", { allow: "GET, HEAD" });
  const list = FORMS.test(path) ? FILES[path.replace(FORMS, "")] : undefined;
  if (!(Object.hasOwn(PAGES, path) || list)) return frame({ ...asked, status: 404, title: "Nothing is here", content: html`<p>The desk has no such page.</p>` });
  if (env.BOOKS === undefined) return frame({ ...asked, title: "No books yet", content: NO_BOOKS });
  await ready(env, ctx);
  // beside the page, which does not wait for it
  ctx.waitUntil(Promise.all([forgetCounts(env, days), readPages(env, ask)]).catch((error) => say("broken", { at: "desk", error })));
  if (list) return await list(env, asked);
  return frame({ ...asked, ...await PAGES[path](env, asked) });
}

const NO_BOOKS = html`<p>The desk shows what is in the books, and this Worker has none. Make them, put what is printed into
  <code>wrangler.jsonc</code>, and deploy:</p>
  <pre>npx wrangler d1 create farthing-books</pre>
  <p>Payments from before are not in new books; <code>npm run reconcile</code> reads them from the chain.</p>`;
