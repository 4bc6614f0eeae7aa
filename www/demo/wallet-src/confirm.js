// The question before every signature: a native dialog in a shadow root, styled by a constructed sheet,
// so that it works under a strict style-src and under trusted types. Knows nothing of keys or hashes.

import { failure } from "./errors.js";

const CSS = `
:host { all: initial; }
dialog {
  --ink: #211c16; --paper: #fbf7ee; --soft: #5d5446; --hair: #d9cfbd; --copper: #8a3f15; --on: #fff;
  box-sizing: border-box; width: min(27rem, calc(100vw - 1.5rem)); max-height: calc(100dvh - 1.5rem); margin: auto; padding: 0;
  overflow: auto; border: 1px solid var(--ink); border-radius: 10px; color: var(--ink); background: var(--paper);
  box-shadow: 0 1rem 3rem rgb(0 0 0 / .35); font: 1rem/1.45 system-ui, sans-serif; color-scheme: light dark;
}
dialog::backdrop { background: rgb(20 16 10 / .55); }
header { padding: .55rem 1.1rem; background: var(--copper); color: var(--on); font-size: .9rem; font-weight: 600; }
form { display: grid; gap: .85rem; margin: 0; padding: 1.1rem; }
h2 { margin: 0; font-size: 1.5rem; line-height: 1.2; }
p { margin: 0; }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .4rem .9rem; margin: 0; padding: .8rem 0; border-block: 1px solid var(--hair); font-size: .92rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; font-variant-numeric: tabular-nums; }
.buttons { display: flex; flex-wrap: wrap-reverse; justify-content: end; gap: .6rem; }
button { min-height: 2.75rem; min-width: 6.5rem; padding: 0 1.2rem; border: 1px solid var(--ink); border-radius: 7px; color: inherit; background: none; font: inherit; font-weight: 600; cursor: pointer; }
.sign { border-color: var(--copper); color: var(--on); background: var(--copper); }
button:focus-visible { outline: 3px solid var(--copper); outline-offset: 2px; }
@media (prefers-color-scheme: dark) {
  dialog { --ink: #ece5d7; --paper: #221d16; --soft: #b5ab9a; --hair: #443d31; --copper: #e6a577; --on: #201408; border-color: #5d5446; }
}
@media (max-width: 26rem) { dl { grid-template-columns: minmax(0, 1fr); gap: .1rem; } dd { margin-bottom: .4rem; } .buttons button { flex: 1; } }
@media (forced-colors: active) { header { border-bottom: 1px solid; } }
`;

let open = false;

/** True while a question is on the screen. */
export const isAsking = () => open;

/** Resolves when the person signs; throws `{ code: 4001 }` when they do not. */
export async function askToSign({ title, lead, rows }) {
  if (open) throw failure(-32002, "The demo wallet already has a question open.");
  open = true;
  const { host, dialog } = draw(title, lead, rows);
  try {
    document.body.append(host);
    dialog.showModal();
    await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  } finally {
    host.remove();
    open = false;
  }
  if (dialog.returnValue !== "sign") throw failure(4001, "You rejected the request in the demo wallet.");
}

function draw(title, lead, rows) {
  const host = element("div", { id: "demo-wallet" });
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];

  const list = element("dl", {}, ...rows.flatMap(([label, text]) => [element("dt", {}, label), element("dd", {}, text)]));
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", { id: "title" }, title),
    element("p", { id: "lead" }, lead),
    list,
    element(
      "div",
      { className: "buttons" },
      element("button", { value: "reject", className: "reject" }, "Reject"),
      element("button", { value: "sign", className: "sign", autofocus: true }, "Sign"),
    ),
  );
  const dialog = element("dialog", {}, element("header", {}, "Demo wallet (play money)"), form);
  dialog.setAttribute("aria-labelledby", "title");
  dialog.setAttribute("aria-describedby", "lead");
  root.append(dialog);
  return { host, dialog };
}

function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}
