// Pages that are built with the package and pay with it in Chromium: a plain script tag, esbuild, and Vite.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { freePort, portTaken, start, stop } from "../../tools/lib/processes.mjs";
import { node, stand, tool, weigh } from "./support.mjs";

let here;
let port; // Vite's own server
before(async () => {
  port = await freePort();
  here = await stand({ browser: true, origins: [`http://127.0.0.1:${port}`] });
});
after(() => here?.stop());

test("a script tag", async () => {
  await here.paysInBrowser(here.files.add("script", await here.package.project("script")));
});

// the WebAssembly as a file of its own, and as bytes within the script
for (const loader of ["file", "binary"]) {
  test(`esbuild, farthing/slim with the loader "${loader}"`, async (t) => {
    const folder = await here.package.project("esbuild", `esbuild-${loader}`);
    const outdir = join(folder, "out");
    await build({ absWorkingDir: folder, entryPoints: ["main.js"], outdir, bundle: true, minify: true, format: "esm", loader: { ".wasm": loader }, logLevel: "silent" });
    copyFileSync(join(folder, "index.html"), join(outdir, "index.html"));
    t.diagnostic(weigh(`esbuild, ${loader}`, outdir));
    await here.paysInBrowser(here.files.add(`esbuild-${loader}`, outdir));
  });
}

test("Vite", async (t) => {
  const cwd = await here.package.project("vite");
  await node([tool("tools", "vite/bin/vite.js"), "build", "--base", "./", "--logLevel", "warn"], { cwd });
  t.diagnostic(weigh("Vite", join(cwd, "dist")));
  await here.paysInBrowser(here.files.add("vite", join(cwd, "dist")));
});

test("Vite's server for development, which bundles dependencies on its own", async () => {
  const cwd = await here.package.project("vite", "vite-dev");
  const child = start(process.execPath, [tool("tools", "vite/bin/vite.js"), "--host", "127.0.0.1", "--port", String(port), "--strictPort"], { cwd, stdio: "ignore" });
  try {
    for (let tries = 0; !(await portTaken(port)); tries += 1) {
      if (tries > 300 || child.exitCode !== null) throw new Error("Vite did not start");
      await new Promise((done) => setTimeout(done, 100));
    }
    await here.paysInBrowser(`http://127.0.0.1:${port}/`);
  } finally {
    await stop(child);
  }
});
