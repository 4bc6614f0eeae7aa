// One change of a store, as a process of its own that can be told at which moment to stop. argv: the job as JSON: {folder, name, at, hold, drop}.
// It says {owner}, then {held} once it has the lock, {stops} right before it stops, and {reached} or {dropped} at its end.
// at: "publish": stopped (SIGSTOP) right before the change gets its name; "clear": right before it takes somebody's lock away.
// hold: for so many milliseconds it does not let go of the lock. drop: the text that it deletes; it counts up if there is none.
import { writeSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const { folder, name, at, hold = 0, drop } = JSON.parse(process.argv[2]);
const say = (line) => writeSync(1, `${JSON.stringify(line)}\n`);
const places = {
  publish: { rename: (paths) => paths.some((path) => /[0-9a-f]{64}\.json$/.test(path)), unlink: ([path]) => path.endsWith(".json") },
  clear: Object.fromEntries(["unlink", "rm", "rmdir"].map((call) => [call, ([path]) => path.startsWith(`${folder}/lock`)])),
};
let stopped = false;
for (const [call, meant] of Object.entries(places[at] ?? {})) {
  const real = fs[call];
  fs[call] = (...given) => {
    if (!stopped && meant(given)) {
      stopped = true;
      say({ stops: true });
      process.kill(process.pid, "SIGSTOP");
    }
    return real(...given);
  };
}
syncBuiltinESMExports();

const { fileStore } = await import("../../js/dist/client/node.js");
const store = fileStore(folder);
say({ owner: store.owner });
const reached = await store.update(name, (text) => {
  say({ held: true });
  if (hold) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, hold);
  if (drop !== undefined) return { text: text === drop ? undefined : text, result: text };
  return { text: String(Number(text ?? 0) + 1), result: Number(text ?? 0) + 1 };
});
say(drop === undefined ? { reached } : { dropped: reached });
