// Sample figures: made-up payments on the demo's desk (`npm start`), whose network's name begins with this, so that they are money of its own in every
// sum. No Worker writes any, and outside a development run nobody is shown this choice.

import { html } from "./html.js";
import { rows } from "./schema.js";

const CHOICES = { both: "all", real: "the real ones", sample: "the samples" };
const WHERE = { real: "network NOT LIKE 'sample:%'", sample: "network LIKE 'sample:%'" };

export const isSample = (network) => network.startsWith("sample:");

/** The figures that are asked for: `{env}` with the books as they are to be seen, and where there are samples `choice`. */
export async function figures(env, query) {
  if (env.FARTHING_LOCAL !== "1") return { env };
  const [found] = await rows(env, "SELECT 1 FROM desk_day WHERE network >= 'sample:' AND network < 'sample;' LIMIT 1");
  if (!found) return { env };
  const choice = Object.hasOwn(CHOICES, query.get("figures") ?? "") ? query.get("figures") : "both";
  if (choice === "both") return { env, choice };
  const tables = await rows(env, "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%network TEXT%'");
  // what is read from a table is read from a part of it, by the same name
  const parts = tables.map(([name]) => `${name} AS (SELECT * FROM main.${name} WHERE ${WHERE[choice]})`).join(", ");
  const BOOKS = { prepare: (sql) => env.BOOKS.prepare(sql.replace(/^SELECT /, `WITH ${parts} SELECT `)) };
  return { env: { ...env, BOOKS }, choice };
}

/** What stands on every page where there are samples. */
export function label({ choice, path, query }) {
  const to = (value) => `/.farthing/desk${path}?${new URLSearchParams([...[...query].filter(([name]) => name !== "figures"), ["figures", value]])}`;
  return html`<aside class="sample" aria-label="Sample figures"><p><strong>Sample figures:</strong> payments in “sample USDC” are made up, to show a desk with some weeks of sales. What you pay here yourself is in plain USDC.</p>
<p>Show ${Object.entries(CHOICES).map(([value, name], at) => html`${at > 0 && " · "}<a href="${to(value)}"${value === choice && html` aria-current="true"`}>${name}</a>`)}</p></aside>`;
}

/** The page with the choice in all its links and forms. */
export const keeping = (page, choice) => (choice === "both" ? page : page
  .replace(/href="(\/\.farthing\/desk[^"?]*)(\?[^"]*)?"/g, (all, to, query = "") => (/[?;]figures=/.test(query) ? all : `href="${to}${query ? `${query}&amp;` : "?"}figures=${choice}"`))
  .replace(/<form [^>]*method="get"[^>]*>/g, `$&<input type="hidden" name="figures" value="${choice}">`));
