// Times: days by UTC, and the period that a page is about.

import { html } from "./html.js";

const DAY = 86_400;
// Days of few days are added up, and whole quarters of more: what a page adds up is short either way.
const PERIODS = { "7d": "7 days", "30d": "30 days", "2q": "2 quarters", "4q": "4 quarters" };

export const date = (day) => new Date(day * DAY * 1000).toISOString().slice(0, 10);
export const time = (seconds) => (seconds ? `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC` : "");

/** What `?over=` asks for: the first and the last day of it, and of quarters the first one. The present day and quarter count. */
export function periodOf({ query, now }) {
  const over = Object.hasOwn(PERIODS, query.get("over") ?? "") ? query.get("over") : "30d";
  const last = Math.floor(now / DAY);
  const number = Number.parseInt(over, 10);
  if (over.endsWith("d")) return { over, first: last - number + 1, last };
  const today = new Date(now * 1000);
  const quarter = today.getUTCFullYear() * 4 + Math.floor(today.getUTCMonth() / 3) - number + 1;
  return { over, first: Date.UTC(Math.floor(quarter / 4), (quarter % 4) * 3, 1) / 1000 / DAY, last, quarter };
}

export const chooser = ({ path, query }, { over }) => html`<nav class="period" aria-label="Period">${Object.entries(PERIODS).map(([value, name]) => {
  const to = new URLSearchParams([...query].filter(([key]) => key !== "over" && key !== "page"));
  to.set("over", value);
  return html`<a href="/.farthing/desk${path}?${to}"${value === over && html` aria-current="true"`}>${name}</a>`;
})}</nav>`;
