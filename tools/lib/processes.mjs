// Child processes, ports and an orderly end: what is started here is gone when we are, also when we are killed. Nothing about
// what the children do.
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, connect } from "node:net";

// A shell that waits for our end of its pipe to close and then kills what is on its list.
const WATCHDOG = `
trap '' INT TERM HUP
pids=
while read -r op pid; do
  case $op in
    +) pids="$pids $pid" ;;
    -) kept=; for p in $pids; do [ "$p" = "$pid" ] || kept="$kept $p"; done; pids=$kept ;;
  esac
done
for p in $pids; do kill -9 "$p"; done 2>/dev/null
`;
let watchdog;

function tell(op, pid) {
  if (process.platform === "win32" || !pid) return;
  if (!watchdog) {
    watchdog = spawn("/bin/sh", ["-c", WATCHDOG], { stdio: ["pipe", "ignore", "ignore"] });
    watchdog.on("error", () => {});
    watchdog.stdin.on("error", () => {});
    watchdog.unref();
    watchdog.stdin.unref();
  }
  watchdog.stdin.write(`${op} ${pid}\n`);
}

/** The process `pid` (a child, or a child's child) dies with us, whatever kills us. */
export const guard = (pid) => tell("+", pid);
export const unguard = (pid) => tell("-", pid);

/** `spawn`, guarded. `child.ended` resolves to {code, signal} when it is gone. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true, ...options });
  guard(child.pid);
  child.ended = new Promise((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", (code, signal) => {
      unguard(child.pid);
      resolve({ code, signal });
    });
  });
  return child;
}

/** Asks a child to end, insists after `grace` ms, and returns when it is gone. */
export async function stop(child, { signal = "SIGTERM", grace = 3000 } = {}) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), grace);
  await child.ended;
  clearTimeout(timer);
}

// Below what systems hand out to outgoing connections (32768 and up on Linux, 49152 on macOS and Windows): such a port would be free
// now, and somebody's own end of a connection by the time that it is listened on.
const OWN_PORTS = [20_000, 32_767];

/** A port of 127.0.0.1 that is free now, for a process that must be told one. */
export async function freePort() {
  const [first, last] = OWN_PORTS;
  for (;;) {
    const port = randomInt(first, last + 1);
    if (await canListen(port)) return port;
  }
}

function canListen(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => (["EADDRINUSE", "EACCES"].includes(error.code) ? resolve(false) : reject(error)));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Whether something already listens on this port of 127.0.0.1. */
export function portTaken(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.setTimeout(1000, () => { socket.destroy(); resolve(true); });
    socket.once("connect", () => { socket.destroy(); resolve(true); });
    socket.once("error", () => resolve(false));
  });
}

/** `server.listen` on 127.0.0.1 as a promise of the port; a taken port is one clear sentence. */
export function listen(server, port = 0) {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(error.code === "EADDRINUSE" ? new Error(takenText(port)) : error));
    server.listen(port, "127.0.0.1", () => resolve(server.address().port));
  });
}

export const takenText = (port, option = "--port") => `Port ${port} is already in use: stop what listens there, or choose another with ${option}.`;

// [name, parent] of a process, where the system says so in a file.
function about(pid) {
  try {
    return /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")).slice(1);
  } catch {
    return [];
  }
}
const isShell = (pid) => /^(sh|dash|bash|ash|busybox)$/.test(about(pid)[0]);
const parentOf = (pid) => Number(about(pid)[1]);

/**
 * Runs `end` once, at Ctrl-C, SIGTERM, SIGHUP, or when the npm script around us is gone, and then leaves the process.
 * A second Ctrl-C leaves at once (the watchdog clears up). The function returned does the same from inside.
 */
export function onShutdown(end) {
  let ending = false;
  const leave = async (code) => {
    if (ending) return;
    ending = true;
    const late = setTimeout(() => process.exit(code), 8000);
    try {
      await end();
    } catch (error) {
      console.error(error);
    }
    clearTimeout(late);
    process.exit(code);
  };
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => (ending ? process.exit(code) : leave(code)));
  }
  // npm may be gone without a word to us: killed, or behind a shell that hands no signals on. Watched is npm, and that shell.
  if (process.env.npm_lifecycle_event) {
    const parent = process.ppid;
    const npm = isShell(parent) ? parentOf(parent) : undefined;
    setInterval(() => {
      if (process.ppid !== parent || (npm && parentOf(parent) !== npm)) leave(143);
    }, 500).unref();
  }
  Object.defineProperty(leave, "ending", { get: () => ending });
  return leave;
}
