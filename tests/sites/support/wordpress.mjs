// A site made by real WordPress, with the theme that Debian has for it, a real database, and nginx before it.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, portTaken, start, stop } from "../../../tools/lib/processes.mjs";
import { run } from "../../../tools/lib/run.mjs";
import { programs } from "../../../tools/lib/setup-sites.mjs";
import { ARTICLES, AUDIO, NOTICE } from "./content.mjs";

const SOURCES = join(import.meta.dirname, "..", "wordpress");
const asRoot = process.getuid?.() === 0 ? ["--user=root"] : [];

/** Waits for a child to be there. */
export async function ready(child, what, there) {
  // a first start writes a whole database
  for (const until = Date.now() + 180_000; !(await there());) {
    if (Date.now() > until || child.exitCode !== null) throw new Error(`${what} did not start`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** A database of its own, reached by a socket, and by a port if there is one: {socket, sql}. */
export async function startDatabase({ add, port }) {
  const folder = mkdtempSync(join(tmpdir(), "farthing-db-"));
  await add({ stop: async () => rmSync(folder, { recursive: true, force: true }) });
  const { server, installer, client } = programs.wordpress.database();
  const data = join(folder, "data");
  mkdirSync(data);
  await run(installer, ["--no-defaults", ...asRoot, `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"]);
  const socket = join(folder, "socket");
  const network = port ? ["--bind-address=127.0.0.1", `--port=${port}`] : ["--skip-networking"];
  const child = start(server, ["--no-defaults", ...asRoot, `--datadir=${data}`, `--socket=${socket}`, ...network, "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"], { stdio: "ignore" });
  await add({ stop: () => stop(child, { grace: 10_000 }) });
  const sql = (text) => run(client, ["--no-defaults", `--socket=${socket}`, "--user=root", "-e", text], { check: false });
  await ready(child, "the database", async () => (await sql("SELECT 1")).code === 0);
  return { socket, sql };
}

/** The program of a site. */
export async function wordpress({ site, add }) {
  const database = await startDatabase({ add });
  await database.sql("CREATE DATABASE wordpress CHARACTER SET utf8mb4");
  const root = programs.wordpress.place(join(SOURCES, "config.php"));
  const uploads = join(root, "wp-content/uploads");
  mkdirSync(uploads, { recursive: true });
  for (const { slug, audio } of ARTICLES) if (audio) writeFileSync(join(uploads, `${slug}-${audio}`), AUDIO);
  const env = { ...process.env, SITE_SOCKET: database.socket, SITE_URL: site, SITE_ROOT: root, PHP_CLI_SERVER_WORKERS: "4" };
  const installer = spawn(programs.wordpress.php(), [join(SOURCES, "install.php")], { env, stdio: ["pipe", "pipe", "pipe"] });
  installer.stdin.end(JSON.stringify({ articles: ARTICLES, notice: NOTICE }));
  let said = "";
  for (const stream of [installer.stdout, installer.stderr]) stream.on("data", (text) => { said += text; });
  const code = await new Promise((done) => installer.once("close", done));
  if (code !== 0) throw new Error(`WordPress was not installed:\n${said.slice(-3000)}`);
  const port = await freePort();
  const php = start(programs.wordpress.php(), ["-d", "opcache.enable_cli=1", "-S", `127.0.0.1:${port}`, "-t", root, join(SOURCES, "router.php")], { env, stdio: "ignore", detached: true });
  // its workers are processes of its own, and outlive it
  await add({ stop: async () => { await stop(php); try { process.kill(-php.pid, "SIGKILL"); } catch { /* all gone */ } } });
  await ready(php, "PHP", () => portTaken(port));
  // the host that readers ask for: WordPress sends everybody else there
  return `location / { proxy_pass http://127.0.0.1:${port}; proxy_set_header Host ${new URL(site).host}; }`;
}
