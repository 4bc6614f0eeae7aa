// Files for a spreadsheet (RFC 4180), written while they are read from the books.

const SPREADSHEET = "text/csv; charset=utf-8";
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

export function file(name, head, lists) {
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(line(head))),
    async pull(controller) {
      const { done, value } = await lists.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value.map(line).join("")));
    },
  });
  const headers = { "content-type": SPREADSHEET, "content-disposition": `attachment; filename="${name}"`, "cache-control": "private, no-store", "x-content-type-options": "nosniff" };
  return new Response(body, { headers });
}
