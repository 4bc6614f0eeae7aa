// A paywall around a Hono application: what is under /api/ costs a cent for each call, everything else is free.
import { paywall } from "farthing/worker";
import { Hono } from "hono";

export { Ledger, Sender, Tally } from "farthing/worker";

const app = new Hono();
app.get("/", (c) => c.text("Ask for /api/weather/london, for a cent"));
app.get("/api/weather/:city", (c) => c.json({ city: c.req.param("city"), weather: "rain" }));

export default paywall(
  {
    site: "https://api.example",
    payTo: { eip155: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC" }, // edit: your address
    networks: ["eip155:84532"],
    settlement: { facilitators: [{ url: "https://x402.org/facilitator" }] },
    routes: [{ match: "/api/*", price: "$0.01", access: "once", description: "The weather of one city" }],
  },
  app,
);
