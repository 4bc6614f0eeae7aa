// Markup whose values are escaped, each and always; what is markup already is so because it was made here.

class Markup {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const written = (value) => {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(written).join("");
  if (value === undefined || value === null || value === false) return "";
  return String(value).replace(/[&<>"']/g, (char) => ENTITIES[char]);
};

export const html = (parts, ...values) => new Markup(String.raw({ raw: parts }, ...values.map(written)));

// A table: `head` of names, of which those with a leading # are of numbers; rows of values.
export function table(caption, head, rows, { empty = "Nothing yet." } = {}) {
  if (rows.length === 0) return html`<p class="none">${empty}</p>`;
  const kinds = head.map((name) => (name.startsWith("#") ? html` class="number"` : ""));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table${head.length > 3 && html` class="wide"`}><caption>${caption}</caption>
<thead><tr>${head.map((name, at) => html`<th scope="col"${kinds[at]}>${name.replace(/^#/, "")}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((value, at) => html`<td${kinds[at]}>${value}</td>`)}</tr>`)}</tbody></table></div>`;
}
