// The Worker. What it sells is in farthing.json; where it stands and who is paid are variables, asked for when it is first deployed.
import { env } from "cloudflare:workers";
import { paywall } from "farthing/worker";
import config from "./farthing.json";

export { Ledger, Sender, Tally } from "farthing/worker";
export default paywall({ ...config, site: env.SITE, payTo: { eip155: env.PAY_TO } });
