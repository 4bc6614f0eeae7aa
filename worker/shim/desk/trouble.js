// What wants somebody's eyes: payments whose outcome is not known, transfers that no ledger knows, and why payments were refused.

import { html, table } from "./html.js";
import { amount, count } from "./money.js";
import { article } from "./overview.js";
import { time } from "./period.js";
import { rows } from "./schema.js";
import { allBegun } from "./sendback.js";

const MOST = 50;
// The alarms try for some minutes before anybody has to look.
const LONG = 10 * 60;
const MONTH = 30 * 86_400;

export async function trouble(env, asked) {
  const list = (state) => rows(env, `SELECT key, resource, network, asset, amount, first_seen, coalesce(reason, '') FROM payment WHERE state = ?1 ORDER BY first_seen DESC LIMIT ${MOST}`, state);
  const [unknown, stray, [[late]], reasons, undone, begun] = await Promise.all([
    list("unknown"), list("stray"), rows(env, "SELECT count(*) FROM payment WHERE state = 'unknown' AND first_seen < ?1", asked.now - LONG),
    rows(env, "SELECT coalesce(reason, ''), count(*) FROM payment WHERE state = 'refused' AND first_seen > ?1 GROUP BY 1 ORDER BY 2 DESC LIMIT 20", asked.now - MONTH),
    rows(env, `SELECT key, resource, network, asset, amount, first_seen, state FROM payment WHERE state IN ('unknown', 'expired', 'cancelled', 'elsewhere', 'refused') AND reason = 'undone' ORDER BY first_seen DESC LIMIT ${MOST}`),
    allBegun(env, MOST),
  ]);
  const lines = (found) => found.map(([key, resource, network, asset, units, seen, why]) => [
    html`<a href="/.farthing/desk/payment?${new URLSearchParams({ key })}">${time(seen)}</a>`, resource ? article({ resource }, asked) : "no article", amount(BigInt(units), network, asset), why,
  ]);
  const head = ["When", "Article", "#Amount", "Why"];
  const content = html`<p class="${late > 0 ? "alert" : "fine"}">${late > 0 ? `${count(late)} ${late === 1 ? "payment has" : "payments have"} been without a known outcome for more than ten minutes.` : "No payment has been without a known outcome for more than ten minutes."}</p>
<h2>Not known yet</h2><p>Whether the money moved is not known: the ledger asks again by itself, and nobody is charged twice. What stays here for an hour is a chain or a facilitator that does not answer.</p>
${table("Payments whose outcome is not known", head, lines(unknown), { empty: "None." })}
<h2>Undone</h2><p>Settled once, and taken back by the chain.</p>
${table("Payments that the chain has undone", head, lines(undone), { empty: "None." })}
${begun.length > 0 && html`<h2>Refunds under way</h2><p>Begun on the desk, and not in the books yet: each payment's page says what is to be done.</p>
${table("Refunds that were begun", ["Since", "Article", "#Amount", "Transaction"], lines(begun))}`}
<h2>Stray</h2><p>Transfers to your address that the chain has and no ledger knows: made to another server that is paid there too, or their ledger was lost.</p>
${table("Transfers that no ledger knows", head, lines(stray), { empty: "None." })}
<h2>Refused in the last 30 days</h2><p>By facilitators and the chain. Whom <code>screening</code> refuses is not written down here; the figures count it.</p>
${table("Why facilitators refused payments", ["Why", "#Payments"], reasons.map(([why, number]) => [why || "no reason given", count(number)]), { empty: "None." })}`;
  return { title: "Trouble", content };
}
