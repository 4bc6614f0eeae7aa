// A publisher's origin: static files or routes, validators and ranges as any web server has them, a request log, and failures
// on demand.
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { listen } from "../../tools/lib/processes.mjs";

const TYPES = {
  ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".jsonc": "application/json", ".xml": "application/xml",
  ".txt": "text/plain; charset=utf-8", ".md": "text/markdown; charset=utf-8", ".csv": "text/csv; charset=utf-8",
  ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".avif": "image/avif",
  ".gif": "image/gif", ".ico": "image/x-icon", ".wasm": "application/wasm", ".woff2": "font/woff2", ".pdf": "application/pdf",
  ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".webmanifest": "application/manifest+json", ".rss": "application/rss+xml",
};

// The file for a path: itself, `<path>.html`, or `<path>/index.html`; never outside the root.
async function findFile(root, pathname) {
  let path;
  try {
    path = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  if (path.includes("\0") || path.split(/[/\\]/).includes("..")) return undefined;
  const base = join(root, path);
  const candidates = path.endsWith("/") ? [join(base, "index.html")] : [base, `${base}.html`, join(base, "index.html")];
  for (const file of candidates) {
    if (!file.startsWith(root + sep) && file !== root) continue;
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) return { file, modified: found.mtime };
  }
  return undefined;
}

// 200, 206, 304 or 416 for bytes that are there.
function deliver(request, response, { body, type, modified, headers = {} }) {
  const etag = `"${createHash("sha256").update(body).digest("hex").slice(0, 20)}"`;
  const all = {
    "content-type": type, etag, "last-modified": modified.toUTCString(), "accept-ranges": "bytes", "cache-control": "public, max-age=60", ...headers,
  };
  const match = request.headers["if-none-match"];
  const since = request.headers["if-modified-since"];
  const same = match !== undefined
    ? match.trim() === "*" || match.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag)
    : since !== undefined && Math.floor(modified / 1000) <= Math.floor(Date.parse(since) / 1000);
  if (same) {
    response.writeHead(304, all);
    return response.end();
  }
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
  const ifRange = request.headers["if-range"];
  let status = 200;
  let part = body;
  if (range && (range[1] || range[2]) && (!ifRange || ifRange === etag)) {
    const from = range[1] ? Number(range[1]) : Math.max(0, body.length - Number(range[2]));
    const to = range[1] && range[2] ? Math.min(Number(range[2]), body.length - 1) : body.length - 1;
    if (from > to || from >= body.length) {
      response.writeHead(416, { ...all, "content-range": `bytes */${body.length}` });
      return response.end();
    }
    status = 206;
    part = body.subarray(from, to + 1);
    all["content-range"] = `bytes ${from}-${to}/${body.length}`;
  }
  response.writeHead(status, { ...all, "content-length": part.length });
  response.end(request.method === "HEAD" ? undefined : part);
}

/** What can be ordered with `script`: how a request for the path goes wrong (or slowly right). */
const FAILURES = {
  hang: () => {},
  die: (request) => request.socket.destroy(),
  /** Half of the promised body, then the connection breaks. */
  cut: (request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": 10_000 });
    response.write("<p>".padEnd(5000, "x"));
    setTimeout(() => request.socket.destroy(), 20);
  },
  partial: (request, response) => {
    response.writeHead(206, { "content-type": "text/html; charset=utf-8", "content-range": "bytes 0-4/100", "content-length": 5 });
    response.end("<p>xx");
  },
};

function fail(mode, request, response, next) {
  if (typeof mode === "function") return mode(request, response, next);
  if (typeof mode === "number") {
    response.writeHead(mode, { "content-type": "text/html; charset=utf-8" });
    return response.end(`<h1>${mode}</h1>`);
  }
  if (typeof mode === "string") return FAILURES[mode](request, response);
  if (mode.redirect) {
    response.writeHead(mode.status ?? 302, { location: mode.redirect });
    return response.end();
  }
  if (mode.delay) return setTimeout(next, mode.delay);
  if (mode.slow) {
    // The right answer, in small pieces with `slow` ms between them.
    const write = response.end.bind(response);
    response.end = (body) => {
      const bytes = Buffer.from(body ?? "");
      const size = Math.max(1, Math.ceil(bytes.length / (mode.pieces ?? 10)));
      let at = 0;
      const step = () => {
        if (at >= bytes.length || response.destroyed) return write();
        response.write(bytes.subarray(at, at + size));
        at += size;
        setTimeout(step, mode.slow);
      };
      step();
      return response;
    };
    return next();
  }
  throw new Error(`unknown failure ${JSON.stringify(mode)}`);
}

/**
 * @param {object} options
 * `root`: a folder of static files. `routes`: {"/path": body | {status, headers, body, type} | (request, response, url) => …},
 * tried before the files; a key that ends in `*` matches by prefix. `keepAlive`: how long an idle connection stays open, in
 * milliseconds; closing one is a race with whoever is about to use it.
 */
export async function startOrigin({ root, routes = {}, port = 0, keepAlive = 5000 } = {}) {
  const log = [];
  const scripts = new Map();
  const modified = new Date(Math.floor(Date.now() / 1000) * 1000 - 86_400_000);

  async function answer(request, response, url) {
    const exact = routes[url.pathname];
    const route = exact ?? Object.entries(routes).find(([key]) => key.endsWith("*") && url.pathname.startsWith(key.slice(0, -1)))?.[1];
    if (typeof route === "function") return route(request, response, url);
    if (route !== undefined) {
      const { status, headers, body = "", type } = typeof route === "object" && !Buffer.isBuffer(route) ? route : { body: route };
      const bytes = Buffer.from(body);
      if (status && status !== 200) {
        response.writeHead(status, { "content-type": type ?? TYPES[".html"], ...headers });
        return response.end(bytes);
      }
      return deliver(request, response, { body: bytes, type: type ?? TYPES[extname(url.pathname)] ?? TYPES[".html"], modified, headers });
    }
    const found = root && await findFile(root, url.pathname);
    if (!found) {
      const page = root && await readFile(join(root, "404.html")).catch(() => undefined);
      response.writeHead(404, { "content-type": TYPES[".html"] });
      return response.end(request.method === "HEAD" ? undefined : page ?? "<!doctype html><title>Not found</title><h1>Not found</h1>\n");
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" });
      return response.end();
    }
    deliver(request, response, {
      body: await readFile(found.file), type: TYPES[extname(found.file)] ?? "application/octet-stream", modified: found.modified,
    });
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://origin");
    const { method, headers, rawHeaders } = request;
    const entry = { method, url: request.url, headers, rawHeaders, at: Date.now(), finished: undefined };
    log.push(entry);
    response.once("close", () => { entry.finished = response.writableFinished; });
    const next = () => answer(request, response, url).catch((error) => {
      if (response.headersSent) return response.destroy();
      response.writeHead(500, { "content-type": "text/plain" });
      response.end(`${error.message}\n`);
    });
    const script = scripts.get(url.pathname) ?? scripts.get("*");
    const mode = script && script.shift();
    if (script && !script.length) scripts.delete(scripts.has(url.pathname) ? url.pathname : "*");
    if (mode === undefined || mode === "pass") next();
    else fail(mode, request, response, next);
  });
  server.keepAliveTimeout = keepAlive;
  const bound = await listen(server, port);
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    /** [{method, url, headers, rawHeaders, at, finished}] in order; `finished` is false when the connection went first. */
    log,
    requestsTo: (pathname) => log.filter((entry) => entry.url.split("?")[0] === pathname),
    /**
     * The next requests for `pathname` ("*": any) fail so, one mode each: a status number, "hang", "die", "cut", "partial",
     * {redirect}, {delay: ms}, {slow: ms between pieces}, a function (request, response, next), or "pass".
     */
    script: (pathname, ...modes) => scripts.set(pathname, modes),
    /** As `script`, for every request until `reset`. */
    always: (pathname, mode) => scripts.set(pathname, { length: 1, shift: () => mode }),
    reset() {
      scripts.clear();
      log.length = 0;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
