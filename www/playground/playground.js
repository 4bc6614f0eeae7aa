// The playground: a form that makes the element, situations that a wallet or a site can bring it into, what it says, and what to copy.

const at = (id) => document.getElementById(id);
const form = at("settings");
const field = (name) => form.elements.namedItem(name);
const never = new Promise(() => {});

const CHAIN = "0x14a34";
const ACCOUNT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const fails = (code) => async () => { throw Object.assign(new Error("scripted"), { code }); };

/** A wallet that answers what it is told to, and else as one with an account and no money. */
const scripted = (answers) => ({
  request: async ({ method }) => {
    if (answers[method]) return answers[method]();
    if (method === "eth_requestAccounts" || method === "eth_accounts") return [ACCOUNT];
    if (method === "eth_chainId") return CHAIN;
    if (method === "eth_call") return `0x${"f".repeat(64)}`;
    throw Object.assign(new Error("scripted"), { code: -32601 });
  },
});

const problem = (status, slug) => async () => {
  const body = JSON.stringify({ type: `https://farthing.dev/problems/${slug}`, title: slug, status });
  return new Response(body, { status, headers: { "content-type": "application/problem+json" } });
};
const KEPT = "The payment is signed and kept on this device. Choose “Demo wallet” afterwards: it is sent, and not signed again.";

/**
 * `demo`: the newspaper's wallet is there. `provider`: a wallet of the page's own. `paid`: what the site answers to a payment, which
 * then does not get there. `set`: attributes.
 */
const SITUATIONS = {
  "Demo wallet: everything works": { demo: true, note: "Press the button, then Sign." },
  "Demo wallet and another one": { demo: true, second: true },
  "No wallet": {},
  "The reader refuses": { provider: scripted({ eth_signTypedData_v4: fails(4001), eth_requestAccounts: fails(4001) }) },
  "The wallet is locked": { provider: scripted({ eth_requestAccounts: fails(4100) }) },
  "The wallet has a question open": { provider: scripted({ eth_requestAccounts: fails(-32002) }) },
  "The wallet keeps silent": { provider: scripted({ eth_requestAccounts: () => never }) },
  "The wallet waits for the signature": { provider: scripted({ eth_signTypedData_v4: () => never }) },
  "The wallet has no network": { provider: scripted({ eth_chainId: fails(4900) }) },
  "The wallet stays on another network": { provider: scripted({ eth_chainId: async () => "0x1", wallet_switchEthereumChain: fails(-32603) }) },
  "The wallet cannot sign this": { provider: scripted({ eth_signTypedData_v4: fails(4200) }) },
  "The wallet fails": { provider: scripted({ eth_requestAccounts: fails(-32603) }) },
  "Too little money": { provider: scripted({ eth_call: async () => `0x${"0".repeat(64)}` }) },
  "The price has changed": { demo: true, set: { price: "$0.001" } },
  "The price is above the pin": { demo: true, set: { "max-price": "$0.001" } },
  "The price cannot be loaded": { demo: true, set: { src: "/nowhere" } },
  "Another tab is paying": { demo: true, lock: true },
  "The payment takes long": { demo: true, paid: () => never, note: KEPT },
  "The outcome is not known": { demo: true, paid: problem(503, "settlement-pending"), note: KEPT },
  "The line is cut after signing": { demo: true, paid: () => Promise.reject(new TypeError("scripted")), note: KEPT },
  "The payment is refused": { demo: true, paid: problem(402, "refused") },
  "The payment was used before": { demo: true, paid: problem(409, "already-used") },
  "A file is missing": { demo: true, missing: true },
};

const log = (...words) => {
  const line = document.createElement("li");
  line.textContent = words.map((word) => (typeof word === "string" ? word : JSON.stringify(word))).join(" ");
  at("log").append(line);
  line.scrollIntoView?.({ block: "nearest" });
};
document.addEventListener("farthing:state", ({ detail }) => log("farthing:state", detail));
document.addEventListener("farthing:beforepay", (event) => {
  if (field("closed").checked) event.preventDefault();
  log("farthing:beforepay", event.detail, event.defaultPrevented ? "prevented" : "");
});

// everything is in the address, so that it can be sent to somebody, and so that a situation begins on a fresh page
const known = new URLSearchParams(location.search);
field("situation").append(...Object.keys(SITUATIONS).map((name) => new Option(name, name)));
const fields = [...form.elements].filter(({ name }) => name);
const article = () => field("src").selectedOptions[0];
const prefill = () => {
  field("price").value = article().dataset.price;
  field("description").value = article().textContent.trim();
};
prefill();
for (const one of fields) {
  const value = known.get(one.name);
  if (value === null) continue;
  if (one.type === "checkbox") one.checked = value === "1";
  else one.value = value;
  if (one.name === "src" && !known.has("price")) prefill();
}
if (!field("situation").value) field("situation").selectedIndex = 0;
const situation = SITUATIONS[field("situation").value];
at("note").textContent = situation.note ?? "";

const own = globalThis.fetch;
globalThis.fetch = (input, options) => {
  if (situation.missing && String(input).endsWith(".wasm")) return Promise.reject(new TypeError("scripted"));
  return situation.paid && new Headers(options?.headers).has("PAYMENT-SIGNATURE") ? situation.paid() : own(input, options);
};

const NAMES = [...at("attributes").querySelectorAll("[name]")].map(({ name }) => name);
const PROPERTIES = [...at("properties").querySelectorAll("[name]")].map(({ name }) => name);
const valueOf = (name) => (field(name).type === "checkbox" ? (field(name).checked ? "" : undefined) : field(name).value || undefined);
const attributes = () => NAMES.filter((name) => field("element").value !== "farthing-receipt" || name === "src" || name === "lang")
  .map((name) => [name, valueOf(name)]).filter(([, value]) => value !== undefined);

const escape = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
function snippet() {
  const tag = field("element").value;
  const text = attributes().map(([name, value]) => (value ? ` ${name}="${escape(value)}"` : ` ${name}`)).join("");
  const rules = PROPERTIES.filter(valueOf).map((name) => `${name}: ${valueOf(name)}`).join("; ");
  const style = rules && `<style>${tag} { ${rules} }</style>\n`;
  return `<script type="module" src="/.farthing/farthing.js"></script>\n${style}<${tag}${text}></${tag}>`;
}

let shown;
/** What changes live is changed live; what is read once needs another element. */
function draw(fresh) {
  const tag = field("element").value;
  if (fresh || shown?.localName !== tag || !shown.isConnected) {
    shown = document.createElement(tag);
    if (situation.provider) shown.provider = situation.provider;
  }
  for (const name of NAMES) shown.removeAttribute(name);
  for (const [name, value] of attributes()) shown.setAttribute(name, value);
  for (const name of PROPERTIES) shown.style.setProperty(name, valueOf(name) ?? "");
  at("stage").style.colorScheme = field("scheme").value;
  if (!shown.isConnected) at("stage").replaceChildren(shown);
  at("snippet").textContent = snippet();
}

const address = () => {
  const query = new URLSearchParams();
  for (const { name, type, value, checked } of fields) {
    if (type === "checkbox" || value) query.set(name, type === "checkbox" ? String(Number(checked)) : value);
  }
  return `?${query}`;
};

const LIVE = ["price", "description", "network", "symbol", "test-network", "lang", "theme", "select", "open", "closed", "scheme", ...PROPERTIES];
form.addEventListener("input", ({ target: { name } }) => {
  if (name === "src") prefill();
  if (name === "situation") {
    for (const [attribute, value] of Object.entries(SITUATIONS[field("situation").value].set ?? {})) field(attribute).value = value;
    return location.assign(address());
  }
  history.replaceState(null, "", address());
  draw(!LIVE.includes(name));
});
form.addEventListener("submit", (event) => event.preventDefault());

for (const name of ["pay", "restore", "cancel"]) {
  at(name).addEventListener("click", async () => {
    const result = await shown[name]?.();
    log(`${name}()`, result ?? "");
  });
}
at("again").addEventListener("click", () => {
  // only what opens it here again: receipts and unresolved payments stay
  localStorage.removeItem(`farthing:open:${new URL(field("src").value, location.href).href}`);
  location.assign(address());
});
at("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(at("snippet").textContent);
  at("copied").textContent = "Copied.";
});

if (situation.demo) await import("/demo-wallet.js");
if (situation.second) {
  const info = Object.freeze({ uuid: crypto.randomUUID(), name: "Another wallet (says no)", rdns: "test.farthing.another", icon: "" });
  const announce = () => dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider: scripted({ eth_requestAccounts: fails(4001) }) }) }));
  addEventListener("eip6963:requestProvider", announce);
  announce();
}
if (situation.lock) void navigator.locks.request(`farthing:${new URL(field("src").value, location.href).href}`, () => never);
draw(true);
