// Readers and programs as they come: each visit is somebody new, who buys something the way some client does it, loses the line,
// comes back with the same request, and does not give up before there is an answer that means something.
import { chance } from "../support/chance.mjs";
import { rowsOn, untold } from "./disk.mjs";
import { sleep } from "./stand.mjs";

/** How long somebody pursues what they want, in milliseconds. */
const PATIENCE = 120_000;
/** How long everything may take to come to rest, in seconds. */
const REST = 90;
/** How often somebody signs anew for one thing. */
const SIGNATURES = 3;

const final = ({ status, text }) => text === "whole" || (status !== undefined && status < 500 && status !== 429 && status !== 200);

/** The same request until its answer means something: what is lost, busy or pending is asked again. */
export async function pursue(stand, ask, { patience = PATIENCE } = {}) {
  const until = Date.now() + patience;
  for (;;) {
    await stand.up();
    const answer = await ask();
    if (final(answer) || Date.now() > until) return answer;
    await sleep(answer.status === undefined ? 60 : Math.min(answer.retryAfter || 1, 2) * 1000);
  }
}

/** A payment for a path, as soon as there is an offer. */
export async function sign(stand, payer, path, options) {
  for (;;) {
    await stand.up();
    const payment = await payer.sign(path, options);
    if (payment) return payment;
    await sleep(100);
  }
}

/** Pursues one payment, and where it is refused for good, as some are for good reasons, another one. */
export async function buy(stand, payer, path, { payment, ask = (path, options) => payer.ask(path, options), ...options } = {}) {
  let one = payment ?? await sign(stand, payer, path);
  for (let left = SIGNATURES; ; left--) {
    const send = one;
    const answer = await pursue(stand, () => ask(path, { payment: send, ...options }));
    // a single call that was answered, though not to us, is over
    if (answer.text === "whole" || left === 0 || stand.articles[path].kind === "call") return { answer, payment: one };
    one = await sign(stand, payer, path);
  }
}

const VISITS = {
  /** Pays, reads. */
  async plain({ stand, payer, page }) {
    await buy(stand, payer, page());
  },
  /** Buys single calls, one after the other. */
  async calls({ stand, payer, call }) {
    for (let n = 0; n < 2; n++) await buy(stand, payer, call());
  },
  /** Sends the same payment several times at once, as proxies and nervous clients do. */
  async twins({ stand, payer, any, random }) {
    const path = any();
    const payment = await sign(stand, payer, path);
    await Promise.all(Array.from({ length: 2 + random.below(3) }, async (_, index) => {
      await sleep(index * random.below(20));
      return pursue(stand, () => payer.ask(path, { payment }));
    }));
  },
  /** Clears the cookies and pays again, at once or later: wants one page. */
  async twice({ stand, payer, page, random }) {
    const path = page();
    const payments = [await sign(stand, payer, path), await sign(stand, payer, path)];
    await Promise.all(payments.map(async (payment, index) => {
      await sleep(index * random.below(400));
      return buy(stand, payer, path, { payment });
    }));
  },
  /** Tries one payment on two articles of one price, in either order. */
  async elsewhere({ stand, payer, random }) {
    const [a, b] = random.maybe() ? ["/page/0", "/page/1"] : ["/call/0", "/call/1"];
    const payment = await sign(stand, payer, a);
    await Promise.all([a, b].map(async (path, index) => {
      await sleep(index === 0 ? random.below(30) : random.below(30));
      return pursue(stand, () => payer.ask(path, { payment }));
    }));
  },
  /** Pays for several articles, opens them again with cookies, and once more without. */
  async regular({ stand, payer, page, random }) {
    const path = page();
    const { answer, payment } = await buy(stand, payer, path);
    await buy(stand, payer, page());
    if (answer.cookies.length > 0) await pursue(stand, () => payer.ask(path, { pass: answer }));
    if (random.maybe()) await pursue(stand, () => payer.ask(path, { payment }));
    await buy(stand, payer, path);
  },
  /** Resets the line while it waits, and comes back at once. */
  async nervous({ stand, payer, any, random }) {
    const path = any();
    const payment = await sign(stand, payer, path);
    for (let left = 1 + random.below(2); left > 0; left--) await payer.ask(path, { payment, leaveAfter: 5 + random.below(150) });
    await buy(stand, payer, path, { payment });
  },
  /** Has no money, gets some, and sends the same payment again. */
  async poor({ stand, payer, page }) {
    const path = page();
    await stand.chain.setBalance(payer.address, 0n);
    const payment = await sign(stand, payer, path);
    await pursue(stand, () => payer.ask(path, { payment }), { patience: 0 });
    await stand.chain.setBalance(payer.address, 10_000_000n);
    await buy(stand, payer, path, { payment });
  },
};
const SHARES = { plain: 6, calls: 4, twins: 4, twice: 4, elsewhere: 3, regular: 2, nervous: 3, poor: 1 };

/**
 * Starts visits until it is stopped.
 * @param {object} stand of `startStand`
 * @param {{walkers?: number, absent?: number, pause?: number, seed?: number}} [options] `walkers`: so many visits at once, with
 * about `pause` milliseconds between two of one walker; `absent`: so many more whose settle call fails, and who are away while an
 * alarm does the work
 */
export function startLoad(stand, { walkers = 5, absent = 6, pause = 150, seed } = {}) {
  const random = chance(seed);
  const all = Object.entries(SHARES).flatMap(([name, share]) => Array(share).fill(name));
  const count = Object.values(stand.articles).length / 4;
  const visits = { absent: 0 };
  const errors = [];
  const away = new Set();
  let going = true;

  const some = (kinds) => () => `/${random.pick(kinds)}/${random.below(count)}`;
  const tools = { stand, random, page: some(["page", "page", "first"]), call: some(["call", "firstcall"]), any: some(["page", "page", "first", "call", "firstcall"]) };
  const safely = async (work) => {
    try {
      await work();
    } catch (error) {
      errors.push(error);
    }
  };
  async function walk() {
    while (going) {
      const name = random.pick(all);
      visits[name] = (visits[name] ?? 0) + 1;
      await safely(async () => {
        const payer = await stand.newPayer({ v1: random.maybe(0.25) });
        await VISITS[name]({ ...tools, payer });
      });
      await sleep(pause * (0.5 + random.next()));
    }
  }
  async function leave() {
    while (going) {
      visits.absent += 1;
      await safely(async () => {
        const payer = await stand.newPayer({ v1: random.maybe(0.25) });
        away.add(payer.payer);
        const path = random.maybe(0.7) ? tools.page() : tools.call();
        const payment = await sign(stand, payer, path);
        await payer.ask(path, { payment });
        // the first look by alarm is ten seconds after a settle call that failed
        const back = Date.now() + 12_000 + random.below(3000);
        while (going && Date.now() < back) await sleep(200);
        await buy(stand, payer, path, { payment });
      });
    }
  }
  const running = Promise.all([...Array.from({ length: walkers }, walk), ...Array.from({ length: absent }, leave)]);
  return {
    /** How many visits of each kind were begun. */
    visits, errors,
    /** Payers whose settle calls are to fail at first. */
    away,
    /** No new visits; resolves when those under way have ended. */
    async stop() {
      going = false;
      await running;
    },
  };
}

/**
 * Everybody comes back: each payment that was ever sent is sent again until its outcome is known, and everybody who paid for a page
 * reads it once more, with the payment or, where that no longer opens anything, with another one that must cost nothing. Then
 * everything comes to rest, and the books are told of all of it.
 */
export async function close(stand, { atOnce = 8 } = {}) {
  const open = new Set(rowsOn(stand.edge.state).filter((row) => row.open).map(({ nonce }) => nonce));
  const { chain } = await stand.evidence({ rows: [] });
  const paid = new Set(chain.transfers.map(({ nonce }) => nonce));
  const wishes = new Map();
  for (const { payment, payer, path, text } of stand.client.requests) {
    if (!payment || !(open.has(payment.nonce) || paid.has(payment.nonce))) continue;
    const key = `${payment.nonce} ${path}`;
    const wish = wishes.get(key) ?? { payer, path, payment, read: false };
    wish.read ||= text === "whole";
    wishes.set(key, wish);
  }
  const read = new Set();
  const queue = [...wishes.values()];
  const work = async () => {
    for (let wish = queue.shift(); wish; wish = queue.shift()) {
      const { payer, path, payment } = wish;
      const who = stand.payerOf(payer);
      if (stand.articles[path].kind === "call") {
        if (!wish.read) await pursue(stand, () => who.ask(path, { payment: stand.paymentOf(payment.nonce), closing: true }));
        continue;
      }
      const known = await pursue(stand, () => who.ask(path, { payment: stand.paymentOf(payment.nonce), closing: true }));
      if (known.text === "whole" || read.has(`${payer} ${path}`) || known.problem === "authorization-bound-elsewhere") continue;
      read.add(`${payer} ${path}`);
      // a new authorization has to be shown to be new, which takes a chain or a facilitator that answers in time
      for (let left = 5; left > 0; left--) {
        const answer = await pursue(stand, async () => who.ask(path, { payment: await sign(stand, who, path), closing: true }));
        if (answer.problem !== "already-owned") break;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  for (let left = REST; left > 0; left--) {
    if (!rowsOn(stand.edge.state).some((row) => row.open) && (!stand.books || untold(stand.edge.state) === 0)) break;
    await sleep(1000);
  }
}
