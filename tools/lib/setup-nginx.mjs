// Set-up of nginx for tests, which serves articles as most sites do: one that is here, else Debian's, unpacked and not installed, for its
// installation would start a server on port 80.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debian, aptUpdate } from "./apt.mjs";
import { Plain, run, say } from "./run.mjs";
import { nginx, nginxFolder } from "./toolchain.mjs";

const BY_HAND = "The tests need nginx on PATH, or named by NGINX.";

export async function setUpNginx() {
  if (nginx()) return;
  if (!debian()) throw new Plain(BY_HAND);
  say("setup: apt-get download nginx");
  const folder = mkdtempSync(join(tmpdir(), "farthing-nginx-"));
  // apt fetches as a user of its own
  chmodSync(folder, 0o777);
  try {
    const download = () => run("apt-get", ["-qq", "download", "nginx"], { cwd: folder, check: false });
    if ((await download()).code !== 0) {
      await aptUpdate();
      await download();
    }
    const file = readdirSync(folder).find((name) => name.endsWith(".deb"));
    if (!file) throw new Plain(`Debian's nginx could not be fetched.\n${BY_HAND}`);
    mkdirSync(nginxFolder, { recursive: true });
    await run("dpkg-deb", ["-x", join(folder, file), nginxFolder]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (!existsSync(nginx() ?? "")) throw new Plain(BY_HAND);
}
