// Set-up of the programs that make the sites of tests/sites, of those that tests/packaging builds and runs projects with, of the shared cache
// of tests/attacks, and of the page that tests/bench compares ours with: Debian's packages, and packages of npm with lockfiles of their own. They are large, so only what the chosen tests need is
// installed, into .tools/sites; nothing here starts a service. Where something cannot be installed, its tests are left out and the run says so.
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { aptInstall, aptUpdate, debian } from "./apt.mjs";
import { Plain, locked, run, say } from "./run.mjs";
import { outerPath, root, which } from "./toolchain.mjs";

const place = join(root, ".tools/sites");
const found = (path) => (existsSync(path) ? path : undefined);
const byHand = (what) => new Plain(`${what} is needed: Debian's package, or one on PATH`);

const read = (path) => { try { return readFileSync(path, "utf8"); } catch { return undefined; } };

/** Packages of npm as tests/<suite>/programs/<name> has them, in a folder of their own: {folder, find, install}. */
function packages(name, wanted, suite = "sites") {
  const folder = join(place, suite === "sites" ? name : `${suite}-${name}`);
  const source = join(root, "tests", suite, "programs", name);
  const lock = () => readFileSync(join(source, "package-lock.json"), "utf8");
  const stamp = join(folder, "installed");
  return {
    folder,
    find: () => (read(stamp) === lock() ? found(join(folder, "node_modules", wanted)) : undefined),
    async install() {
      if (this.find()) return;
      say(`setup: npm install, as tests/${suite}/programs/${name}/package-lock.json says`);
      mkdirSync(folder, { recursive: true });
      for (const file of ["package.json", "package-lock.json"]) cpSync(join(source, file), join(folder, file));
      const env = { PATH: [join(root, "node_modules/node/bin"), outerPath()].join(delimiter), NODE: undefined, npm_node_execpath: undefined, npm_config_node_options: undefined };
      // not `npm ci`, which wants the binaries of all systems in the lockfile
      await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, env });
      writeFileSync(stamp, lock());
    },
  };
}

const html = packages("html", "html-validate");
const next = packages("next", "next");

/** Builds the site anew where its sources are others: {folder, script}. `more`: further files, by name. */
async function buildNext(more) {
  const source = join(root, "tests/sites/programs/next");
  const names = readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => relative(source, join(entry.parentPath, entry.name))).sort();
  const files = [...names.map((name) => [name, readFileSync(join(source, name))]), ...Object.entries(more)];
  const hash = createHash("sha256");
  for (const [name, bytes] of files) hash.update(`${name}\n`).update(bytes);
  const key = hash.digest("hex");
  const stamp = join(next.folder, "built");
  const script = join(next.folder, "node_modules/next/dist/bin/next");
  await locked(join(place, "next.lock"), async () => {
    if (read(stamp) === key) return;
    for (const [name, bytes] of files) {
      mkdirSync(dirname(join(next.folder, name)), { recursive: true });
      writeFileSync(join(next.folder, name), bytes);
    }
    await run(process.execPath, [script, "build"], { cwd: next.folder, env: { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" } });
    writeFileSync(stamp, key);
  });
  return { folder: next.folder, script };
}

const DATABASE = ["mariadb-server-core", "mariadb-client-core"];
const PHP = ["php-cli", "php-mysql", "php-gd", "php-xml", "php-mbstring"];
const wordpressRoot = join(place, "wordpress/usr/share/wordpress");
const theme = () => { try { return readdirSync(join(wordpressRoot, "wp-content/themes"))[0]; } catch { return undefined; } };

/** Unpacks Debian's packages without installing them: what installs them would start a server. */
async function unpack(names, folder) {
  const packed = mkdtempSync(join(tmpdir(), "farthing-deb-"));
  // apt fetches as a user of its own
  chmodSync(packed, 0o777);
  try {
    say(`setup: apt-get download ${names.join(" ")}`);
    const download = () => run("apt-get", ["-qq", "download", ...names], { cwd: packed, check: false });
    if ((await download()).code !== 0) {
      await aptUpdate();
      const again = await download();
      if (again.code !== 0) throw new Plain(`Debian's packages could not be fetched: ${again.err.trim()}`);
    }
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(packed)) await run("dpkg-deb", ["-x", join(packed, file), folder]);
  } finally {
    rmSync(packed, { recursive: true, force: true });
  }
}

const wordpress = {
  php: () => which("php"),
  database: () => ({ server: which("mariadbd") ?? found("/usr/sbin/mariadbd"), installer: which("mariadb-install-db"), client: which("mariadb") }),
  find: () => (wordpress.php() && wordpress.database().server && theme() ? wordpressRoot : undefined),
  async install() {
    if (!debian()) throw new Plain("WordPress, PHP and MariaDB are taken from Debian, and this is not one");
    await aptInstall([...PHP, ...DATABASE]);
    if (wordpress.find()) return;
    const about = await run("apt-cache", ["show", "wordpress"], { check: false });
    const themes = /wordpress-theme-\w+/.exec(about.out) ?? ["wordpress-theme-twentytwentythree"];
    await unpack(["wordpress", themes[0], "php-getid3", "libjs-cropper", "libjs-underscore"], join(place, "wordpress"));
  },
  /** With this configuration in place of the package's: where it is served from. */
  place(config) {
    cpSync(config, join(wordpressRoot, "wp-config.php"));
    return wordpressRoot;
  },
};

const npmEnvironment = () => ({
  PATH: [join(root, "node_modules/node/bin"), outerPath()].join(delimiter), NODE: undefined, npm_node_execpath: undefined, npm_config_node_options: undefined, CI: "1",
});

/** Unpacks npm's tarball of one package into `folder`/package, without what it depends on. */
async function tarball(name, version, integrity, folder) {
  say(`setup: ${name} ${version}`);
  mkdirSync(folder, { recursive: true });
  const { out } = await run("npm", ["pack", `${name}@${version}`, "--silent", "--loglevel=error"], { cwd: folder, env: npmEnvironment() });
  const packed = join(folder, out.trim().split("\n").at(-1));
  const digest = `sha512-${createHash("sha512").update(readFileSync(packed)).digest("base64")}`;
  if (digest !== integrity) throw new Plain(`${name} ${version} from npm is not what is expected: ${digest}`);
  rmSync(join(folder, "package"), { recursive: true, force: true });
  await run("tar", ["xzf", packed, "-C", folder]);
  rmSync(packed);
}

const ghostTools = packages("ghost", "pnpm");
const ghostFolder = join(place, "ghost/package");
const ghost = {
  node: join(root, "node_modules/node/bin/node"),
  find: () => (wordpress.database().server && read(join(place, "ghost/ghost")) === ghost.wanted().integrity ? ghostFolder : undefined),
  wanted: () => JSON.parse(readFileSync(join(root, "tests/sites/programs/ghost/package.json"), "utf8")).config,
  async install() {
    if (!debian()) throw new Plain("Ghost's database, MariaDB, is taken from Debian, and this is not one");
    await aptInstall(DATABASE);
    if (ghost.find()) return;
    await ghostTools.install();
    const folder = join(place, "ghost");
    const { ghost: version, integrity } = ghost.wanted();
    await tarball("ghost", version, integrity, folder);
    // its SQLite would have to be compiled; MariaDB is here already
    await run(ghost.node, [join(folder, "node_modules/pnpm/bin/pnpm.mjs"), "install", "--prod", "--frozen-lockfile", "--ignore-scripts"], { cwd: ghostFolder, env: npmEnvironment() });
    writeFileSync(join(folder, "ghost"), integrity);
  },
  /** As `fetch`, but for the Host that is asked for: {status, headers, text}. */
  request: (url, { method, headers, body }) => new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => { text += chunk; }).on("end", () => resolve({ status: response.statusCode, headers: response.headers, text })).on("error", reject);
    });
    request.on("error", reject).end(body);
  }),
};

const paywallFolder = join(place, "paywall");
const paywall = {
  wanted: () => JSON.parse(readFileSync(join(root, "tests/sites/programs/paywall/package.json"), "utf8")).config,
  find: () => (read(join(paywallFolder, "paywall")) === paywall.wanted().integrity ? join(paywallFolder, "package") : undefined),
  async install() {
    if (paywall.find()) return;
    const { paywall: version, integrity } = paywall.wanted();
    await tarball("@x402/paywall", version, integrity, paywallFolder);
    writeFileSync(join(paywallFolder, "paywall"), integrity);
  },
  /** Its part for EVM networks, which needs viem. */
  load: () => import(pathToFileURL(join(paywallFolder, "package/dist/esm/evm/index.js"))),
};

const varnishFolder = join(place, "varnish");
// a package unpacked: its libraries are where nobody looks
const libraries = () => [...new Set(readdirSync(join(varnishFolder, "usr/lib"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.name.includes(".so")).map((entry) => entry.parentPath))];

const varnish = {
  find: () => which("varnishd") ?? found(join(varnishFolder, "usr/sbin/varnishd")),
  /** How it is run: {program, env, arguments}. It compiles its configuration with a C compiler. */
  command() {
    const program = varnish.find();
    if (!program?.startsWith(varnishFolder)) return { program, env: {}, arguments: [] };
    const folders = libraries();
    const modules = folders.find((folder) => folder.endsWith("/vmods"));
    return { program, env: { LD_LIBRARY_PATH: folders.join(delimiter) }, arguments: ["-p", `vmod_path=${modules}`] };
  },
  async install() {
    if (varnish.find()) return;
    if (!debian()) throw byHand("varnishd");
    if (!which("gcc", "cc")) await aptInstall(["gcc", "libc6-dev"]);
    const about = await run("apt-cache", ["depends", "varnish"], { check: false });
    const needed = [...about.out.matchAll(/^ +Depends: (lib(?:varnishapi|jemalloc|edit)\S+)/gm)].map(([, name]) => name);
    await unpack(["varnish", ...needed], varnishFolder);
  },
};

/** By name: `find` gives the program, or undefined; `install` gets it, or throws what is in the way. */
export const programs = {
  hugo: {
    find: () => which("hugo"),
    async install() {
      if (!debian()) throw byHand("hugo");
      await aptInstall(["hugo"]);
    },
  },
  wordpress,
  ghost,
  varnish,
  paywall,
  next: { ...next, build: buildNext },
  html: { ...html, load: () => import(pathToFileURL(join(html.folder, "node_modules/html-validate/dist/esm/index.js"))) },
};

for (const [name, wanted] of [["tools", "publint"], ["runtimes", "deno"], ["webpack", "webpack"], ["next", "next"]]) {
  programs[`packaging-${name}`] = packages(name, wanted, "packaging");
}

/** What a test file needs of it. */
const NEEDS = {
  "tests/sites/static.test.mjs": ["html"], "tests/sites/hugo.test.mjs": ["hugo", "html"], "tests/sites/next.test.mjs": ["next", "html"],
  "tests/sites/wordpress.test.mjs": ["wordpress", "html"], "tests/sites/ghost.test.mjs": ["ghost", "html"],
  "tests/attacks/caches.test.mjs": ["varnish"], "tests/bench/widget.test.mjs": ["paywall"],
  "tests/packaging/programs.test.mjs": ["packaging-runtimes"], "tests/packaging/pages.test.mjs": ["packaging-tools"], "tests/packaging/tarball.test.mjs": ["packaging-tools"],
  "tests/packaging/heavy.slow.mjs": ["packaging-webpack", "packaging-next"],
};

/** Installs what these test files need: those that can run, and for each other one why not. */
export async function setUpSites(files) {
  const failed = new Map();
  const ready = async (name) => {
    if (!failed.has(name) && !programs[name].find()) {
      try { await programs[name].install(); } catch (error) {
        if (!(error instanceof Plain)) throw error;
        failed.set(name, error.message);
      }
    }
    return failed.get(name);
  };
  const left = [];
  const able = [];
  for (const file of files) {
    const faults = [];
    for (const name of NEEDS[file] ?? []) faults.push(await ready(name));
    const fault = faults.find(Boolean);
    if (fault) left.push({ file, fault });
    else able.push(file);
  }
  return { able, left };
}
