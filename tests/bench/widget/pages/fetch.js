// What one would write for one's own page in an afternoon: the official client, signing with the browser's wallet.
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { createWalletClient, custom } from "viem";
import { baseSepolia } from "viem/chains";

const button = document.querySelector("button");
const status = document.querySelector("[role=status]");

button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    if (!window.ethereum) throw new Error("No wallet was found in this browser.");
    const wallet = createWalletClient({ chain: baseSepolia, transport: custom(window.ethereum) });
    const [address] = await wallet.requestAddresses();
    await wallet.switchChain({ id: baseSepolia.id });
    const signer = { address, signTypedData: (data) => wallet.signTypedData({ account: address, ...data }) };
    const client = new x402Client().register(`eip155:${baseSepolia.id}`, new ExactEvmScheme(signer));
    const answer = await wrapFetchWithPayment(fetch, client)(button.dataset.article);
    if (!answer.ok) throw new Error(`The payment was answered with ${answer.status}.`);
    document.querySelector("main").innerHTML = await answer.text();
  } catch (error) {
    status.textContent = error.shortMessage ?? error.message;
    button.disabled = false;
  }
});
