// The page's half of the wallet stand-in: an EIP-1193 provider announced by EIP-6963. It holds no keys and decides nothing; every
// request goes to wallet.mjs through the function Playwright exposes. Wrapped and given `settings` there.
(settings) => {
  const ask = window[settings.binding];
  const listeners = new Map();
  const provider = {
    ...settings.properties,
    async request(args) {
      const answer = JSON.parse(await ask(JSON.stringify({ method: args?.method, params: args?.params })));
      if (!("error" in answer)) return answer.result;
      // MetaMask's provider rejects with plain objects; others with Error instances.
      throw settings.plainErrors ? answer.error : Object.assign(new Error(answer.error.message), answer.error);
    },
    on(event, listener) {
      if (!listeners.has(event)) listeners.set(event, new Set());
      listeners.get(event).add(listener);
      return provider;
    },
    removeListener(event, listener) {
      listeners.get(event)?.delete(listener);
      return provider;
    },
  };
  provider.addListener = provider.on;
  provider.off = provider.removeListener;
  Object.defineProperty(window, `${settings.binding}_emit`, {
    value: (event, data) => {
      for (const listener of [...(listeners.get(event) ?? [])]) listener(data);
    },
  });
  if (settings.injected) {
    Object.defineProperty(window, "ethereum", { value: provider, configurable: true, writable: true });
    window.dispatchEvent(new Event("ethereum#initialized"));
  }
  if (settings.announced) {
    const detail = Object.freeze({ info: Object.freeze({ ...settings.info, uuid: crypto.randomUUID?.() ?? settings.info.uuid }), provider });
    const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
    const begin = () => {
      window.addEventListener("eip6963:requestProvider", announce);
      announce();
    };
    if (settings.announceDelay) setTimeout(begin, settings.announceDelay);
    else begin();
  }
};
