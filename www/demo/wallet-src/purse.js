// The line on the front page that says how much play money is left. Silent when there is no chain to ask.

import { config, rpc } from "./config.js";
import { dollars, USDC } from "./summary.js";

const BALANCE_OF = "0x70a08231";

/** Fills `#purse`, where a page has one. */
export async function showPurse() {
  const line = document.getElementById("purse");
  if (!line) return;
  try {
    const { address } = await config();
    const data = BALANCE_OF + address.slice(2).toLowerCase().padStart(64, "0");
    const units = BigInt(await rpc("eth_call", [{ to: USDC, data }, "latest"]));
    line.textContent = `The demo purse holds ${dollars(units)}.`;
    line.hidden = false;
  } catch {
    line.hidden = true;
  }
}
