// The entry of the Worker that is deployed as it is: what it sells is in the file beside it.

import config from "./farthing.jsonc";
import { paywall } from "./index.js";

export { Ledger, Sender, Tally } from "./index.js";
export default paywall(config);
