// No accessibility fault that axe can see, in any situation, theme or language, with the contrast of colours in light and in dark.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { startReader } from "./reader.mjs";
import { everywhere, LANGUAGES, SITUATIONS, THEMES, turn } from "./situations.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let reader;
before(async () => { reader = await startReader(); });
after(() => reader?.stop());

/** Faults of the card and of what is in it; `only` these rules, or all. A rule that could not decide is one too. */
const faults = (view, only) => view.evaluate(async ([values, rules]) => {
  const host = document.querySelector("farthing-paywall, farthing-button, farthing-receipt");
  const runOnly = rules ? { type: "rule", values: rules } : { type: "tag", values };
  const { violations, incomplete } = await axe.run(host, { runOnly, resultTypes: ["violations", "incomplete"], preload: false });
  return [...violations, ...incomplete].flatMap(({ id, nodes }) => nodes.map(({ target, any }) => `${id} ${target.join(" ")} ${any.map(({ message }) => message).join("; ")}`));
}, [TAGS, only]);

test("no fault in any situation, theme or language", async () => {
  const found = {};
  const wrong = await everywhere(reader, async ({ page, view }, { name }) => {
    await view.evaluate(AXE);
    const look = async (what, only) => { for (const fault of await faults(view, only)) (found[fault] ??= []).push(`${name} ${what}`); };
    for (const lang of LANGUAGES) {
      await turn(view, { lang });
      await look(lang);
    }
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const theme of THEMES) {
        await turn(view, { theme });
        await look(`${colorScheme} ${theme ?? "card"}`, ["color-contrast", "link-in-text-block"]);
      }
    }
  });
  assert.deepEqual(wrong, [], "reached");
  assert.deepEqual(found, {});
});

test("axe does see what is in the card", async () => {
  const seen = [];
  await everywhere(reader, async ({ view }) => {
    await view.evaluate(AXE);
    await view.evaluate(() => {
      const root = document.querySelector("farthing-paywall").shadowRoot;
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("[part=message] { color: #ddd }");
      root.adoptedStyleSheets.push(sheet);
      root.querySelector("section").setAttribute("aria-labelledby", "nothing");
      root.querySelector("#pay").textContent = "";
    });
    seen.push(...(await faults(view)).map((fault) => fault.split(" ")[0]));
  }, { chosen: SITUATIONS.filter(({ name }) => name === "first-page"), lanes: 1 });
  for (const rule of ["button-name", "color-contrast"]) assert.ok(seen.includes(rule), `${rule} in ${seen}`);
});
