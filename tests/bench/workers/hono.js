// The official middleware, set up as its documentation does, but for the moment at which the facilitator is asked what it settles: the
// middleware begins that when it is made and waits at the first priced request, which in a Worker may be another one than the one that
// began it, and then has no answer.
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddlewareFromHTTPServer, x402HTTPResourceServer, x402ResourceServer } from "@x402/hono";
import { Hono } from "hono";

let app;

async function setUp(env) {
  const server = new x402ResourceServer(new HTTPFacilitatorClient({ url: env.FACILITATOR })).register("eip155:84532", new ExactEvmScheme());
  const accepts = { scheme: "exact", network: "eip155:84532", payTo: env.PAY_TO, price: "$0.05", maxTimeoutSeconds: 300 };
  const routes = { "GET /articles/*": { accepts, description: "One article, for 30 days", mimeType: "text/html" } };
  const http = new x402HTTPResourceServer(server, routes);
  await http.initialize();
  app = new Hono();
  app.use(paymentMiddlewareFromHTTPServer(http, undefined, undefined, false));
  app.all("*", (context) => fetch(context.req.raw));
}

export default {
  async fetch(request, env, ctx) {
    if (!app) await setUp(env);
    return app.fetch(request, env, ctx);
  },
};
