// Bars, one for each day, in a picture whose figures are in a table as well.

import { html, table } from "./html.js";
import { date } from "./period.js";

const [WIDTH, HEIGHT] = [720, 160];
const MOST_BARS = 92;

/** `days` of `{first, last}`; `value(day)` gives atomic units, `said(units)` words. More days than fit are taken together. */
export function bars({ first, last }, value, said, title) {
  const days = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  const size = Math.ceil(days.length / MOST_BARS);
  const groups = Array.from({ length: Math.ceil(days.length / size) }, (_, at) => days.slice(at * size, (at + 1) * size));
  const sums = groups.map((group) => ({ from: date(group[0]), to: date(group.at(-1)), units: group.reduce((sum, day) => sum + value(day), 0n) }));
  const most = sums.reduce((most, { units }) => (units > most ? units : most), 0n);
  const step = WIDTH / sums.length;
  const label = ({ from, to, units }) => `${from}${from === to ? "" : ` to ${to}`}: ${said(units)}`;
  const rects = sums.map((one, at) => {
    // thousandths of the height: no amount becomes a float
    const height = most === 0n ? 0 : Number((one.units * 1000n) / most) * HEIGHT / 1000;
    const shown = one.units > 0n ? Math.max(height, 1) : 0;
    return html`<rect x="${(at * step + step * 0.1).toFixed(2)}" y="${(HEIGHT - shown).toFixed(2)}" width="${(step * 0.8).toFixed(2)}" height="${shown.toFixed(2)}"><title>${label(one)}</title></rect>`;
  });
  return html`<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}, by day; the figures are in the table below" preserveAspectRatio="none">${rects}</svg>
<figcaption><span>${sums[0].from}</span><span>${most === 0n ? "" : `highest: ${said(most)}`}</span><span>${sums.at(-1).to}</span></figcaption>
<details><summary>As a table</summary>${table(`${title}, by day`, ["From", "To", "#Amount"], sums.map(({ from, to, units }) => [from, to, said(units)]))}</details></figure>`;
}
