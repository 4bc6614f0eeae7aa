// The whole demo on this machine: chain, facilitator, the newspaper's origin, and the Worker in front of it. `npm start` is a
// command line over this; end-to-end tests use it too.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePort } from "../../tools/lib/processes.mjs";
import { demoReader, payer, payTo } from "./accounts.mjs";
import { startChain } from "./chain.mjs";
import { startEdge } from "./edge.mjs";
import { startFacilitator } from "./facilitator.mjs";
import { startHostile } from "./hostile-facilitator.mjs";
import { readBody, sendJson } from "./http.mjs";
import { startOrigin } from "./origin.mjs";
import { startParts } from "./parts.mjs";
import { buildDemoWallet } from "../../www/demo/build.mjs";

export const DEMO = resolve(import.meta.dirname, "..", "..", "www", "demo");
const PLAYGROUND = resolve(DEMO, "..", "playground");
const READING = ["eth_call", "eth_chainId", "eth_getBalance", "eth_blockNumber", "net_version"];

export const randomKeys = (kid = "k1") => `${kid}:${randomBytes(32).toString("base64url")}`;

// What the demo wallet asks a node, answered from the newspaper's own origin: a strict page policy allows no other.
const demoRpc = (rpc) => async (request, response) => {
  let call;
  try {
    call = await readBody(request, "json");
  } catch {
    return sendJson(response, 400, { error: "JSON-RPC as POST, please" });
  }
  if (!READING.includes(call.method)) {
    return sendJson(response, 200, { jsonrpc: "2.0", id: call.id ?? null, error: { code: -32601, message: "not offered here" } });
  }
  const answer = await fetch(rpc, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(call) });
  sendJson(response, answer.status, await answer.json());
};

/** Where page authors try the element, beside the newspaper's own pages. */
const playground = () => Object.fromEntries(Object.entries({
  "index.html": "text/html; charset=utf-8", "playground.js": "text/javascript; charset=utf-8", "playground.css": "text/css; charset=utf-8",
}).map(([name, type]) => [`/playground/${name.replace("index.html", "")}`, { body: readFileSync(join(PLAYGROUND, name)), type }]));

/**
 * @param {object} [options]
 * `port` of the site; `hostile`: put a scriptable proxy before the facilitator and another before the chain; `change(config)`
 * may alter or replace the configuration; `keys`, `state`, `build`, `env`, `books` as for `startEdge`; `blockTime`, `waits` as for `startChain`;
 * `say(text)` is told about progress.
 */
export async function startNewspaper({
  port = 0, hostile = false, change = (config) => config, keys = randomKeys(), blockTime, waits, state, build, env, books, say = () => {},
} = {}) {
  const newspaper = JSON.parse(readFileSync(join(DEMO, "newspaper.json"), "utf8"));
  const { add, stop } = startParts();
  try {
    await buildDemoWallet();
    const sitePort = port || await freePort();
    const site = `http://127.0.0.1:${sitePort}`;
    say("Starting the chain …");
    const chain = await add(startChain({ blockTime, waits }));
    const facilitator = await add(startFacilitator({ rpc: chain.url }));
    const badFacilitator = hostile ? await add(startHostile({ target: facilitator.url })) : undefined;
    const badRpc = hostile ? await add(startHostile({ target: chain.url })) : undefined;
    const origin = await add(startOrigin({
      root: join(DEMO, "site"),
      routes: {
        "/demo-wallet.json": JSON.stringify({ rpc: "/demo-rpc", chainId: chain.chainId, key: demoReader.key, address: demoReader.address }),
        "/demo-rpc": demoRpc(chain.url),
        ...playground(),
      },
    }));
    const config = change({
      site,
      origin: { url: origin.url },
      payTo: { eip155: payTo.address },
      networks: [chain.network],
      settlement: {
        facilitators: [{ url: (badFacilitator ?? facilitator).url }],
        rpc: { [chain.network]: [(badRpc ?? chain).url] },
      },
      routes: newspaper.routes,
      demo: { script: "/demo-wallet.js" },
    });
    say("Starting the Worker …");
    const edge = await add(startEdge({ port: sitePort, config, keys, state, build, env, books }));
    return {
      site, config, chain, facilitator, badFacilitator, badRpc, origin, edge, keys, stop,
      articles: newspaper.articles.map(({ path, price }) => ({ url: site + path, path, price })),
      free: site + newspaper.free, playground: `${site}/playground/`,
      network: chain.network, asset: chain.token.address, payTo: payTo.address, payer,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
