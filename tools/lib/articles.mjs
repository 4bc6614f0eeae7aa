// Which articles nonces were made for: the core's answer, for who has the ledger key.
import { openTools } from "../../js/cli/lib/tools.mjs";

/** What may stand in the books for each of these names, should its payer have had it erased. */
export function openMarks(path, keys) {
  const call = openTools(path);
  return (names) => {
    const lines = call("marks", keys.trim(), names.join("\n")).split("\n");
    return new Map(names.map((name, index) => [name, (lines[index] ?? "").split(" ").filter(Boolean)]));
  };
}

/** `path`: tools.wasm; `keys`: FARTHING_KEYS. Gives a function from URLs and nonces to the URL of each nonce, or undefined. */
export function openArticles(path, keys) {
  const call = openTools(path);
  return (urls, nonces) => {
    const lines = call("articles", keys.trim(), urls.join("\n"), nonces.join("\n")).split("\n");
    return nonces.map((_, index) => (lines[index] ? urls[Number(lines[index])] : undefined));
  };
}
