import { createClient } from "farthing";

export default {
  async fetch(request, env) {
    const client = createClient({ signer: env.KEY, policy: { max: "$1" } });
    const response = await client.fetch(env.ARTICLE);
    const receipt = client.receiptOf(response);
    const again = await client.fetch(env.ARTICLE);
    return Response.json({ status: response.status, text: await response.text(), receipt, again: { status: again.status, receipt: client.receiptOf(again) } });
  },
};
