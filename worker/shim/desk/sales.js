// What the sums say of a period.

import { rows } from "./schema.js";

const named = (names) => (row) => Object.fromEntries(names.map((name, at) => [name, row[at]]));
// What was counted and taken back leaves a row of nothing.
const SOLD = "HAVING sum(payments) > 0";
// As texts: what JavaScript gets as a number is not exact beyond 2^53.
const SUMS = "network, asset, sum(payments), CAST(sum(high) AS TEXT), CAST(sum(middle) AS TEXT), CAST(sum(low) AS TEXT)";
const MONEY = ["network", "asset", "payments", "high", "middle", "low"];

/** `{day, network, asset, payments, high, middle, low}` for each day and token. */
export async function byDay(env, { first, last }) {
  const found = await rows(env, `SELECT day, ${SUMS} FROM desk_day WHERE day BETWEEN ?1 AND ?2 GROUP BY 1, 2, 3 ${SOLD} ORDER BY 1`, first, last);
  return found.map(named(["day", ...MONEY]));
}

/** By the name of what was bought: empty for single articles. */
export async function byOffer(env, { first, last }) {
  const found = await rows(env, `SELECT offer, ${SUMS} FROM desk_day WHERE day BETWEEN ?1 AND ?2 GROUP BY 1, 2, 3 ${SOLD} ORDER BY 4 DESC LIMIT 3000`, first, last);
  return found.map(named(["offer", ...MONEY]));
}

const articles = ({ quarter }) => (quarter ? "desk_article_quarter WHERE quarter >= ?1" : "desk_article_day WHERE day BETWEEN ?1 AND ?2");
const bounds = ({ quarter, first, last }) => (quarter ? [quarter] : [first, last]);

/** By article, the most payments first. */
export async function byArticle(env, period, most, after = 0) {
  const sql = `SELECT resource, ${SUMS} FROM ${articles(period)} GROUP BY 1, 2, 3 ${SOLD} ORDER BY 4 DESC, 1 LIMIT ${most} OFFSET ${after}`;
  return (await rows(env, sql, ...bounds(period))).map(named(["resource", ...MONEY]));
}

/** By who bought: empty for what was not known when it was paid. */
export async function byAudience(env, { first, last }) {
  const found = await rows(env, `SELECT audience, ${SUMS} FROM desk_audience_day WHERE day BETWEEN ?1 AND ?2 GROUP BY 1, 2, 3 ${SOLD} ORDER BY 4 DESC LIMIT 3000`, first, last);
  return found.map(named(["audience", ...MONEY]));
}

/** The most bought articles, and all by who wrote them, as their pages say: an empty author is one that is not known. The sums are gone through once. */
export async function byArticleAndAuthor(env, period, most) {
  const sold = `SELECT resource, network, asset, sum(payments) AS payments, sum(high) AS high, sum(middle) AS middle, sum(low) AS low FROM ${articles(period)} GROUP BY 1, 2, 3 ${SOLD}`;
  const sql = `WITH sold AS MATERIALIZED (${sold})
    SELECT * FROM (SELECT 'articles', resource, network, asset, payments, CAST(high AS TEXT), CAST(middle AS TEXT), CAST(low AS TEXT) FROM sold ORDER BY payments DESC, resource LIMIT ${most})
    UNION ALL
    SELECT * FROM (SELECT 'authors', coalesce(author, ''), ${SUMS} FROM sold LEFT JOIN desk_article USING (resource) GROUP BY 2, 3, 4 ORDER BY 5 DESC LIMIT 3000)`;
  const found = await rows(env, sql, ...bounds(period));
  const of = (list, name) => found.filter(([kind]) => kind === list).map(([, ...row]) => named([name, ...MONEY])(row));
  return { articles: of("articles", "resource"), authors: of("authors", "author") };
}

/** What the pages of these articles say, by article: `{author, section, title}`. */
export async function pagesOf(env, resources) {
  const names = ["author", "section", "title"];
  const found = await rows(env, `SELECT resource, ${names.join(", ")} FROM desk_article WHERE resource IN (SELECT value FROM json_each(?1))`, JSON.stringify([...new Set(resources)]));
  return new Map(found.map(([resource, ...texts]) => [resource, named(names)(texts)]));
}

/** By the first part of the path, if another follows it. */
export async function bySection(env, { first, last }) {
  const found = await rows(env, `SELECT section, ${SUMS} FROM desk_section_day WHERE day BETWEEN ?1 AND ?2 GROUP BY 1, 2, 3 ${SOLD} ORDER BY 4 DESC LIMIT 3000`, first, last);
  return found.map(named(["section", ...MONEY]));
}
