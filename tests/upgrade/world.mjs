// What a state is made in and read in: a chain, a facilitator, an origin and the built Worker, at the time that the state is of. Everything
// here reads one clock: the Worker, its alarms, the chain, and this process, in which the facilitator and the payers are.
import { existsSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { buildLater, timeOf } from "../support/later.mjs";
import { payTo } from "../support/accounts.mjs";
import { shiftAlarms } from "../support/alarms.mjs";
import { startChain } from "../support/chain.mjs";
import { startEdge } from "../support/edge.mjs";
import { startFacilitator } from "../support/facilitator.mjs";
import { startHostile } from "../support/hostile-facilitator.mjs";
import { startOrigin } from "../support/origin.mjs";
import { startParts } from "../support/parts.mjs";
import { nonceFor, offersIn, signPayment } from "../support/pay.mjs";

/** The address readers see: a pass, a ledger's name and a receipt belong to it, so no port of this machine is in it. */
export const SITE = "https://news.example";
export const page = (path) => `<h1>What is sold at ${path}</h1>`;

const RealDate = Date;
/** This process has another time by so many seconds. */
function shiftClock(seconds) {
  globalThis.Date = class extends RealDate {
    constructor(...values) {
      super(...(values.length === 0 ? [RealDate.now() + seconds * 1000] : values));
    }
    static now() {
      return RealDate.now() + seconds * 1000;
    }
  };
}

/**
 * @param {object} options
 * `config`: what the site sells, without what is of this machine; `keys`; `state`: a folder, in which alarms stand at the
 * time that is told here; `leave()` has them so again. `at`: the time to begin with, Unix seconds. `chain`: what `dump` gave; left out, it is new.
 */
export async function startWorld({ config, keys, state, at = Math.floor(RealDate.now() / 1000), chain: dumped }) {
  const { add, stop } = startParts();
  try {
    const begins = at - Math.floor(RealDate.now() / 1000);
    shiftClock(begins);
    await add({ stop: () => { globalThis.Date = RealDate; } });
    if (existsSync(join(state, "do"))) shiftAlarms(state, -begins);
    const chain = await add(startChain());
    if (dumped) await chain.rpc("anvil_loadState", [dumped]);
    await chain.rpc("evm_setTime", [at]);
    await chain.mine();
    const facilitator = await add(startFacilitator({ rpc: chain.url }));
    const bad = await add(startHostile({ target: facilitator.url }));
    const badRpc = await add(startHostile({ target: chain.url }));
    const origin = await add(startOrigin({
      routes: {
        "/*": (request, response, url) => {
          response.writeHead(200, { "content-type": "text/html" });
          response.end(page(url.pathname));
        },
      },
    }));
    const build = buildLater({ begins });
    await add({ stop: () => build.remove() });
    const full = {
      ...config, site: SITE, origin: { url: origin.url }, payTo: { eip155: payTo.address }, networks: [chain.network],
      settlement: { facilitators: [{ url: bad.url }], rpc: { [chain.network]: [badRpc.url] }, timeoutSeconds: 2 },
    };
    /** Starts the Worker: only now is anything done that was due. */
    const open = async () => {
      const edge = await add(startEdge({ config: full, keys, state, build: build.folder, books: true }));
      const reach = reachAt(edge);
      return { edge, time: timeOf(edge), reach, ask: (path, headers = {}, init = {}) => reach(SITE + path, { ...init, headers }) };
    };
    return { chain, bad, badRpc, origin, config: full, open, stop, leave: () => shiftAlarms(state, begins), dump: () => chain.rpc("anvil_dumpState") };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `fetch` for the site's address, which is the Worker's on this machine. */
const reachAt = (edge) => async (input, init) => {
  const asked = new Request(input, init);
  const { host, pathname, search } = new URL(asked.url);
  const body = Buffer.from(await asked.arrayBuffer());
  return new Promise((done, failed) => {
    const headers = { ...Object.fromEntries(asked.headers), host, "content-length": body.length };
    const sent = httpRequest({ host: "127.0.0.1", port: edge.port, path: pathname + search, method: asked.method, headers, agent: false }, async (answer) => {
      const chunks = [];
      try {
        for await (const chunk of answer) chunks.push(chunk);
      } catch (error) {
        return failed(error);
      }
      const got = new Headers();
      for (let at = 0; at < answer.rawHeaders.length; at += 2) got.append(answer.rawHeaders[at], answer.rawHeaders[at + 1]);
      const none = [204, 304].includes(answer.statusCode);
      return done(new Response(none ? null : Buffer.concat(chunks), { status: answer.statusCode, headers: got }));
    });
    sent.once("error", failed).end(body);
  });
};

/** A payment for an offer of a 402, as our own clients sign it: the single article, or an offer by its name. */
export async function sign(offer, key, name) {
  const index = name === undefined ? 0 : offer.accepts.findIndex(({ extra }) => extra.offer?.name === name);
  return signPayment({ offer, index, key, nonce: offer.x402Version === 1 ? undefined : nonceFor(offer, index) });
}
export const offerOf = async (response, version = "v2") => (await offersIn(response))[version];
export const cookiesOf = (response) => response.headers.getSetCookie().map((line) => line.split(";")[0]);
export const jar = (cookies) => ({ cookie: cookies.join("; ") });
