// The payment card in every situation and many looks, as pictures to be looked at: `npm run screens`, or `npm run screens -- NAME…` for
// those whose name holds one of the words. Writes .state/screens/index.html; with --docs also the pictures of www/docs.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startReader } from "../tests/browser/reader.mjs";
import { everywhere, SITUATIONS, turn } from "../tests/browser/situations.mjs";
import { main, run, say, seconds } from "./lib/run.mjs";
import { root } from "./lib/toolchain.mjs";

const WIDE = { width: 720, height: 900 };
/** In this order: what changes the width comes last. */
const LOOKS = [
  { name: "light", media: {}, size: WIDE },
  { name: "dark", media: { colorScheme: "dark" } },
  { name: "forced", media: { forcedColors: "active" } },
  { name: "plain", media: {}, theme: "plain" },
  { name: "bold", media: {}, theme: "bold" },
  { name: "bold-dark", media: { colorScheme: "dark" }, theme: "bold" },
  { name: "ar", media: {}, lang: "ar" },
  { name: "de", lang: "de" },
  { name: "390", size: { width: 390, height: 844 } },
  { name: "320", size: { width: 320, height: 640 }, lang: "de" },
  { name: "320-ar", size: { width: 320, height: 640 }, lang: "ar" },
];
/** What the documentation shows. */
const DOCS = ["first-teaser.light", "first-teaser.dark", "choose-wallet.light", "signing.dark", "low-balance-have.light", "ways.bold", "no-wallet.ar"];

const words = process.argv.slice(2).filter((word) => word !== "--docs");
const out = join(root, ".state/screens");

async function shoot(page, element, path) {
  await element.evaluate((host) => Promise.all([...document.getAnimations(), ...host.getAnimations({ subtree: true })].map((one) => { one.pause(); one.currentTime = 125; })));
  const box = await element.boundingBox();
  const { width } = page.viewportSize();
  const margin = 20;
  const [x, y] = [box.x, box.y].map((at) => Math.max(0, at - margin));
  await page.screenshot({ path, fullPage: true, clip: { x, y, width: Math.min(width, box.x + box.width + margin) - x, height: box.y - y + box.height + margin } });
}

await main(async () => {
  const begin = performance.now();
  await run(process.execPath, [join(root, "tools/build.mjs"), "--quiet"]);
  const chosen = SITUATIONS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  if (words.length === 0) rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const reader = await startReader();
  const wide = [];
  const missed = await everywhere(reader, async ({ page, view, element }, situation) => {
    for (const { name, media, size, lang, theme } of LOOKS) {
      if (media) await page.emulateMedia({ colorScheme: "light", forcedColors: "none", ...media });
      if (size) await page.setViewportSize(size);
      await turn(view, { lang, theme });
      await shoot(page, element, join(out, `${situation.name}.${name}.png`));
      if (await view.evaluate(() => document.documentElement.scrollWidth > innerWidth)) wide.push(`${situation.name}.${name}`);
    }
  }, { chosen, options: { viewport: WIDE } });
  await reader.stop();
  const rows = SITUATIONS.map(({ name }) => `<tr><th>${name}</th>${LOOKS.map((look) => `<td><img loading="lazy" alt="" src="${name}.${look.name}.png"></td>`).join("")}</tr>`);
  const head = LOOKS.map(({ name }) => `<th>${name}</th>`).join("");
  writeFileSync(join(out, "index.html"), `<!doctype html><meta charset="utf-8"><title>The card</title><style>body{font:14px system-ui;background:#bbb}td{vertical-align:top}img{width:22rem}th{position:sticky;top:0;background:#bbb}</style><table><tr><th></th>${head}</tr>${rows.join("")}</table>`);
  if (process.argv.includes("--docs")) for (const name of DOCS) copyFileSync(join(out, `${name}.png`), join(root, "www/docs/images", `card-${name.replace(".", "-")}.png`));
  for (const line of missed) say(`not reached: ${line}`);
  for (const line of wide) say(`wider than its page: ${line}`);
  say(`${chosen.length - missed.length} situations in ${LOOKS.length} looks: .state/screens/index.html (${seconds(begin)})`);
  if (missed.length || wide.length) process.exitCode = 1;
});
