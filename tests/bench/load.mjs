// Requests over a few connections that stay open, one at a time on each. Only what is needed: it shares the machine with what is measured.
import { connect } from "node:net";

const END = Buffer.from("\r\n\r\n");

/** A request's text. */
export const requestText = ({ path, host, headers = {}, method = "GET", body = "" }) => [
  `${method} ${path} HTTP/1.1`, `Host: ${host}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ...(body ? [`Content-Length: ${Buffer.byteLength(body)}`] : []), "", body,
].join("\r\n");

// A whole answer at the start of these bytes, or nothing yet.
function answerIn(bytes) {
  const end = bytes.indexOf(END);
  if (end < 0) return undefined;
  const head = bytes.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  const at = end + END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return bytes.length < at + Number(length) ? undefined : { status, head, body: bytes.subarray(at, at + Number(length)) };
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, head, body: Buffer.alloc(0) };
  const parts = [];
  for (let from = at; ;) {
    const line = bytes.indexOf("\r\n", from);
    if (line < 0) return undefined;
    const size = parseInt(bytes.toString("latin1", from, line), 16);
    if (bytes.length < line + size + 4) return undefined;
    if (size === 0) return { status, head, body: Buffer.concat(parts) };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    from = line + size + 4;
  }
}

/** A Worker that has no answer after so many milliseconds has none. */
const PATIENCE = 20_000;

function openConnection(port) {
  return new Promise((opened, failed) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    let kept = Buffer.alloc(0);
    let waiting;
    const lose = (error) => {
      failed(error);
      waiting?.reject(error);
      waiting = undefined;
    };
    socket.once("error", lose);
    socket.setTimeout(PATIENCE, () => lose(new Error("no answer came")));
    socket.once("close", () => lose(new Error("the connection was closed")));
    socket.on("data", (data) => {
      kept = kept.length === 0 ? data : Buffer.concat([kept, data]);
      const answer = answerIn(kept);
      if (!answer) return;
      kept = Buffer.alloc(0);
      const { resolve } = waiting;
      waiting = undefined;
      resolve(answer);
    });
    socket.once("connect", () => opened({
      send: (text) => new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(text);
      }),
      close() {
        socket.removeAllListeners("close");
        socket.destroy();
      },
    }));
  });
}

/** One request on a connection of its own: {status, head, body}. */
export async function once(port, text) {
  const connection = await openConnection(port);
  try {
    return await connection.send(text);
  } finally {
    connection.close();
  }
}

/** The values of a header in an answer's head. */
export const headersOf = ({ head }, name) =>
  head.split("\r\n").slice(1).filter((line) => line.toLowerCase().startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));

/**
 * Sends `texts` in turn, round and round for so many seconds and at least `least` times, or each once where `seconds` is left out. Every
 * answer has to have this `status`. Resolves to how many were answered.
 */
export async function load({ port, texts, status, seconds, least = 0, connections = 16 }) {
  const open = await Promise.all(Array.from({ length: connections }, () => openConnection(port)));
  const until = seconds === undefined ? Infinity : performance.now() + seconds * 1000;
  let sent = 0;
  const more = () => (seconds === undefined ? sent < texts.length : sent < least || performance.now() < until);
  try {
    await Promise.all(open.map(async (connection) => {
      while (more()) {
        const answer = await connection.send(texts[sent++ % texts.length]);
        if (answer.status !== status) throw new Error(`answered ${answer.status} instead of ${status}: ${answer.body.toString().slice(0, 200)}`);
      }
    }));
    return sent;
  } finally {
    for (const connection of open) connection.close();
  }
}
