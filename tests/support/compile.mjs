// Compiles contracts/*.sol with the compiler inside the `solc` package. The result is kept in tests/out/ under the sources' hash.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const contracts = join(import.meta.dirname, "contracts");
const out = join(import.meta.dirname, "..", "out");
const require = createRequire(import.meta.url);

const settings = {
  optimizer: { enabled: true, runs: 200 },
  viaIR: true,
  evmVersion: "cancun",
  outputSelection: { "*": { "*": ["abi", "evm.deployedBytecode.object"] } },
};

// The compiler's JavaScript installs a handler that ends the process on any rejected promise: not in a test's process.
function compiler() {
  const before = process.listeners("unhandledRejection");
  const solc = require("solc");
  for (const listener of process.listeners("unhandledRejection")) {
    if (!before.includes(listener)) process.off("unhandledRejection", listener);
  }
  return solc;
}

/** @returns {Record<string, {abi: object[], code: `0x${string}`}>} by contract name; `code` is what lies on chain */
export function contractsOf() {
  const sources = Object.fromEntries(
    readdirSync(contracts).filter((name) => name.endsWith(".sol")).sort()
      .map((name) => [name, { content: readFileSync(join(contracts, name), "utf8") }]),
  );
  const version = require("solc/package.json").version;
  const key = createHash("sha256").update(JSON.stringify([version, settings, sources])).digest("hex").slice(0, 16);
  const file = join(out, `contracts-${key}.json`);
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT" && !(error instanceof SyntaxError)) throw error;
  }
  const answer = JSON.parse(compiler().compile(JSON.stringify({ language: "Solidity", sources, settings })));
  const errors = (answer.errors ?? []).filter((e) => e.severity === "error");
  if (errors.length) throw new Error(errors.map((e) => e.formattedMessage).join("\n"));
  const result = {};
  for (const unit of Object.values(answer.contracts)) {
    for (const [name, { abi, evm }] of Object.entries(unit)) {
      if (evm.deployedBytecode.object) result[name] = { abi, code: `0x${evm.deployedBytecode.object}` };
    }
  }
  mkdirSync(out, { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(result));
  renameSync(temporary, file);
  return result;
}
