// Files for a spreadsheet (RFC 4180) and for programs (JSON), written while they are read from the books.

import { html } from "./html.js";

const TYPES = { csv: "text/csv; charset=utf-8", json: "application/json" };
const MOST_PARTS = 5000;

// A text that a spreadsheet would work out is not one: nobody chooses what a publisher's machine does by an article's address.
const cell = (value) => {
  const text = String(value ?? "");
  const plain = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
};
const line = (values) => `${values.map(cell).join(",")}\r\n`;

/** Lists of rows until one is empty: what `next(number, last)` gives, with the last row before. */
export async function* parts(next) {
  let last;
  for (let number = 0; number < MOST_PARTS; number += 1) {
    const rows = await next(number, last);
    if (rows.length === 0) return;
    yield rows;
    last = rows.at(-1);
  }
  // a file that ends early must not look whole
  throw new Error("there is more than a file holds");
}

/** As `path` asks: a table with the columns of `head`, or a list of all that there is of each row. Integers beyond 2^53 are texts there. */
export function file({ path }, name, head, lists) {
  const json = path.endsWith(".json");
  const encoder = new TextEncoder();
  let first = true;
  const object = (row) => {
    const text = `${first ? "" : ",\n"}${JSON.stringify(row, (_, value) => (typeof value === "bigint" ? String(value) : value ?? null))}`;
    first = false;
    return text;
  };
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(json ? "[\n" : line(head))),
    async pull(controller) {
      const { done, value } = await lists.next();
      if (!done) return controller.enqueue(encoder.encode(value.map((row) => (json ? object(row) : line(head.map((column) => row[column])))).join("")));
      if (json) controller.enqueue(encoder.encode("\n]\n"));
      controller.close();
    },
  });
  const kind = json ? "json" : "csv";
  const headers = { "content-type": TYPES[kind], "content-disposition": `attachment; filename="${name}.${kind}"`, "cache-control": "private, no-store", "x-content-type-options": "nosniff" };
  return new Response(body, { headers });
}

/** The ways to have a page as a file, for `files(asked, "over=30d")`. */
export const files = ({ path }, query) => html`<a href="/.farthing/desk${path}.csv?${query}">As a file (CSV)</a> <a href="/.farthing/desk${path}.json?${query}">JSON</a>`;
