// What a program would use of the types.
import { type Account, type Budget, type Client, type Offer, type Options, PaymentError, type Policy, type Quote, type Receipt, createClient, memoryStore } from "farthing";

const policy: Policy = { max: "$1", perHost: { "*": "$2" }, deny: { networks: ["eip155:1"] } };

export async function pay(signer: string | Account, url: string): Promise<string> {
  const options: Options = { signer, policy, store: memoryStore(), confirm: (offer: Offer) => offer.scheme === "exact" };
  const client: Client = createClient(options);
  const quote: Quote = await client.quote(url);
  // @ts-expect-error an amount is a text
  const amount: number | undefined = quote.choice?.amount;
  void amount;
  const response: Response = await client.fetch(url);
  const receipt: Receipt | undefined = client.receiptOf(response);
  const again = await client.fetch(new URL(url), { headers: { accept: "text/html" } });
  const budget: Budget = await client.budget();
  if (budget.open !== 0) throw new PaymentError("open", "a payment is open", { url });
  return JSON.stringify({ status: response.status, text: await response.text(), receipt, again: { status: again.status, receipt: client.receiptOf(again) } });
}
