// A page's: the DOM's declarations and none of Node's, and the global of a script tag.
import type { Receipt } from "farthing";
import { initialize } from "farthing/slim";

initialize(fetch("/client.wasm"));
export const wallet = { request: async () => "" };
const client = farthing.createClient({ signer: wallet, policy: { max: "$1" }, store: farthing.indexedDbStore() });
export const receipts: Promise<Receipt[]> = client.receipts();
