// Reading a chain by JSON-RPC: the few calls that the commands make, without a library.

const SECONDS = 10;
const SELECTORS = {
  "DOMAIN_SEPARATOR()": "0x3644e515", "decimals()": "0x313ce567", "symbol()": "0x95d89b41", "name()": "0x06fdde03", "version()": "0x54fd4d50",
  // the state of nonce 0 of address 1: what is asked is only whether the function is there
  "authorizationState(address,bytes32)": `0xe94a0102${"1".padStart(64, "0")}${"".padStart(64, "0")}`,
  "nonces(address)": `0x7ecebe00${"1".padStart(64, "0")}`,
};

/** Where an endpoint is, without what may be a secret behind it. */
export function shown(url) {
  try {
    return new URL(url).origin;
  } catch {
    return "an address that cannot be read";
  }
}

export async function getJson(url, init) {
  const response = await fetch(url, { redirect: "manual", ...init, signal: AbortSignal.timeout(SECONDS * 1000) });
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
  return response.json();
}

/** Says why a fetch failed in a few words. */
export function why(error) {
  if (error.name === "TimeoutError") return `did not answer within ${SECONDS} seconds`;
  if (error instanceof SyntaxError) return "did not answer JSON";
  return error.cause ? `cannot be reached (${error.cause.code ?? error.cause.message})` : error.message;
}

export function openRpc(url) {
  let id = 0;
  async function ask(method, params = []) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params });
    const answer = await getJson(url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (answer.error) throw Object.assign(new Error(answer.error.message ?? "an error"), { refused: true });
    return answer.result;
  }
  return {
    /** Any call; throws what the node answers instead of a result. */
    ask,
    latest: async () => Number(await ask("eth_blockNumber")),
    /** {time} of a block, Unix seconds. */
    async block(number) {
      const block = await ask("eth_getBlockByNumber", [`0x${number.toString(16)}`, false]);
      if (!block) throw new Error(`there is no block ${number}`);
      return { time: Number(block.timestamp) };
    },
    chainId: async () => Number(await ask("eth_chainId")),
    hasCode: async (address) => /^0x[0-9a-f]{2}/i.test(await ask("eth_getCode", [address, "latest"])),
    /** What a contract answers, as bytes in hex; undefined where it has no such function. Other troubles are thrown. */
    async call(address, signature) {
      try {
        const result = await ask("eth_call", [{ to: address, data: SELECTORS[signature] }, "latest"]);
        return /^0x([0-9a-f]{64})+$/i.test(result) ? result : undefined;
      } catch (error) {
        if (error.refused) return undefined;
        throw error;
      }
    },
  };
}

/** The number in one word. */
export const numberIn = (result) => (result === undefined ? undefined : BigInt(result.slice(0, 66)));

/** The text of an ABI-encoded string; undefined where it is none. */
export function textIn(result) {
  if (result === undefined || numberIn(result) !== 32n) return undefined;
  const bytes = Buffer.from(result.slice(2), "hex").subarray(32);
  if (bytes.length < 64) return undefined;
  const length = Number(bytes.readBigUInt64BE(24));
  return length <= bytes.length - 32 ? bytes.subarray(32, 32 + length).toString("utf8") : undefined;
}
