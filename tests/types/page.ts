// What an author of pages writes in TypeScript; compiled, never run.
import { FarthingButton, FarthingPaywall, FarthingReceipt, type FarthingBeforePayEvent, type Notice, type Provider, type Result, type Stage } from "farthing/element";

const paywall: FarthingPaywall = document.createElement("farthing-paywall");
const button: FarthingButton = document.createElement("farthing-button");
const receipt: FarthingReceipt = document.createElement("farthing-receipt");
document.body.append(paywall, button, receipt);

declare const mine: Provider;
paywall.provider = mine;
paywall.provider = undefined;
const state: Stage = paywall.state;
// @ts-expect-error: read only
paywall.state = "idle";

paywall.addEventListener("farthing:state", (event) => {
  const { state } = event.detail;
  switch (state) {
    case "idle": case "quoting": case "connecting": case "switching": case "signing": case "settling": case "pending": case "unlocked": case "error":
      break;
    default:
      state satisfies never;
  }
});
// they bubble
document.addEventListener("farthing:beforepay", (event: FarthingBeforePayEvent) => {
  const { price, symbol, network, payTo, offer }: Record<"price" | "symbol" | "network" | "payTo" | "offer", string> = event.detail;
  if (!price || symbol !== "USDC" || !network || !payTo || !offer) event.preventDefault();
});
window.addEventListener("farthing:state", ({ detail }) => detail.state);
// @ts-expect-error: no such field
paywall.addEventListener("farthing:state", ({ detail }) => detail.notice);

export async function pay(): Promise<Notice> {
  const result: Result = await paywall.pay();
  const restored: Result = await button.restore();
  paywall.cancel();
  // @ts-expect-error: no such notice
  if (result.notice === "rejcted") return "offer";
  // @ts-expect-error: no such state
  if (restored.state === "paid") return "offer";
  return state === "error" ? result.notice : restored.notice;
}

// @ts-expect-error: the element's own
paywall.emit("idle");
// @ts-expect-error: the element's own
paywall.url;
// @ts-expect-error: the element's own
FarthingPaywall.css;
