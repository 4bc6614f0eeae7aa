// Writes www/docs/conformance.md from what the last runs of tests/conformance found out.
import { writePage } from "../tests/conformance/page.mjs";
import { main, Plain } from "./lib/run.mjs";

await main(async () => {
  const missing = writePage();
  if (missing.length > 0) throw new Plain(`never run:\n  ${missing.join("\n  ")}\nrun: npm run test:peers`);
  return 0;
});
