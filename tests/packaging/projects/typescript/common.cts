import farthing = require("farthing");
import node = require("farthing/node");
import slim = require("farthing/slim");

const policy: farthing.Policy = { max: "$1" };
if (farthing.fileStore !== node.fileStore) throw new Error("two copies");
void slim.initialize;
(async () => {
  const client = farthing.createClient({ signer: process.env["KEY"]!, policy });
  const response = await client.fetch(process.env["ARTICLE"]!);
  const receipt: farthing.Receipt | undefined = client.receiptOf(response);
  const again = await client.fetch(process.env["ARTICLE"]!);
  console.log(JSON.stringify({ status: response.status, text: await response.text(), receipt, again: { status: again.status, receipt: client.receiptOf(again) } }));
})();
