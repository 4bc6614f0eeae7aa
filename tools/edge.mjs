// `npm run edge`: the built Worker alone in workerd, with your configuration, in front of your origin.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { secretsOf } from "../js/cli/lib/check-facilitators.mjs";
import { build, checkHealth, choosePort, command, Mistake, root, typed } from "./lib/cli.mjs";
import { parseJsonc } from "../js/cli/lib/jsonc.mjs";

const usage = `npm run edge -- --config FILE [--port N] [--state DIR] [--json]

  --config FILE  the configuration (JSON with comments)
  --port N       where to listen on 127.0.0.1 (4020; 0 takes any free one)
  --state DIR    where the ledgers live, across restarts (.state/edge-PORT)
  --json         print one line {"ready":true,"url":…} when ready, and nothing else

The secret FARTHING_KEYS is read from the environment: kid:base64url,kid:…, 32 bytes or more each. So are the secrets that the
config names, each by its name.`;

/** The secrets that a config names, as far as the environment has them. */
function secretsIn(text) {
  let config;
  try {
    config = parseJsonc(text);
  } catch {
    // the core says where
  }
  return Object.fromEntries(secretsOf(config).map(({ name }) => [name, process.env[name]]).filter(([, value]) => value !== undefined));
}

function readConfig(file) {
  if (!file) throw new Mistake(`--config FILE is missing.\n\n${usage}`);
  try {
    return readFileSync(typed(file), "utf8");
  } catch (error) {
    throw new Mistake(`${typed(file)} cannot be read: ${error.code === "ENOENT" ? "there is no such file" : error.message}.`);
  }
}

command({
  usage,
  options: {
    config: { type: "string" }, port: { type: "string", default: "4020" }, state: { type: "string" }, json: { type: "boolean", default: false },
  },
  async main(values, leave, parts) {
    const config = readConfig(values.config);
    const port = await choosePort(values.port);
    await build(parts);
    const { startEdge } = await import("../tests/support/edge.mjs");
    const state = values.state ?? (port ? join(root, ".state", `edge-${port}`) : undefined);
    const edge = await startEdge({
      config, port, state: state && typed(state), keys: process.env.FARTHING_KEYS, env: secretsIn(config),
      onLog: ({ level, message }) => process.stderr.write(`${level}: ${message}\n`),
    });
    parts.push(edge);
    edge.ended.then(() => {
      if (!leave.ending) console.error("workerd has ended unexpectedly.");
      leave(1);
    });
    for (const warning of await checkHealth(edge, values.config, config)) console.error(`Warning: ${warning}`);
    if (values.json) return console.log(JSON.stringify({ ready: true, url: edge.url }));
    console.log(`Farthing stands before your site at ${edge.url}\nThe ledgers are in ${edge.state}\nCtrl-C stops it.`);
  },
});
