// The page's half of the second wallet stand-in: the provider that MetaMask itself puts into pages (@metamask/providers), over a
// stream to wallet.mjs. It asks for accounts and chain by itself, rejects with plain objects, and queues as the real one does.
import { initializeProvider } from "@metamask/providers";
import { Duplex } from "readable-stream";

export function install({ binding, info, injected }) {
  const ask = window[binding];
  const stream = new Duplex({
    objectMode: true,
    read() {},
    write({ id, method, params }, _, done) {
      done();
      if (id === undefined) return;
      ask(JSON.stringify({ method, params })).then((text) => stream.push({ jsonrpc: "2.0", id, ...JSON.parse(text) }));
    },
  });
  const notify = (method, params) => stream.push({ jsonrpc: "2.0", method, params });
  Object.defineProperty(window, `${binding}_emit`, {
    value(event, data) {
      if (event === "accountsChanged") notify("metamask_accountsChanged", data);
      if (event === "chainChanged") notify("metamask_chainChanged", { chainId: data, networkVersion: String(Number(data)), isConnected: true });
    },
  });
  const quiet = { ...console, warn() {}, debug() {} };
  initializeProvider({ connectionStream: stream, logger: quiet, providerInfo: info, shouldSetOnWindow: injected });
}
