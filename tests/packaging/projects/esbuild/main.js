import { createClient, initialize } from "farthing/slim";
import wasm from "farthing/client.wasm";
import keys from "farthing/key.wasm";

const got = (wasm) => (typeof wasm === "string" ? fetch(new URL(wasm, location.href)) : wasm);
initialize(got(wasm), () => got(keys));

const { key, article } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const client = createClient({ signer: key, policy: { max: "$1" } });
const response = await client.fetch(article);
const receipt = client.receiptOf(response);
const again = await client.fetch(article);
const printed = document.body.appendChild(document.createElement("pre"));
printed.textContent = JSON.stringify({ status: response.status, text: await response.text(), receipt, again: { status: again.status, receipt: client.receiptOf(again) } });
