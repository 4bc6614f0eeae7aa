// A paywall of the usual kind, for attacks to land on: a Node reverse proxy that matches raw path prefixes on GET, trusts the offer a
// client echoes, verifies, fetches the origin, settles, and opens the whole site with one cookie. Never to be used for anything else.
import { randomBytes } from "node:crypto";
import { createServer, request as httpRequest } from "node:http";
import { listen } from "../../tools/lib/processes.mjs";
import { payTo } from "./accounts.mjs";
import { TOKEN } from "./chain.mjs";
import { readBody } from "./http.mjs";
import { decode, encode } from "./pay.mjs";

/**
 * @param {object} options
 * `routes`: [{prefix, amount}]. `patience` with the facilitator, in milliseconds. `optimistic`: answers after verifying and settles in
 * the background, as many do for speed.
 * `frees(request)`: who reads for nothing.
 * `lookUp(authorization)`: asked when verifying fails, whether the money has arrived all the same; a late answer is then delivered.
 */
export async function startNaive({ origin, facilitator, routes, network = "eip155:84532", optimistic = false, patience = 2000, lookUp, frees }) {
  const sessions = new Set();
  const settled = new Map();
  const ask = async (path, payload, paymentRequirements) => {
    const response = await fetch(facilitator + path, {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ x402Version: payload.x402Version, paymentPayload: payload, paymentRequirements }), signal: AbortSignal.timeout(patience),
    });
    return response.json();
  };

  const requirements = (route, v1) => ({
    scheme: "exact", network: v1 ? "base-sepolia" : network, [v1 ? "maxAmountRequired" : "amount"]: route.amount, asset: TOKEN,
    payTo: payTo.address, maxTimeoutSeconds: 300, extra: { name: "USDC", version: "2" }, ...(v1 ? { description: "", mimeType: "" } : {}),
  });
  const demand = (response, url, route, error, settlement) => {
    const v2 = { x402Version: 2, error, resource: { url }, accepts: [requirements(route, false)] };
    response.writeHead(402, {
      "content-type": "application/json", "payment-required": encode(v2), ...(settlement && { "payment-response": encode(settlement) }),
    });
    response.end(JSON.stringify({ x402Version: 1, error, accepts: [{ ...requirements(route, true), resource: url }] }));
  };

  // The request as it came, its path byte for byte.
  const forward = (request, body = "") => new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const outgoing = httpRequest({ hostname, port, method: request.method, path: request.url, headers: request.headers }, resolve);
    outgoing.once("error", reject);
    outgoing.end(body);
  });
  const pass = (response, upstream, headers = {}) => {
    response.writeHead(upstream.statusCode, { ...upstream.headers, ...headers });
    upstream.pipe(response);
  };
  const grant = (response, upstream, settlement) => {
    const session = randomBytes(16).toString("hex");
    sessions.add(session);
    pass(response, upstream, { "set-cookie": `session=${session}; Path=/`, ...(settlement && { "payment-response": encode(settlement) }) });
  };

  async function answer(request, response) {
    const route = request.method === "GET" && routes.find(({ prefix }) => request.url.startsWith(prefix));
    const session = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
    if (!route || sessions.has(session) || await frees?.(request)) return pass(response, await forward(request, await readBody(request)));
    const url = `http://${request.headers.host}${request.url}`;
    let payment;
    try {
      payment = decode(request.headers["payment-signature"] ?? request.headers["x-payment"]);
    } catch {
      return demand(response, url, route, "Payment required");
    }
    const v1 = payment.x402Version === 1;
    const chosen = v1 ? { ...requirements(route, true), resource: url } : payment.accepted;
    if (chosen?.scheme !== "exact" || (!v1 && chosen.network !== network)) return demand(response, url, route, "No matching payment requirements");
    const { authorization } = payment.payload;
    if (settled.has(authorization.nonce)) return grant(response, await forward(request), settled.get(authorization.nonce));
    const verdict = await ask("/verify", payment, chosen);
    if (!verdict.isValid) {
      if (await lookUp?.(authorization)) return grant(response, await forward(request));
      return demand(response, url, route, verdict.invalidReason);
    }
    const upstream = await forward(request);
    if (upstream.statusCode >= 400) return pass(response, upstream);
    const settling = ask("/settle", payment, chosen);
    if (optimistic) {
      settling.catch(() => {});
      return grant(response, upstream);
    }
    const settlement = await settling;
    if (!settlement.success) return demand(response, url, route, settlement.errorReason, settlement);
    settled.set(authorization.nonce, settlement);
    grant(response, upstream, settlement);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      if (response.headersSent) return response.destroy();
      response.writeHead(500);
      response.end(error.message);
    });
  });
  return {
    site: `http://127.0.0.1:${await listen(server)}`,
    stop: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}
