#!/usr/bin/env node
// `npx farthing`: chooses the command. Everything it needs is beside it in the package.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as abandon from "./abandon.mjs";
import * as check from "./check.mjs";
import * as dev from "./dev.mjs";
import * as doctor from "./doctor.mjs";
import * as erase from "./erase.mjs";
import * as exported from "./export.mjs";
import * as gift from "./gift.mjs";
import * as init from "./init.mjs";
import * as mcp from "./mcp.mjs";
import * as pay from "./pay.mjs";
import * as quote from "./quote.mjs";
import * as receipts from "./receipts.mjs";
import * as refund from "./refund.mjs";
import * as revoke from "./revoke.mjs";
import { Mistake } from "./mistake.mjs";
import { runCommand } from "./run.mjs";

const COMMANDS = { init, check, dev, doctor, gift, revoke, refund, quote, pay, receipts, abandon, export: exported, erase, mcp };
const program = "npx farthing ";
const dist = resolve(import.meta.dirname, "..");
const version = () => JSON.parse(readFileSync(join(dist, "..", "package.json"), "utf8")).version;

const usage = () => `${program}COMMAND [OPTION …]

${Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`).join("\n")}

${program}COMMAND --help says more. --version prints the version.`;

const main = {
  usage,
  run([name]) {
    if (name === "--version" || name === "-v") return console.log(version()), 0;
    if (name === undefined) return console.log(usage()), 0;
    throw new Mistake(`"${name}" is not a command.\n\n${usage()}`);
  },
};

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name ?? "") ? COMMANDS[name] : undefined;
const context = { program, gate: join(dist, "worker", "edge.wasm"), tools: join(dist, "tools.wasm"), client: join(dist, "client", "node.js"), at: (file) => resolve(file), version };
await (command ? runCommand(command, args, context) : runCommand(main, process.argv.slice(2), context));
