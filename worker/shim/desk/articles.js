// All articles of a period, a hundred at once, and as a file.

import { file, files, parts } from "./file.js";
import { html, table } from "./html.js";
import { count, plain, said, sum, tokenOf } from "./money.js";
import { article } from "./overview.js";
import { chooser, date, periodOf } from "./period.js";
import { refundedIn, refundedLine } from "./refunds.js";
import { byArticle, pagesOf } from "./sales.js";

const MOST = 100;
const MOST_PAGES = 1000;

export async function articles(env, asked) {
  const period = periodOf(asked);
  const page = Math.min(Number(/^\d{1,4}$/.exec(asked.query.get("page") ?? "")?.[0] ?? 1) || 1, MOST_PAGES);
  const [found, back] = await Promise.all([byArticle(env, period, MOST + 1, (page - 1) * MOST), refundedIn(env, period)]);
  const pages = await pagesOf(env, found.map(({ resource }) => resource));
  const to = (page) => `/.farthing/desk/articles?over=${period.over}&page=${page}`;
  const content = html`${chooser(asked, period)}
${table(`Articles by payments, page ${page}`, ["Article", "#Payments", "#Came in"], found.slice(0, MOST).map((row) => [article(row, asked, pages), count(row.payments), said([row])]))}
<p>Refunded: ${refundedLine(back, period)}, which is not taken off these sums.</p>
<p class="pages">${page > 1 && html`<a href="${to(page - 1)}">Before</a>`} ${found.length > MOST && html`<a href="${to(page + 1)}">More</a>`}
${files(asked, `over=${period.over}`)}</p>`;
  return { title: "Articles", content };
}

export function articlesFile(env, asked) {
  const period = periodOf(asked);
  const head = ["article", "title", "author", "section", "from", "to", "network", "token", "symbol", "decimals", "payments", "atomic_units"];
  return file(asked, `articles-${date(period.first)}-${date(period.last)}`, head, parts(async (page) => {
    const found = await byArticle(env, period, MOST * 10, page * MOST * 10);
    const pages = await pagesOf(env, found.map(({ resource }) => resource));
    return found.map((row) => {
      const { resource, network, asset, payments } = row;
      const { symbol, decimals } = tokenOf(network, asset) ?? {};
      const units = sum(row);
      return {
        article: resource, title: null, author: null, section: null, ...pages.get(resource), from: date(period.first), to: date(period.last), network, token: asset, symbol, decimals, payments, atomic_units: units, amount: plain(units, decimals),
      };
    });
  }));
}
