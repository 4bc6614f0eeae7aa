// What became of those who came to what is sold: the steps up to reading, why they were refused, and the crawlers by name. From sums by
// day that the gate writes (../counts.js): there is nothing of anybody in them.

import { file, files, parts } from "./file.js";
import { html, table } from "./html.js";
import { count } from "./money.js";
import { chooser, date, periodOf } from "./period.js";
import { rows } from "./schema.js";

const DAY = 86_400;
const PROBLEMS = "https://farthing.dev/problems/";
const COLUMNS = ["day", "step", "who", "name", "route", "problem", "n"];
const STEPS = {
  shown: "The price was shown", wallet: "A wallet was opened", signed: "A payment came", settled: "It was settled", opened: "The article opened", returned: "Opened again",
};
const OF = { reader: ["shown", "wallet", "signed", "settled", "opened", "returned"], program: ["shown", "signed", "settled", "opened", "returned"] };
const NAMES = { reader: "Readers", program: "Programs" };
// What a crawler's step is called there.
const BECAME = { shown: "402", opened: "Paid", returned: "Again", allowed: "Allowed", refused: "Refused" };
const MOST = 3000;
// Days that one deletion takes, from the oldest on.
const DAYS_AT_ONCE = 30;

const named = (row) => Object.fromEntries(COLUMNS.map((name, at) => [name, row[at]]));

export async function readers(env, asked) {
  const period = periodOf(asked);
  const found = (await rows(env, `SELECT 0, step, who, name, route, problem, sum(n) FROM desk_count WHERE day BETWEEN ?1 AND ?2 GROUP BY 2, 3, 4, 5, 6 ORDER BY 7 DESC LIMIT ${MOST}`, period.first, period.last)).map(named);
  const routes = [...new Set(found.map(({ route }) => route))].filter(Boolean).sort();
  const route = routes.find((route) => route === asked.query.get("route")) ?? "";
  const shown = route ? found.filter((row) => row.route === route) : found;
  const content = html`${chooser(asked, period)}
${routes.length > 0 && html`<form class="search" method="get" action="/.farthing/desk/readers"><input type="hidden" name="over" value="${period.over}">
<label>Route <select name="route"><option value="">All</option>${routes.map((one) => html`<option${one === route && html` selected`}>${one}</option>`)}</select></label><button>Show</button></form>`}
${Object.entries(OF).map(([who, steps]) => html`<h2>${NAMES[who]}</h2>${funnel(NAMES[who], steps, shown.filter((row) => row.who === who))}`)}
${route && html`<p>An opened wallet is told by the card, and counted for a route only where the card stands on the article's own page.</p>`}
<h2>Crawlers</h2>
${crawlers(shown.filter(({ who }) => who === "crawler"))}
<h2>Refused</h2>
${refusals(shown.filter(({ step }) => step === "refused"))}
<p class="pages">${files(asked, `over=${period.over}`)}</p>`;
  return { title: "Readers", content };
}

const added = (rows) => rows.reduce((sum, { n }) => sum + n, 0);

function funnel(name, steps, rows) {
  const sums = steps.map((step) => added(rows.filter((row) => row.step === step)));
  const most = Math.max(...sums);
  const lines = most === 0 ? [] : steps.map((step, at) => [html`${STEPS[step]}${bar(sums[at], most)}`, count(sums[at]), at === 0 || step === "returned" ? "" : share(sums[at], sums[at - 1])]);
  return table(`${name}, each step with its share of the one before`, ["Step", "#Times", "#Share"], lines, { empty: "None in this time." });
}

const bar = (n, most) => html`<svg class="bar" viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true"><rect width="${n === 0 ? 0 : Math.max(Math.round((n / most) * 1000), 3)}" height="1"/></svg>`;
/** Nothing where there was none before. What is opened again was paid for on any day, and is no share of this. */
const share = (n, before) => (before === 0 ? "" : `${((n / before) * 100).toFixed(1)} %`);

function crawlers(found) {
  const names = [...Map.groupBy(found, ({ name }) => name)].sort(([, one], [, two]) => added(two) - added(one));
  const of = (rows, step) => count(added(rows.filter((row) => row.step === step)));
  const called = { other: "any other", signed: "any other that signs", "": "not known" };
  return table("Crawlers, and what became of them", ["Crawler", ...Object.values(BECAME).map((name) => `#${name}`)],
    names.map(([name, rows]) => [called[name] ?? name, ...Object.keys(BECAME).map((step) => of(rows, step))]), { empty: "None in this time." });
}

function refusals(found) {
  const problems = [...Map.groupBy(found, ({ problem }) => problem)].sort(([, one], [, two]) => added(two) - added(one));
  const of = (rows, who) => count(added(rows.filter((row) => row.who === who)));
  return table("Why requests and payments were refused", ["Why", "#Readers", "#Programs", "#Crawlers"],
    problems.map(([problem, rows]) => [html`<a href="${PROBLEMS}${problem}">${problem}</a>`, ...["reader", "program", "crawler"].map((who) => of(rows, who))]), { empty: "None in this time." });
}

export function readersFile(env, asked) {
  const period = periodOf(asked);
  return file(asked, `readers-${date(period.first)}-${date(period.last)}`, COLUMNS, parts(async (page) => {
    const most = 1000;
    const found = await rows(env, `SELECT ${COLUMNS.join(", ")} FROM desk_count WHERE day BETWEEN ?1 AND ?2 ORDER BY 1, 2, 3, 4, 5, 6 LIMIT ${most} OFFSET ${page * most}`, period.first, period.last);
    return found.map(named).map((row) => ({ ...row, day: date(row.day) }));
  }));
}

/** Forgets what is older than so many days: the oldest of it first, a month of days at once. */
export async function forgetCounts(env, days) {
  if (!(days > 0)) return;
  const last = Math.floor(Date.now() / 1000 / DAY) - days;
  const [there] = await rows(env, "SELECT 1 FROM sqlite_master WHERE name = 'desk_count'");
  if (there) await rows(env, `DELETE FROM desk_count WHERE day <= ?1 AND day < (SELECT min(day) FROM desk_count) + ${DAYS_AT_ONCE}`, last);
}
