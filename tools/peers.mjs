// Builds the Rust peers (tests/peers) that conformance tests pay and are paid by. `--cached`: only if that takes seconds, because their
// dependencies were compiled on this machine before; that is what CI does, and it says so when they are left out.
import { main, say } from "./lib/run.mjs";
import { buildRustPeers } from "./lib/rust-peers.mjs";

await main(async () => {
  if (!(await buildRustPeers({ onlyQuickly: process.argv.includes("--cached") }))) {
    say("peers: the Rust peers were never compiled on this machine, so their rows are left out; `npm run test:peers` has them");
  }
  return 0;
});
