// Real nginx on 127.0.0.1: before a folder, as most static sites are served (suffixes and index pages are found, slashes are merged), or
// as it is told.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, portTaken, start, stop } from "../../tools/lib/processes.mjs";
import { nginx } from "../../tools/lib/toolchain.mjs";

const serving = (root) => `root ${root}; index index.html; charset utf-8; location / { try_files $uri $uri.html $uri/index.html =404; }`;

/** `root`: the folder that is served. `server`: the lines of the server instead; `http`: lines around it, of which `folder` is its own. */
export async function startNginx({ root, server = serving(root), http = () => "" }) {
  const program = nginx();
  if (!program) throw new Error("No nginx found: install it, or name it in the environment variable NGINX.");
  const folder = await mkdtemp(join(tmpdir(), "farthing-nginx-"));
  const port = await freePort();
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  await writeFile(join(folder, "nginx.conf"), `
    daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1;
    ${process.getuid?.() === 0 ? "user root;" : ""}
    events {}
    http {
      access_log off; ${paths}
      types { text/html html; application/json json; text/css css; image/svg+xml svg; text/javascript js; application/xml xml; audio/mpeg mp3; }
      ${http(folder)}
      server {
        listen 127.0.0.1:${port};
        ${server}
      }
    }`);
  const child = start(program, ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")], { stdio: "ignore" });
  for (let tries = 0; !(await portTaken(port)); tries += 1) {
    if (tries > 100 || child.exitCode !== null) throw new Error("nginx did not start");
    await new Promise((done) => setTimeout(done, 50));
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await stop(child, { signal: "SIGTERM" });
      await rm(folder, { recursive: true, force: true });
    },
  };
}
