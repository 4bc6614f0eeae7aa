// Entry of the demo wallet: announces it by EIP-6963 and fills the purse line of the front page.
// For the demo newspaper only. Its key holds play money of a local chain and is public; never ship this file.

import { createProvider } from "./provider.js";
import { showPurse } from "./purse.js";

const ICON =
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>" +
  "<rect width='32' height='32' rx='7' fill='#8a3f15'/>" +
  "<path d='M6 11h20v14H6zM6 11l14-5v5M20 16h6v5h-6z' fill='none' stroke='#fbf7ee' stroke-width='2' stroke-linejoin='round'/>" +
  "</svg>";

const provider = createProvider();

const detail = Object.freeze({
  info: Object.freeze({
    uuid: crypto.randomUUID(),
    name: "Demo wallet (play money)",
    icon: `data:image/svg+xml,${encodeURIComponent(ICON)}`,
    rdns: "test.farthing.demo-wallet",
  }),
  provider,
});

const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));

window.addEventListener("eip6963:requestProvider", announce);
announce();
showPurse();
