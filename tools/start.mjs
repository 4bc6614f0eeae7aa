// `npm start`: builds what is missing and runs the demo newspaper with everything it needs, on this machine alone.
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, checkHealth, choosePort, command, Mistake, root } from "./lib/cli.mjs";
import { fillSamples } from "./lib/samples.mjs";

const usage = `npm start [-- --port N] [--json]

  --port N  where the newspaper appears on 127.0.0.1 (4020; 0 takes any free port)
  --json    print one line {"ready":true,…} when ready, and nothing else (npm prints a banner of its own: npm start --silent -- --json)`;

/** One article shows its beginning, with the card in the place of the rest. */
const TEASER = { match: "/articles/a-calendar-for-the-sea", teaser: { paragraphs: 2, within: ".prose" } };
const withTeaser = (config) => ({
  ...config, routes: config.routes.map((route) => (route.match === TEASER.match ? { ...route, teaser: TEASER.teaser } : route)),
});

command({
  usage,
  options: { port: { type: "string", default: "4020" }, json: { type: "boolean", default: false } },
  async main(values, leave, parts) {
    const port = await choosePort(values.port);
    await build(parts);
    const { startNewspaper } = await import("../tests/support/newspaper.mjs");
    // the desk is closed to whoever does not know it, also on this machine
    const password = randomBytes(9).toString("base64url");
    const desk = { passwordHash: createHash("sha256").update(password).digest("hex") };
    const demo = await startNewspaper({ port, books: true, change: (config) => ({ ...withTeaser(config), desk }), say: (text) => console.error(text) });
    parts.push(demo);
    const opened = await fetch(`${demo.site}/.farthing/desk`, { headers: { authorization: `Basic ${btoa(`:${password}`)}` } });
    if (opened.status !== 200) throw new Mistake(`The Worker runs, but its desk answers ${opened.status}.`);
    await fillSamples(demo.edge.books.run, { articles: demo.articles, payTo: demo.payTo, now: Math.floor(Date.now() / 1000) });
    for (const [name, part] of [["The Worker", demo.edge], ["The chain", demo.chain]]) {
      part.ended.then(() => {
        if (!leave.ending) console.error(`${name} has ended unexpectedly.`);
        leave(1);
      });
    }
    // as the cron trigger of wrangler.jsonc; what it cannot do the desk's health page says
    const backstop = () => demo.edge.scheduled().catch(() => {});
    await backstop();
    setInterval(backstop, 5 * 60_000).unref();
    const folder = join(root, ".state", "demo");
    const file = join(folder, "farthing.jsonc");
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, `// The configuration of the running demo, written anew at every start.\n${JSON.stringify(demo.config, null, 2)}\n`);
    for (const warning of await checkHealth(demo.edge, file)) console.error(`Warning: ${warning}`);
    for (const url of [demo.free, demo.playground, `${demo.site}${demo.config.demo.script}`]) {
      const { status } = await fetch(url, { redirect: "manual" });
      if (status !== 200) throw new Mistake(`The Worker runs, but ${url} answers ${status}.`);
    }

    if (values.json) {
      const { site, articles, free, playground, network, asset, payTo, payer, chain, facilitator } = demo;
      return console.log(JSON.stringify({
        ready: true, site, articles: articles.map(({ url, price }) => ({ url, price })), free, playground, network, asset, payTo,
        desk: { url: `${site}/.farthing/desk`, password }, rpc: chain.url, facilitator: facilitator.url, payer: { address: payer.address, key: payer.key },
      }));
    }
    console.log(`
A newspaper that sells single articles is open, on a chain of its own with play money.

  Read    ${demo.site}/
  Buy     choose an article with a price, press Pay, then Sign: the demo wallet holds play money
  Try     ${demo.playground} shows the card with the attributes, theme, language and situation that you choose
  Earn    ${demo.site}/.farthing/desk shows what came in: any name, password ${password}
          (some weeks of sample figures are made up, and said to be so on every page)
  Look    .state/demo/farthing.jsonc is the newspaper's configuration
  Stop    Ctrl-C
`);
  },
});
