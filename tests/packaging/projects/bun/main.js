import { createClient } from "farthing";

const client = createClient({ signer: process.env.KEY, policy: { max: "$1" } });
const response = await client.fetch(process.env.ARTICLE);
const receipt = client.receiptOf(response);
const again = await client.fetch(process.env.ARTICLE);
console.log(JSON.stringify({ status: response.status, text: await response.text(), receipt, again: { status: again.status, receipt: client.receiptOf(again) } }));
