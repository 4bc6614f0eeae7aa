// What came in: by day, by article, by section, by who bought, by network, by what was bought.

import { bars } from "./chart.js";
import { html, table } from "./html.js";
import { amount, count, monies, networkName, said, sum, tokenOf } from "./money.js";
import { chooser, periodOf } from "./period.js";
import { refundedIn, refundedLine } from "./refunds.js";
import { byArticleAndAuthor, byAudience, byDay, byOffer, bySection, pagesOf } from "./sales.js";
import { rows } from "./schema.js";

const AUDIENCES = { reader: "people", program: "programs", crawler: "crawlers", "": "not known" };
const MOST_SECTIONS = 50;
const MOST_AUTHORS = 50;

export async function overview(env, asked) {
  const period = periodOf(asked);
  const [days, { articles, authors }, audiences, sections, offers, [[unknown]], back] = await Promise.all([
    byDay(env, period), byArticleAndAuthor(env, period, 10), byAudience(env, period), bySection(env, period), byOffer(env, period),
    rows(env, "SELECT count(*) FROM payment WHERE state = 'unknown'"),
    refundedIn(env, period),
  ]);
  const pages = await pagesOf(env, articles.map(({ resource }) => resource));
  const all = monies(days);
  const networks = [...Map.groupBy(days, ({ network }) => network)].sort(([, one], [, two]) => payments(two) - payments(one)).map(([network, rows]) => [networkName(network), count(payments(rows)), said(rows)]);
  const content = html`${chooser(asked, period)}
<dl class="totals">
  ${all.length === 0 ? html`<div><dt>Came in</dt><dd>0.00</dd></div>` : all.map(({ units, network, asset, test }) => html`<div><dt>${test ? "Test money" : "Came in"}</dt><dd>${amount(units, network, asset)}</dd></div>`)}
  <div><dt>Refunded</dt><dd>${refundedLine(back, period)}</dd></div>
  <div><dt>Payments</dt><dd>${count(payments(days))}</dd></div>
  <div><dt>Not known yet</dt><dd>${unknown > 0 ? html`<a href="/.farthing/desk/trouble">${count(unknown)}</a>` : "0"}</dd></div>
</dl>
${all.slice(0, 3).map((money) => chart(period, days, money))}
<h2>Articles</h2>
${table("The most bought articles", ["Article", "#Payments", "#Came in"], articles.map((row) => [article(row, asked, pages), count(row.payments), said([row])]))}
<p><a href="/.farthing/desk/articles?over=${period.over}">All articles</a></p>
${authors.some(({ author }) => author !== "") && html`<h2>Authors</h2>
${table("By who wrote it, as the articles' pages say", ["Author", "#Payments", "#Came in"], together(authors, "author").slice(0, MOST_AUTHORS).map(([name, ...rest]) => [name || "not known", ...rest]))}${together(authors, "author").length > MOST_AUTHORS && html`<p>These are the ${MOST_AUTHORS} largest.</p>`}`}
<h2>Sections</h2>
${table("By the first part of the path", ["Section", "#Payments", "#Came in"], together(sections, "section").slice(0, MOST_SECTIONS))}${sections.length > 0 && together(sections, "section").length > MOST_SECTIONS && html`<p>These are the ${MOST_SECTIONS} largest.</p>`}
<h2>Who bought</h2>
${table("By who bought", ["Bought by", "#Payments", "#Came in"], together(audiences, "audience").map(([name, ...rest]) => [AUDIENCES[name] ?? name, ...rest]))}
<h2>Networks</h2>
${table("By network", ["Network", "#Payments", "#Came in"], networks)}
${offers.some(({ offer }) => offer !== "") && html`<h2>What was bought</h2>
${table("Single articles, passes and bundles", ["Bought", "#Payments", "#Came in"], together(offers, "offer").map(([name, ...rest]) => [name || "single article", ...rest]))}`}`;
  return { title: "Revenue", content };
}

const payments = (rows) => rows.reduce((sum, row) => sum + row.payments, 0);

/** One line for all tokens of a name. */
export const together = (rows, name) => [...Map.groupBy(rows, (row) => row[name])].map(([value, rows]) => [value, count(payments(rows)), said(rows)]);

/** The way to an article's payments: its title, where its page has said one (`pages`), and its address. */
export function article({ resource }, { site }, pages) {
  const address = resource.startsWith(`${site}/`) ? resource.slice(site.length) : resource;
  const { title, author } = pages?.get(resource) ?? {};
  const to = `/.farthing/desk/payments?${new URLSearchParams({ resource })}`;
  if (!title) return html`<a href="${to}">${address}</a>`;
  return html`<a href="${to}">${title}</a><small>${author && html`${author} · `}${address}</small>`;
}

function chart(period, days, money) {
  const own = days.filter(({ network, asset }) => same(money, { network, asset }));
  const byDay = new Map();
  for (const row of own) byDay.set(row.day, (byDay.get(row.day) ?? 0n) + sum(row));
  const { symbol } = tokenOf(money.network, money.asset) ?? {};
  return bars(period, (day) => byDay.get(day) ?? 0n, (units) => amount(units, money.network, money.asset), `${symbol ?? "Token"}${money.test ? " (test)" : ""}`);
}

function same(money, other) {
  const [one, two] = [tokenOf(money.network, money.asset), tokenOf(other.network, other.asset)];
  return one && two ? one.symbol === two.symbol && one.test === two.test && one.decimals === two.decimals : money.network === other.network && money.asset === other.asset;
}
