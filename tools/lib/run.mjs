// Running a command to its end, and a lock for what must not run twice at once. Node 20's own modules only: set-up uses it.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** An error whose message is all that the person at the terminal needs; no stack is printed for it. */
export class Plain extends Error {}

export const say = (line) => process.stderr.write(`${line}\n`);

export const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const running = new Set();
process.on("exit", () => { for (const child of running) child.kill(); });

/**
 * Runs a command without a terminal. Output is kept and shown only when the command fails; `show: true` passes it on
 * to stdout as well.
 * Resolves to {code, out, err}; throws `Plain` on failure unless `check: false`.
 */
export function run(command, args, { show = false, check = true, timeout, env = {}, cwd } = {}) {
  const full = { ...process.env, ...env };
  for (const name of Object.keys(full)) if (full[name] === undefined) delete full[name];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: full, stdio: ["ignore", "pipe", "pipe"], timeout, killSignal: "SIGKILL" });
    running.add(child);
    let out = "";
    let err = "";
    let both = "";
    const keep = (text) => {
      both += text;
      if (show) process.stdout.write(text);
    };
    child.stdout.setEncoding("utf8").on("data", (text) => { out += text; keep(text); });
    child.stderr.setEncoding("utf8").on("data", (text) => { err += text; keep(text); });
    child.once("error", (error) => {
      if (check) reject(new Plain(`${command}: ${error.message}`));
      else resolve({ code: -1, out, err: error.message });
    });
    child.once("close", (code, signal) => {
      running.delete(child);
      if (code !== 0 && check) {
        const lines = show ? [] : both.trimEnd().split("\n");
        if (lines.length > 120) lines.splice(40, lines.length - 110, "[…]");
        const said = lines.join("\n");
        reject(new Plain(`${said}${said && "\n"}failed (${signal ?? `exit ${code}`}): ${[command, ...args].join(" ")}`));
      } else resolve({ code: code ?? -1, out, err });
    });
  });
}

function holder(path) {
  try {
    const pid = Number(readFileSync(join(path, "pid"), "utf8"));
    try { process.kill(pid, 0); return pid; } catch (error) { return error.code === "EPERM" ? pid : 0; }
  } catch { return undefined; }
}

/** Holds the folder `path` as a lock while `work` runs. A lock whose holder is gone is taken over. */
export async function locked(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  for (let waited = 0, blank = 0; ; waited += 1) {
    try { mkdirSync(path); break; } catch (error) { if (error.code !== "EEXIST") throw error; }
    const pid = holder(path);
    blank = pid === undefined ? blank + 1 : 0;
    if (pid === 0 || blank > 20) rmSync(path, { recursive: true, force: true });
    else if (waited === 10) say(`waiting for ${pid ? `process ${pid}` : "another process"}, which holds ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  writeFileSync(join(path, "pid"), String(process.pid));
  const release = () => rmSync(path, { recursive: true, force: true });
  process.once("exit", release);
  try { return await work(); } finally {
    process.removeListener("exit", release);
    release();
  }
}

/** What a script says of itself: the comment it begins with. */
const about = (path) => readFileSync(path, "utf8").split("\n").filter((line) => !line.startsWith("#!")).join("\n").match(/^(?:\/\/.*\n)*/)[0].replace(/^\/\/ ?/gm, "").trimEnd();

/**
 * Runs a script's main function; `Plain` errors end it with their message, others with their stack. With --help it says what it is for,
 * unless it has a help of its own.
 */
export async function main(work, { ownHelp = false } = {}) {
  if (!ownHelp && process.argv.slice(2).some((arg) => arg === "--help" || arg === "-h")) return void process.stdout.write(`${about(process.argv[1])}\n`);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));
  try { process.exitCode = (await work()) ?? 0; } catch (error) {
    say(`error: ${error instanceof Plain ? error.message : (error?.stack ?? error)}`);
    process.exit(1);
  }
}
