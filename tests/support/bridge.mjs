// The Rust core, asked from Node: one process for as long as the tests run, requests pipelined. What it can be asked is in
// tests/bridge/src.
import { join } from "node:path";
import { start, stop } from "../../tools/lib/processes.mjs";
import { cargo, root } from "../../tools/lib/toolchain.mjs";

let built;
const build = () => (built ??= cargo(["build", "--package", "farthing-bridge", "--message-format=json-render-diagnostics"], { check: false }).then(({ code, out, err }) => {
  if (code !== 0) throw new Error(`the bridge to the core does not build:\n${err}`);
  const artifacts = out.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  return artifacts.find((line) => line.reason === "compiler-artifact" && line.executable && line.target.name === "farthing-bridge").executable;
}));

/**
 * `ask(op, args)` resolves to what the operation gives, and rejects where it could not be asked; any number may be under way
 * at once. `stop()` when done.
 */
export async function startBridge() {
  const child = start(await build(), [], { cwd: join(root, "tests"), stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  let rest = "";
  // not `readline`: it ends lines at U+2028 as well
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const { resolve, reject, op } = waiting.shift();
      const { ok, error } = JSON.parse(line);
      if (error === undefined) resolve(ok);
      else reject(new Error(`${op}: ${error}`));
    }
  });
  child.ended.then((how) => {
    for (const { reject, op } of waiting.splice(0)) reject(new Error(`${op}: the core is gone (${JSON.stringify(how)})`));
  });
  child.stdin.on("error", () => {});
  return {
    ask(op, args = {}) {
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject, op });
        child.stdin.write(`${JSON.stringify({ op, ...args })}\n`);
      });
    },
    async stop() {
      child.stdin.end();
      await stop(child);
    },
  };
}
