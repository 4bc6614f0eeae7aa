// The package as it is packed, projects that install it, and the newspaper that all of them pay.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, extname, join, normalize } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { listen } from "../../tools/lib/processes.mjs";
import { run } from "../../tools/lib/run.mjs";
import { programs } from "../../tools/lib/setup-sites.mjs";
import { outerPath, root } from "../../tools/lib/toolchain.mjs";
import { LOG, PRICES, needles, newReader } from "../e2e/reader.mjs";
import { launch } from "../support/browser.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { startParts } from "../support/parts.mjs";

export { root };
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".json": "application/json" };

/** What a person's shell has: no npm of a script around it, no module of this repository; the Node of this project. */
const shell = {
  ...Object.fromEntries(Object.keys(process.env).filter((name) => /^npm_|^NODE_TEST|^NODE$|^NODE_OPTIONS$|^INIT_CWD$|^FARTHING_/i.test(name)).map((name) => [name, undefined])),
  PATH: [join(root, "node_modules/node/bin"), outerPath()].join(delimiter),
};
/** Runs to its end: {out, err}. Throws, with all that was said, where it fails. */
export const command = (program, args, { cwd, env = {}, ...more }) => run(program, args, { cwd, env: { ...shell, ...env }, timeout: 300_000, ...more });
export const node = (args, options) => command(process.execPath, args, options);
const npm = (args, cwd) => command("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd });

/** A file of a program that set-up installed. */
export const tool = (name, path) => join(programs[`packaging-${name}`].folder, "node_modules", path);

/** The package as npm packs it: {tarball, install, project, stop}. */
export async function pack() {
  const place = mkdtempSync(join(tmpdir(), "farthing-packaging-"));
  const { out } = await npm(["pack", "--json", "--pack-destination", place], join(root, "js"));
  const tarball = join(place, JSON.parse(out)[0].filename);
  const install = (folder) => npm(["install", "--no-save", "--no-package-lock", tarball], folder);
  return {
    tarball, install,
    /** A copy of tests/packaging/projects/`name` outside this repository, with the package installed; its folder. `as`: for a second one. */
    async project(name, as = name) {
      const folder = join(place, as);
      cpSync(join(import.meta.dirname, "projects", name), folder, { recursive: true });
      await install(folder);
      assert.deepEqual(readdirSync(join(folder, "node_modules")).filter((one) => !one.startsWith(".")), ["farthing"]);
      return folder;
    },
    stop: async () => rmSync(place, { recursive: true, force: true }),
  };
}

/** Files of folders, each under a name, as any host of files serves them: {url, add}. */
async function startFiles() {
  const folders = new Map();
  const server = createServer((request, response) => {
    const [, name, path] = /^\/([\w-]+)\/([^?]*)/.exec(request.url) ?? [];
    const file = folders.has(name) ? join(folders.get(name), normalize(`/${path || "index.html"}`)) : undefined;
    if (!file || !existsSync(file)) return response.writeHead(404).end();
    return response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(readFileSync(file));
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    add(name, folder) {
      folders.set(name, folder);
      return `http://127.0.0.1:${port}/${name}/`;
    },
    stop: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }),
  };
}

/**
 * The newspaper and the package. `browser`: Chromium too, and a host of files whose pages may pay; `origins`: further ones.
 * {paper, package, files, pays, paysInBrowser, stop}
 */
export async function stand({ browser = false, origins = [] } = {}) {
  const { add, stop } = startParts();
  try {
    const files = browser ? await add(startFiles()) : undefined;
    const paper = await add(startNewspaper({ change: (config) => (browser ? { ...config, cors: [files.url, ...origins] } : config) }));
    const chromium = browser ? await launch() : undefined;
    if (chromium) await add({ stop: () => chromium.close() });
    const packed = await add(pack());
    const article = paper.site + LOG;

    /** A new reader, with whose key and this article `use` gets what was printed: the article, its receipt, and no second payment. */
    async function pays(use) {
      const reader = await newReader(paper);
      const { status, text, receipt, again } = JSON.parse(await use({ KEY: reader.key, ARTICLE: article }));
      assert.equal(status, 200);
      for (const needle of needles[LOG]) assert.ok(text.includes(needle), needle);
      const transfers = await reader.transfers();
      assert.deepEqual(transfers.map(({ value, transaction }) => ({ value, transaction })), [{ value: PRICES[LOG], transaction: receipt.transaction }]);
      assert.deepEqual([receipt.url, receipt.amount, receipt.state], [article, String(PRICES[LOG]), "paid"]);
      assert.deepEqual(again, { status: 200 });
    }
    return {
      paper, files, package: packed, stop, pays,
      /** The same by a page at this address, which prints into a <pre>. */
      paysInBrowser: (url) => pays(async ({ KEY, ARTICLE }) => {
        const context = await chromium.context();
        try {
          const page = await context.newPage();
          const said = [];
          page.on("console", (message) => said.push(message.text())).on("pageerror", (error) => said.push(error.stack));
          page.on("requestfailed", (request) => said.push(`${request.url()}: ${request.failure()?.errorText}`));
          await page.goto(`${url}#${new URLSearchParams({ key: KEY, article: ARTICLE })}`);
          const printed = page.locator("pre");
          await printed.waitFor({ state: "attached", timeout: 30_000 }).catch((error) => assert.fail(`${error.message}\n${said.join("\n")}`));
          return await printed.textContent();
        } finally {
          await context.close();
        }
      }),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What a browser downloads of these files, in bytes by brotli: a line for the report. */
export function weigh(name, folder) {
  const kinds = new Map();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const kind = extname(entry.name);
    if (!entry.isFile() || ![".js", ".wasm"].includes(kind)) continue;
    kinds.set(kind, (kinds.get(kind) ?? 0) + brotliCompressSync(readFileSync(join(entry.parentPath, entry.name))).length);
  }
  return `${name}: ${[...kinds].sort().map(([kind, bytes]) => `${kind} ${bytes.toLocaleString("en")}`).join(", ")} bytes by brotli`;
}
