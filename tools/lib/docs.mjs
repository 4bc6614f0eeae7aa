// The documentation's site: made by VitePress in a process of its own, and shown to this machine as a host of static files would show it.
import { rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { run } from "./run.mjs";
import { root } from "./toolchain.mjs";

export const DOCS = join(root, "www/docs");
export const SITE = join(DOCS, ".vitepress/dist");

const TYPES = {
  ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json",
  ".svg": "image/svg+xml", ".png": "image/png",
};

export async function buildDocs(to = SITE) {
  rmSync(to, { recursive: true, force: true });
  await run(process.execPath, [join(root, "node_modules/vitepress/bin/vitepress.js"), "build", DOCS, "--outDir", to]);
}

/** Only names without dots that lead upwards: `/a/b` is `a/b.html`, `/` is `index.html`. */
export async function serveDocs({ from = SITE, port = 0 } = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://docs.example");
    const name = pathname.endsWith("/") ? `${pathname}index.html` : extname(pathname) ? pathname : `${pathname}.html`;
    const send = async (status, file) => {
      const body = await readFile(join(from, file));
      response.writeHead(status, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
    };
    try { await send(200, name); } catch { await send(404, "404.html"); }
  });
  await new Promise((resolve, reject) => { server.once("error", reject).listen(port, "127.0.0.1", resolve); });
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => new Promise((resolve) => { server.close(resolve).closeAllConnections(); }) };
}
