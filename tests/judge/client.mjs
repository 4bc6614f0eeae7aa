// HTTP as a judge wants it: every request is noted before it is sent, and what came of it, byte for byte, also when the line breaks.
import { Agent, request as httpRequest } from "node:http";
import { decode } from "../support/pay.mjs";

const json = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/**
 * @param {{site: string, textOf: (path: string, body: string) => "none" | "part" | "whole", sockets?: number}} options
 * `textOf`: how much of what is sold at a path a body holds; `sockets`: connections at most, kept open between requests
 */
export function startClient({ site, textOf, sockets = 64 }) {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, scheduling: "fifo" });
  const requests = [];
  const under = new Map();
  const last = new Map();
  return {
    /** Every request so far, as `judge.mjs` reads them. */
    requests,
    /** How many requests of a payer are on their way. */
    under: (payer) => under.get(payer) ?? 0,
    /** When the last one of a payer ended, in Unix milliseconds. */
    last: (payer) => last.get(payer) ?? 0,
    /**
     * @param {object} options
     * `payment`: {headers, noted} of `sign`; `pass`: an earlier request whose cookies are sent along; `leaveAfter`: milliseconds
     * until the client resets the line; `leaveAtBody`: it does so at the first bytes of the body; `onBody`: called with the first bytes of a body
     * @returns {Promise<object>} the request as noted, and `retryAfter`, `cookies`, `header(name)`
     */
    ask({ payer, path, payment, pass, headers = {}, leaveAfter, leaveAtBody, onBody, closing }) {
      const noted = { n: requests.length, payer, path, sent: Date.now(), text: "none" };
      if (payment) noted.payment = payment.noted;
      if (pass) noted.pass = pass.n;
      if (closing) noted.closing = true;
      requests.push(noted);
      under.set(payer, (under.get(payer) ?? 0) + 1);
      const cookie = pass?.cookies.map((line) => line.split(";")[0]).join("; ");
      return new Promise((resolve) => {
        const answer = { ...noted, cookies: [], header: () => undefined };
        let body = "";
        let timer;
        let over = false;
        const end = () => {
          if (over) return;
          over = true;
          clearTimeout(timer);
          noted.ended = Date.now();
          noted.text = textOf(path, body);
          under.set(payer, under.get(payer) - 1);
          last.set(payer, noted.ended);
          resolve(Object.assign(answer, noted));
        };
        // the origin is told which payment made somebody ask it
        const all = { ...headers, ...payment?.headers, ...(payment && { "x-nonce": payment.noted.nonce }), ...(cookie && { cookie }) };
        const request = httpRequest(site + path, { agent, headers: all }, (response) => {
          const header = (name) => response.headers[name];
          Object.assign(noted, { status: response.statusCode, headers: {} });
          for (const name of ["etag", "last-modified", "content-length", "farthing-receipt"]) if (header(name)) noted.headers[name] = header(name);
          const told = header("payment-response") ?? header("x-payment-response");
          if (told) noted.settlement = decode(told);
          if (header("payment-required")) noted.offer = true;
          answer.header = header;
          answer.cookies = response.headers["set-cookie"] ?? [];
          answer.retryAfter = Number(header("retry-after") ?? 0);
          response.setEncoding("utf8");
          response.on("data", (data) => {
            noted.first ??= Date.now();
            if (body === "") onBody?.(noted);
            body += data;
            if (leaveAtBody) {
              noted.left = true;
              response.socket.resetAndDestroy();
            }
          });
          response.on("end", () => {
            const document = header("content-type")?.startsWith("application/problem+json") && json(body);
            if (document) noted.problem = document.type.split("/").at(-1);
            answer.body = body;
            end();
          });
          // a body that breaks off counts as no answer, with what came of it
          response.on("error", () => {
            noted.status = undefined;
            end();
          });
        });
        request.on("error", end);
        request.on("close", end);
        if (leaveAfter !== undefined) {
          timer = setTimeout(() => {
            noted.left = true;
            if (request.socket) request.socket.resetAndDestroy();
            else request.destroy();
          }, leaveAfter);
        }
        request.end();
      });
    },
    stop: () => agent.destroy(),
  };
}
