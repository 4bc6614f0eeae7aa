// `npm run check`: the package's `check`, with the gate that this repository builds.
import { join } from "node:path";
import * as check from "../js/cli/check.mjs";
import { runCommand } from "../js/cli/run.mjs";
import { build, root, typed } from "./lib/cli.mjs";

await runCommand(check, process.argv.slice(2), {
  program: "npm run ", gate: join(root, "worker", "build", "edge.wasm"), at: typed, prepare: () => build([]),
});
