// The refund form of a payment's page, in the publisher's browser: finds a wallet (EIP-6963, or what is injected), sees that it is the account
// that was paid on the network of the payment, and has it send what the desk says. What is to be sent, and whether it was, the desk decides.

const section = document.getElementById("refund");
const { key, payee, chain, network, begun } = section.dataset;
const status = section.querySelector("[role=status]");
const [send, drop, other, details] = ["#send", "#drop", "#other", "details"].map((what) => section.querySelector(what));
const wallets = new Map();
const PAUSE = 3000;
const TRIES = 5;
const DECLINED = 4001;
const UNKNOWN_CHAIN = 4902;
const HASH = /^0x[0-9a-fA-F]{64}$/;
const same = (one, other) => String(one).toLowerCase() === String(other).toLowerCase();
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
let busy = false;

const say = (text) => { status.textContent = text; };

function use(may) {
  busy = !may;
  for (const button of section.querySelectorAll("button")) button.disabled = !may;
}

async function tell(what, more = {}) {
  const response = await fetch("/.farthing/desk/refund", { method: "POST", headers: { "content-type": "application/json", "farthing-desk": "refund" }, body: JSON.stringify({ do: what, key, ...more }) });
  const answer = await response.json().catch(() => ({ says: `The desk answered ${response.status}.` }));
  if (!response.ok) throw Object.assign(new Error(answer.says), { told: true });
  return answer;
}

/** What became of it is looked at until the books have it. */
async function follow() {
  use(false);
  for (;;) {
    let found;
    try {
      found = await tell("look");
    } catch (error) {
      say(`${error.told ? error.message : "The desk did not answer."} It is looked at again by itself.`);
      await sleep(PAUSE);
      continue;
    }
    if (found.state === "written") return location.reload();
    if (found.state !== "waits") {
      say(found.says ?? "");
      if (found.moved) {
        Object.assign(other, { hidden: false, textContent: found.button });
        other.dataset.moved = found.moved;
      }
      return use(true);
    }
    say(found.why === "young" ? `The chain has it: ${found.has} of ${found.of} confirmations.` : "It is in no block yet. You may leave: this page goes on where it is when you come back.");
    // it may have been replaced by another in the wallet
    use(true);
    await sleep(PAUSE);
    if (busy) return undefined;
  }
}

/** Runs one thing at once, and tells why it did not work. */
const doing = (work) => async (event) => {
  event.preventDefault();
  if (busy) return;
  use(false);
  try {
    await work(event);
  } catch (error) {
    say(error.message);
    use(true);
  }
};

class Told extends Error {}

async function wallet() {
  const chosen = wallets.get(section.querySelector("[name=wallet]")?.value) ?? [...wallets.values()][0];
  const provider = chosen?.provider ?? globalThis.ethereum;
  if (!provider) {
    details.open = true;
    throw new Told("No wallet is in this browser. Below is the transaction for another one.");
  }
  return provider;
}

async function onChain(provider) {
  const id = async () => BigInt(await provider.request({ method: "eth_chainId" }));
  if (await id() === BigInt(chain)) return;
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: `0x${BigInt(chain).toString(16)}` }] });
  } catch (error) {
    if (error?.code === DECLINED) throw new Told("You declined: nothing was sent.");
    const unknown = [error?.code, error?.data?.originalError?.code].includes(UNKNOWN_CHAIN);
    throw new Told(unknown ? `The wallet does not know ${network}: add it there first.` : `The wallet did not go to ${network}: nothing was sent.`);
  }
  if (await id() !== BigInt(chain)) throw new Told(`The wallet is not on ${network}: nothing was sent.`);
}

async function pay(event) {
  const provider = await wallet();
  const { amount, reason } = Object.fromEntries(new FormData(event.target));
  say("Your wallet is asked for its account …");
  let accounts;
  try {
    accounts = await provider.request({ method: "eth_requestAccounts" });
  } catch {
    throw new Told("The wallet gave no account: nothing was sent.");
  }
  const from = accounts.find((account) => same(account, payee));
  if (!from) throw new Told(`The wallet shows ${accounts.join(", ")}, and ${payee} was paid: choose that account there.`);
  await onChain(provider);
  const code = await provider.request({ method: "eth_getCode", params: [payee, "latest"] }).catch(() => "0x");
  // an account that has delegated to code (EIP-7702) signs as any other
  if (code && code !== "0x" && !/^0xef0100/i.test(code)) {
    details.open = true;
    throw new Told("A contract was paid: it is for its owners to send this. Below is the transaction for it.");
  }
  const { to, data, value, says } = await tell("begin", { amount, reason });
  say(`Sign in your wallet: ${says} back to the account that paid.`);
  let hash;
  try {
    await onChain(provider);
    hash = await provider.request({ method: "eth_sendTransaction", params: [{ from, to, data, value, chainId: `0x${BigInt(chain).toString(16)}` }] });
  } catch (error) {
    if (error instanceof Told || error?.code === DECLINED) {
      await tell("drop");
      throw new Told(error instanceof Told ? error.message : "You declined: nothing was sent.");
    }
  }
  // whatever the wallet says besides a transaction or a no, it may have sent it: the page says so
  if (!HASH.test(hash)) return location.reload();
  await sent(hash);
}

async function sent(transaction) {
  for (let tries = 1; ; tries += 1) {
    try {
      const found = await tell("sent", { transaction });
      // the page says why, as it does whenever it is opened
      return found.state === "wrong" ? location.reload() : await follow();
    } catch (error) {
      if (error.told || tries === TRIES) throw new Told(`${error.message} The transaction is ${transaction}: keep it, and enter it here.`);
      await sleep(PAUSE);
    }
  }
}

function list() {
  const select = section.querySelector("[name=wallet]");
  if (!select) return;
  const chosen = select.value;
  select.replaceChildren(...[...wallets].map(([id, { name }]) => new Option(name, id, false, id === chosen)));
  select.parentElement.hidden = wallets.size < 2;
}

globalThis.addEventListener("eip6963:announceProvider", ({ detail }) => {
  if (!detail?.info?.uuid || typeof detail.provider?.request !== "function") return;
  wallets.set(String(detail.info.uuid), { name: String(detail.info.name).slice(0, 60), provider: detail.provider });
  list();
});
globalThis.dispatchEvent(new Event("eip6963:requestProvider"));

send?.addEventListener("submit", doing(pay));
send?.elements.amount.addEventListener("change", async ({ target }) => {
  try {
    const made = await tell("prepare", { amount: target.value });
    for (const id of ["to", "data", "link"]) document.getElementById(id).textContent = made[id];
    say("");
  } catch (error) {
    say(error.message);
  }
});
section.querySelector("#sent")?.addEventListener("submit", doing(async ({ target }) => {
  const { value } = target.elements.transaction;
  if (!begun) await tell("begin", Object.fromEntries(new FormData(send)));
  await sent(value.trim());
}));
other?.addEventListener("click", doing(async () => {
  await tell("other", { moved: other.dataset.moved });
  location.reload();
}));
drop?.addEventListener("click", doing(async () => {
  await tell("drop");
  location.reload();
}));
use(true);
// a page that was left and come back to
if (begun && begun !== "not told") follow();
