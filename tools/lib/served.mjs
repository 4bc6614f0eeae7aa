// The 402 page as a reader gets it, asked from the built gate: its weight is what counts, not its template's.
import { readFileSync } from "node:fs";
import { openGate } from "../../js/cli/lib/gate.mjs";

const SITE = "https://news.example";

/**
 * The sample config's gate, for a site at another address if need be: (path, accept, now) => {status, headers: [[name, value]], body}.
 * `page` is what the Worker serves, `path` the gate's WebAssembly.
 */
export function sampleGate(path, config, page, site = SITE) {
  const gate = openGate(path);
  // the sample has a place for the address, so that nobody's money goes to ours
  const sample = readFileSync(config, "utf8").replace(/"0x…[^"]*"/, '"0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"').replaceAll(SITE, site);
  gate.configure(sample, page);
  return (article, accept, now) => {
    const answer = gate.ask(site + article, accept, now);
    const end = answer.indexOf("\n\n");
    const [status, ...headers] = answer.slice(0, end).split("\n");
    return { status: Number(status), headers: headers.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]), body: answer.slice(end + 2) };
  };
}

/** The body for an article of the sample config. */
export function served(path, config, page) {
  const { status, body } = sampleGate(path, config, page)("/articles/a-story-with-a-name", "text/html", 1_795_000_000);
  if (status !== 402) throw new Error(`the sample config's article answered ${status}`);
  return body;
}
