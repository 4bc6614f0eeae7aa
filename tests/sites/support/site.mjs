// A publisher's site as it stands on the web: the program that makes it, nginx before that which answers the Worker alone, and the built
// Worker before both. What readers ask, pay and are sent goes through real parts.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { freePort } from "../../../tools/lib/processes.mjs";
import { payTo } from "../../support/accounts.mjs";
import { startChain } from "../../support/chain.mjs";
import { startEdge } from "../../support/edge.mjs";
import { startFacilitator } from "../../support/facilitator.mjs";
import { randomKeys } from "../../support/newspaper.mjs";
import { startNginx } from "../../support/nginx.mjs";
import { startParts } from "../../support/parts.mjs";
import { offersIn, signPayment } from "../../support/pay.mjs";

export const HTML = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

/**
 * @param {object} options
 * `program({site, add})` starts what makes the pages and gives the lines of nginx's `server` for it: of the guides, but for the address.
 * `routes` of the configuration, and `origin`: more of its origin.
 */
export async function startSite({ program, routes, origin = {} }) {
  const { add, stop } = startParts();
  try {
    const port = await freePort();
    const site = `http://127.0.0.1:${port}`;
    const key = randomBytes(16).toString("hex");
    const server = await program({ site, add });
    const nginx = await add(startNginx({ server: `if ($http_x_origin_key != "${key}") { return 403; }\n${server}` }));
    const chain = await add(startChain());
    const facilitator = await add(startFacilitator({ rpc: chain.url }));
    const config = {
      site, origin: { url: nginx.url, headers: { "x-origin-key": "ORIGIN_KEY" }, ...origin }, payTo: { eip155: payTo.address }, networks: [chain.network],
      settlement: { facilitators: [{ url: facilitator.url }], rpc: { [chain.network]: [chain.url] } }, routes,
    };
    const edge = await add(startEdge({ port, config, keys: randomKeys(), env: { ORIGIN_KEY: key } }));
    assert.equal((await edge.health()).ok, true, JSON.stringify(await edge.health()));
    const ask = (path, headers = HTML, init = {}) => fetch(site + path, { redirect: "manual", ...init, headers });
    return {
      url: site, origin: nginx.url, chain, edge, config, ask, stop,
      /** The page as the program makes it. */
      made: (path, headers = {}) => fetch(nginx.url + path, { redirect: "manual", headers: { ...headers, "x-origin-key": key } }),
      /** Somebody with money, as their key. */
      async newPayer() {
        const payer = generatePrivateKey();
        await chain.setBalance(privateKeyToAddress(payer), 10_000_000n);
        return payer;
      },
      /** Somebody new buys a page: the answer, and what they may show from then on. */
      async buy(path) {
        const offer = (await offersIn(await ask(path, {}))).v2;
        assert.ok(offer, `${path} is for sale`);
        const { headers } = await signPayment({ offer, key: await this.newPayer() });
        const paid = await ask(path, { ...HTML, ...headers });
        const cookie = paid.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
        return { paid, cookie };
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
