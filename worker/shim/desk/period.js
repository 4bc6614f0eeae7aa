// Times: days by UTC, and the period that a page is about.

import { html } from "./html.js";

const DAY = 86_400;
// Days are added up by day, years by month: what is added up is short either way.
export const PERIODS = { 7: "7 days", 30: "30 days", 90: "90 days", 365: "12 months" };

export const date = (day) => new Date(day * DAY * 1000).toISOString().slice(0, 10);
export const time = (seconds) => (seconds ? `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC` : "");

/** What `?days=` asks for: the first and the last day of it, and of months the first one. */
export function periodOf({ query, now }) {
  const days = query.get("days") in PERIODS ? Number(query.get("days")) : 30;
  const last = Math.floor(now / DAY);
  const today = new Date(now * 1000);
  const first = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - 11, 1));
  if (days < 365) return { days, first: last - days + 1, last };
  return { days, first: Math.floor(first / 1000 / DAY), last, month: first.getUTCFullYear() * 100 + first.getUTCMonth() + 1 };
}

export const chooser = ({ path, query }, { days }) => html`<nav class="period" aria-label="Period">${Object.entries(PERIODS).map(([value, name]) => {
  const to = new URLSearchParams([...query].filter(([key]) => key !== "days" && key !== "page"));
  to.set("days", value);
  return html`<a href="/.farthing/desk${path}?${to}"${Number(value) === days ? html` aria-current="true"` : ""}>${name}</a>`;
})}</nav>`;
