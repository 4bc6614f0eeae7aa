// The larger bundlers, for `npm run test:packaging`: webpack, whose page pays in Chromium, and Next, which pays on the server by a route and in
// Chromium by a component.
import { copyFileSync, cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort, portTaken, start, stop } from "../../tools/lib/processes.mjs";
import { programs } from "../../tools/lib/setup-sites.mjs";
import { node, stand, tool, weigh } from "./support.mjs";

let here;
let port; // Next's own server
before(async () => {
  port = await freePort();
  here = await stand({ browser: true, origins: [`http://127.0.0.1:${port}`] });
});
after(() => here?.stop());

test("webpack", async (t) => {
  const folder = await here.package.project("webpack");
  const { default: webpack } = await import(tool("webpack", "webpack/lib/index.js"));
  const path = join(folder, "dist");
  const done = await new Promise((resolve, reject) => {
    webpack({ mode: "production", context: folder, entry: "./main.js", experiments: { topLevelAwait: true }, output: { path } }, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
  if (done.hasErrors()) throw new Error(done.toString("errors-only"));
  copyFileSync(join(folder, "index.html"), join(path, "index.html"));
  t.diagnostic(weigh("webpack", path));
  await here.paysInBrowser(here.files.add("webpack", path));
});

for (const bundler of ["turbopack", "webpack"]) {
  test(`Next, by ${bundler}`, async () => {
    // where Next itself is installed: its own bundler follows no link out of there
    const cwd = programs["packaging-next"].folder;
    for (const name of ["app", ".next", "node_modules/farthing"]) rmSync(join(cwd, name), { recursive: true, force: true });
    cpSync(join(import.meta.dirname, "projects/next"), cwd, { recursive: true, filter: (name) => !name.endsWith("package.json") });
    await here.package.install(cwd);
    const script = join(cwd, "node_modules/next/dist/bin/next");
    const env = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
    await node([script, "build", `--${bundler}`], { cwd, env });
    /** Serves it with these variables, while `use` lasts. */
    async function served(more, use) {
      const child = start(process.execPath, [script, "start", "--hostname", "127.0.0.1", "--port", String(port)], { cwd, stdio: "ignore", env: { ...process.env, ...env, ...more } });
      try {
        for (let tries = 0; !(await portTaken(port)); tries += 1) {
          if (tries > 300 || child.exitCode !== null) throw new Error("Next did not start");
          await new Promise((done) => setTimeout(done, 100));
        }
        return await use();
      } finally {
        await stop(child);
      }
    }
    await here.pays((more) => served(more, async () => (await fetch(`http://127.0.0.1:${port}/pay`)).text()));
    await served({}, () => here.paysInBrowser(`http://127.0.0.1:${port}/`));
  });
}
