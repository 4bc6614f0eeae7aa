// A paywall around a plain function: /story costs five cents, everything else is free.
import { paywall } from "farthing/worker";

export { Ledger, Sender, Tally } from "farthing/worker";

const PAGES: Record<string, string> = {
  "/": '<h1>A newspaper</h1><p><a href="/story">A story</a>, for five cents</p>',
  "/story": "<h1>A story</h1><p>The ferryman took the penny and said nothing.</p>",
};

export default paywall(
  {
    site: "https://news.example",
    payTo: { eip155: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC" }, // edit: your address
    networks: ["eip155:84532"],
    settlement: { facilitators: [{ url: "https://x402.org/facilitator" }] },
    routes: [{ match: "/story", price: "$0.05", description: "A story" }],
  },
  (request) => {
    const page = PAGES[new URL(request.url).pathname];
    return new Response(page ?? "Not found", { status: page ? 200 : 404, headers: { "content-type": "text/html; charset=utf-8" } });
  },
);
