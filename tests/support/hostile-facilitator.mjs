// A proxy that treats its callers as badly as the internet can. It stands before a facilitator; before an RPC endpoint it works
// as well (`path` "/").
import { createServer, request as httpRequest } from "node:http";
import { listen } from "../../tools/lib/processes.mjs";
import { readBody, sendJson } from "./http.mjs";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function forward(target, request, body) {
  return new Promise((resolve, reject) => {
    const url = new URL(request.url, target);
    const headers = { ...request.headers, host: url.host };
    delete headers["transfer-encoding"];
    headers["content-length"] = Buffer.byteLength(body);
    const outgoing = httpRequest(url, { method: request.method, headers }, async (response) => {
      resolve({ status: response.statusCode, type: response.headers["content-type"] ?? "application/json", text: await readBody(response) });
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}

export const reply = (response, { status, type, text }) => {
  response.writeHead(status, { "content-type": type });
  response.end(text);
};
const json = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

// Each mode gets {request, response, body, through}: `through()` asks the real one and gives {status, type, text}.
export const MODES = {
  pass: async ({ response, through }) => reply(response, await through()),
  /** Never answers; the real one hears nothing. */
  hang: async () => {},
  /** The real one settles; its answer is swallowed. */
  "hang-after-settle": async ({ through }) => void (await through()),
  /** The connection breaks before anything happened. */
  die: async ({ request }) => request.socket.destroy(),
  /** The connection breaks after the real one settled. */
  "die-after-settle": async ({ request, through }) => {
    await through();
    request.socket.destroy();
  },
  /** The connection breaks in the middle of the true answer. */
  "cut-after-settle": async ({ request, response, through }) => {
    const { status, type, text } = await through();
    response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
    response.write(text.slice(0, text.length >> 1));
    await sleep(20);
    request.socket.destroy();
  },
  garbage: async ({ response }) => reply(response, { status: 200, type: "application/json", text: "<html>\u0000 not what you expect {{{" }),
  "garbage-after-settle": async ({ response, through }) => {
    await through();
    reply(response, { status: 200, type: "application/json", text: "<html>\u0000 not what you expect {{{" });
  },
  500: async ({ response }) => sendJson(response, 500, { error: "internal error" }),
  "500-after-settle": async ({ response, through }) => {
    await through();
    sendJson(response, 500, { error: "internal error" });
  },
  429: async ({ response }) => sendJson(response, 429, { error: "too many requests" }, { "retry-after": "1" }),
  empty: async ({ response }) => reply(response, { status: 200, type: "application/json", text: "" }),
  "empty-after-settle": async ({ response, through }) => {
    await through();
    reply(response, { status: 200, type: "application/json", text: "" });
  },
  /** A true answer with two megabytes of padding. */
  huge: async ({ response, through }) => {
    const { status, text } = await through();
    sendJson(response, status, { ...json(text), padding: "x".repeat(5_000_000) });
  },
  "wrong-network": async ({ response, through }) => {
    const { status, text } = await through();
    sendJson(response, status, { ...json(text), network: "eip155:1" });
  },
  "wrong-payer": async ({ response, through }) => {
    const { status, text } = await through();
    sendJson(response, status, { ...json(text), payer: "0x000000000000000000000000000000000000dEaD" });
  },
  /** "Settled", nothing done, no transaction named. */
  "no-transaction": async ({ response, body }) => sendJson(response, 200, { ...lie(body), transaction: "" }),
  /** "Settled", nothing done, a transaction that does not exist. */
  "false-transaction": async ({ response, body }) => sendJson(response, 200, lie(body)),
  /** Settled in truth, called pending. */
  "pending-after-settle": async ({ response, through }) => {
    const { text } = await through();
    sendJson(response, 200, { ...json(text), success: false, errorReason: "settlement_pending" });
  },
};

function lie(body) {
  const { paymentPayload, paymentRequirements } = json(body) ?? {};
  return {
    success: true, transaction: `0x${"ab".repeat(32)}`, network: paymentRequirements?.network, payer: paymentPayload?.payload?.authorization?.from,
    isValid: true,
  };
}

/** A definitive refusal with this reason, as /verify and /settle give it. */
export const refuse = (reason) => async ({ response, body }) => {
  const { paymentPayload, paymentRequirements } = json(body) ?? {};
  const payer = paymentPayload?.payload?.authorization?.from;
  sendJson(response, 200, {
    isValid: false, invalidReason: reason, success: false, errorReason: reason, transaction: "", network: paymentRequirements?.network, payer,
  });
};
/** Refuses although the real one settled. */
export const refuseAfterSettle = (reason) => async (context) => {
  await context.through();
  await refuse(reason)(context);
};
/** The true answer, `ms` late. */
export const slow = (ms) => async ({ response, through }) => {
  await sleep(ms);
  reply(response, await through());
};
/** The real one settles at once; its answer comes `ms` late. */
export const slowAfterSettle = (ms) => async ({ response, through }) => {
  const answer = await through();
  await sleep(ms);
  reply(response, answer);
};

/**
 * @param {{target: string, port?: number}} options `target`: the URL of the real one
 */
export async function startHostile({ target, port = 0 }) {
  const calls = [];
  const scripts = new Map();
  let standing = new Map();
  const pick = (path, payer) => {
    for (const key of [`${path} ${payer}`, path, "*"]) {
      const queue = scripts.get(key);
      if (queue?.length) return queue.shift();
    }
    return standing.get(path) ?? standing.get("*") ?? "pass";
  };
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const body = await readBody(request);
    const asked = json(body);
    const mode = pick(path, payerOf(asked));
    const call = { path, method: request.method, headers: request.headers, body: asked ?? body, mode, at: Date.now(), answer: undefined };
    calls.push(call);
    const through = async () => {
      const answer = await forward(target, request, body);
      call.answer = json(answer.text) ?? answer.text;
      return answer;
    };
    try {
      await (typeof mode === "function" ? mode : MODES[mode])({ request, response, body, through, path });
    } catch (error) {
      if (!response.headersSent) sendJson(response, 502, { error: error.message });
      else response.destroy();
    }
  });
  const bound = await listen(server, port);
  return {
    url: `http://127.0.0.1:${bound}`,
    /** [{path, body, mode, answer}]: `answer` is what the real one said, if it was asked. */
    calls,
    callsTo: (path) => calls.filter((call) => call.path === path),
    /** The next calls to `path` ("/settle", "/verify", "*") are treated so, one mode each; then as `always` says. */
    script(path, ...modes) {
      modes.forEach(known);
      scripts.set(path, modes);
    },
    /** The same for the calls of one payer alone. */
    scriptFor({ address }, path, ...modes) {
      modes.forEach(known);
      scripts.set(`${path} ${address}`, modes);
    },
    /** Every call to `path` without a script is treated so. */
    always(path, mode) {
      known(mode);
      standing.set(path, mode);
    },
    reset() {
      scripts.clear();
      standing = new Map();
      calls.length = 0;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const payerOf = ({ paymentPayload: { payload } = {} } = {}) => payload?.authorization?.from ?? payload?.permit2Authorization?.from;

function known(mode) {
  if (typeof mode !== "function" && !MODES[mode]) throw new Error(`unknown mode ${mode}; there are ${Object.keys(MODES).join(", ")}`);
}
