// HTTP below the level of `fetch`: reading and answering in small servers, raw requests, connections that are cut.
import { connect } from "node:net";

/** The whole body: as text, or parsed when `as` is "json". */
export async function readBody(message, as = "text") {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return as === "json" ? JSON.parse(text) : text;
}

export function sendJson(response, status, value, headers = {}) {
  const body = JSON.stringify(value, (_, item) => (typeof item === "bigint" ? item.toString() : item));
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers });
  response.end(body);
}

/**
 * One request written byte for byte: the target is not normalised, headers keep their case, order and doubles.
 * `cutAfter` (ms) resets the connection that long after sending. A reset is what workerd notices at once, as Cloudflare does
 * with any lost client; a connection that is merely closed it notices when it next writes.
 * @param {{url: string, method?: string, target?: string, headers?: [string, string][], body?: string, cutAfter?: number, from?: string}} options
 * @returns {Promise<{status: number, headers: [string, string][], body: Buffer, raw: Buffer} | {cut: true, raw: Buffer}>}
 */
export function rawRequest({ url, method = "GET", target, headers = [], body = "", cutAfter, from }) {
  const { hostname, port, host, pathname, search } = new URL(url);
  const lines = [`${method} ${target ?? pathname + search} HTTP/1.1`];
  if (!headers.some(([name]) => name.toLowerCase() === "host")) lines.push(`Host: ${host}`);
  lines.push(...headers.map(([name, value]) => `${name}: ${value}`), "Connection: close");
  if (body) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port || 80), localAddress: from });
    const chunks = [];
    let timer;
    socket.once("error", reject);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("connect", () => {
      socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
      if (cutAfter !== undefined) {
        timer = setTimeout(() => {
          socket.resetAndDestroy();
          resolve({ cut: true, raw: Buffer.concat(chunks) });
        }, cutAfter);
      }
    });
    socket.once("end", () => {
      clearTimeout(timer);
      socket.end();
      const raw = Buffer.concat(chunks);
      try {
        resolve({ ...parseResponse(raw), raw });
      } catch (error) {
        reject(error);
      }
    });
  });
}

function parseResponse(raw) {
  const split = raw.indexOf("\r\n\r\n");
  if (split < 0) throw new Error(`no complete response: ${raw.toString("latin1").slice(0, 200)}`);
  const [first, ...rest] = raw.subarray(0, split).toString("latin1").split("\r\n");
  const headers = rest.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]);
  let body = raw.subarray(split + 4);
  if (headers.some(([name, value]) => name.toLowerCase() === "transfer-encoding" && /chunked/i.test(value))) body = dechunk(body);
  return { status: Number(first.split(" ")[1]), headers, body };
}

function dechunk(body) {
  const parts = [];
  for (let at = 0; at < body.length;) {
    const end = body.indexOf("\r\n", at);
    const size = parseInt(body.subarray(at, end).toString("latin1"), 16);
    if (!(size > 0)) break;
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(parts);
}
