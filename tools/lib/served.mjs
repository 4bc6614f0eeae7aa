// The 402 page as a reader gets it, asked from the built gate: its weight is what counts, not its template's.
import { readFileSync } from "node:fs";
import { openGate } from "../../js/cli/lib/gate.mjs";

/** The body for an article of the sample config; `page` is what the Worker serves, `path` the gate's WebAssembly. */
export function served(path, config, page) {
  const gate = openGate(path);
  // the sample has a place for the address, so that nobody's money goes to ours
  const sample = readFileSync(config, "utf8").replace(/"0x…[^"]*"/, '"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"');
  gate.configure(sample, page);
  const answer = gate.ask("https://news.example/articles/a-story-with-a-name", "text/html", 1_795_000_000);
  if (!answer.startsWith("402\n")) throw new Error(`the sample config's article answered ${answer.slice(0, 3)}`);
  return answer.slice(answer.indexOf("\n\n") + 2);
}
