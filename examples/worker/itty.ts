// A paywall around an itty-router: each article costs five cents and stays open for a day.
import { paywall } from "farthing/worker";
import { AutoRouter, type IRequest } from "itty-router";

export { Ledger, Sender, Tally } from "farthing/worker";

const router = AutoRouter();
router.get("/", () => ({ articles: ["/articles/one"] }));
router.get("/articles/:name", ({ name }: IRequest) => ({ name, text: "Parkin wants a week in the tin." }));

export default paywall(
  {
    site: "https://news.example",
    payTo: { eip155: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC" }, // edit: your address
    networks: ["eip155:84532"],
    settlement: { facilitators: [{ url: "https://x402.org/facilitator" }] },
    routes: [{ match: "/articles/*", price: "$0.05", access: "1d", description: "One article" }],
  },
  router,
);
