// The search: every word has to be there; titles and addresses before headings before text. What it looks through (search.json) comes with the first focus.
const MOST = 12;

/** The sections that hold every word, best first. */
export function search(sections, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const weigh = ([address, title, heading, text]) => {
    const [named, within, about] = [`${heading || title} ${address}`, text, title].map((part) => part.toLowerCase());
    let sum = 0;
    for (const word of words) {
      const worth = named.includes(word) ? (heading ? 6 : 9) : within.includes(word) ? 2 : about.includes(word) ? 1 : 0;
      if (worth === 0) return 0;
      sum += worth;
    }
    return sum;
  };
  return sections.map((section) => [weigh(section), section]).filter(([worth]) => worth > 0).sort(([a], [b]) => b - a).map(([, section]) => section);
}

/** Some words around the first hit. */
function excerpt(text, query) {
  const at = Math.max(0, text.toLowerCase().indexOf(query.toLowerCase().split(/\s+/).find((word) => text.toLowerCase().includes(word)) ?? ""));
  const from = at < 60 ? 0 : text.lastIndexOf(" ", at - 40) + 1;
  return `${from > 0 ? "… " : ""}${text.slice(from, from + 140)}${text.length > from + 140 ? " …" : ""}`;
}

export function startSearch(host) {
  const input = host.querySelector("input");
  const found = host.querySelector("#found");
  const [status, list] = found.children;
  let sections;
  const load = () => (sections ??= fetch("/search.json").then((answer) => answer.json()).catch(() => { sections = undefined; return []; }));

  async function show() {
    const query = input.value.trim();
    const hits = query === "" ? [] : search(await load(), query);
    if (query !== input.value.trim()) return;
    found.hidden = query === "";
    status.textContent = hits.length === 0 ? `Nothing about “${query}”` : `${hits.length} ${hits.length === 1 ? "place" : "places"}`;
    list.replaceChildren(...hits.slice(0, MOST).map(([href, title, heading, text]) => {
      const [item, link, name, words] = ["li", "a", "strong", "span"].map((kind) => document.createElement(kind));
      link.href = href;
      name.textContent = heading ? `${title}: ${heading}` : title;
      words.textContent = excerpt(text, query);
      link.append(name, words);
      item.append(link);
      return item;
    }));
  }

  const close = () => { found.hidden = true; };
  input.addEventListener("focus", load, { once: true });
  input.addEventListener("input", show);
  host.addEventListener("keydown", (event) => {
    const stops = [input, ...list.querySelectorAll("a")];
    const at = stops.indexOf(document.activeElement);
    if (event.key === "Escape") {
      input.focus();
      close();
    } else if (event.key === "Enter" && at === 0) stops[1]?.click();
    else if (event.key === "ArrowDown") stops[Math.min(at + 1, stops.length - 1)].focus();
    else if (event.key === "ArrowUp") stops[Math.max(at - 1, 0)].focus();
    else return;
    event.preventDefault();
  });
  host.addEventListener("focusin", () => { if (input.value.trim() !== "") found.hidden = false; });
  document.addEventListener("pointerdown", (event) => { if (!host.contains(event.target)) close(); });
  host.addEventListener("focusout", (event) => { if (event.relatedTarget && !host.contains(event.relatedTarget)) close(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, [contenteditable]")) return;
    event.preventDefault();
    input.focus();
  });
  host.hidden = false;
}
