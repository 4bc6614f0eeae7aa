// The desk: the publisher's own pages, made from the books. Whoever comes here was let in by the gate. It only reads,
// but for refunds, which take nothing that another site could make a publisher's browser send (sendback.js).

import { articles, articlesFile } from "./articles.js";
import { frame, text } from "./frame.js";
import { health } from "./health.js";
import { html } from "./html.js";
import { say } from "../log.js";
import { overview } from "./overview.js";
import { readPages } from "./pages.js";
import { payment, payments, paymentsFile } from "./payments.js";
import { refunds, refundsFile } from "./refunds.js";
import { forgetCounts, readers, readersFile } from "./readers.js";
import { reconciliation } from "./reconciliation.js";
import { figures } from "./sample.js";
import { ready, rows } from "./schema.js";
import { refundPost, walletScript } from "./sendback.js";
import { trouble } from "./trouble.js";

// By what follows /.farthing/desk: a page is a title and its content, a file is an answer.
const PAGES = { "": overview, "/articles": articles, "/readers": readers, "/payments": payments, "/payment": payment, "/refunds": refunds, "/trouble": trouble, "/reconciliation": reconciliation, "/health": health };
const FILES = { "/articles": articlesFile, "/readers": readersFile, "/payments": paymentsFile, "/refunds": refundsFile };
const FORMS = /\.(csv|json)$/;

export { kept } from "./kept.js";
export { records } from "./records.js";
export { refund } from "./refund.js";

/** What is done with each run of the cron trigger; `ask` as for the desk. Where the desk was never opened there is nothing to do. */
export async function tend(env, days, ask) {
  await forgetCounts(env, days);
  const [there] = await rows(env, "SELECT 1 FROM sqlite_master WHERE name = 'desk_article_new'");
  if (there) await readPages(env, ask);
}

/** `days`: for how many what is counted is kept; `ask(resource)`: what the origin answers; `edge` and `gate` answer what the config says. */
export async function desk(request, env, ctx, { days, ask, edge, gate }) {
  const url = new URL(request.url);
  const path = url.pathname.slice("/.farthing/desk".length).replace(/\/$/, "");
  const asked = { path, query: url.searchParams, site: url.origin, now: Math.floor(Date.now() / 1000), edge, gate };
  // another site's page can have a browser ask, though it sees nothing of the answer: that would be work for nothing
  if (request.headers.get("sec-fetch-site") === "cross-site" && request.headers.get("sec-fetch-mode") !== "navigate") return text(403, "The desk is for its own pages.");
  if (path === "/refund" && request.method === "POST") {
    if (env.BOOKS !== undefined) await ready(env, ctx);
    return await refundPost(request, env, asked);
  }
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "The desk is read with GET.", { allow: "GET, HEAD" });
  if (path === "/wallet.js") return walletScript();
  const list = FORMS.test(path) ? FILES[path.replace(FORMS, "")] : undefined;
  if (!(Object.hasOwn(PAGES, path) || list)) return frame({ ...asked, status: 404, title: "Nothing is here", content: html`<p>The desk has no such page.</p>` });
  if (env.BOOKS === undefined) return frame({ ...asked, ...(path === "/health" ? await health(env, asked) : { title: "No books yet", content: NO_BOOKS }) });
  await ready(env, ctx);
  // beside the page, which does not wait for it
  ctx.waitUntil(Promise.all([forgetCounts(env, days), readPages(env, ask)]).catch((error) => say("broken", { at: "desk", error })));
  const { env: seen, choice } = await figures(env, asked.query);
  if (list) return await list(seen, asked);
  return frame({ ...asked, choice, ...await PAGES[path](seen, asked) });
}

const NO_BOOKS = html`<p>The desk shows what is in the books, and this Worker has none. Make them, put what is printed into
  <code>wrangler.jsonc</code>, and deploy:</p>
  <pre>npx wrangler d1 create farthing-books</pre>
  <p>Payments from before are not in new books; <code>npm run reconcile</code> reads them from the chain.</p>`;
