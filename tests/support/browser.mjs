// Chromium for tests: launched with the flags that keep it quiet, contexts for desktop, phone, light and dark.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync",
];
const PLACES = [
  process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

function chromiumHere() {
  const executablePath = PLACES.find((file) => file && existsSync(file));
  if (!executablePath) throw new Error("No Chromium found: install it, or name it in the environment variable CHROMIUM.");
  return executablePath;
}

/** A browser whose owner has forbidden all sites to keep anything: no cookies, no storage. It has one profile. */
export async function launchForgetful() {
  const folder = mkdtempSync(join(tmpdir(), "forgetful-"));
  mkdirSync(join(folder, "Default"));
  writeFileSync(join(folder, "Default/Preferences"), JSON.stringify({ profile: { default_content_setting_values: { cookies: 2 } } }));
  const context = await chromium.launchPersistentContext(folder, { executablePath: chromiumHere(), args: FLAGS, locale: "en-GB" });
  return {
    context: async () => context,
    close: async () => {
      await context.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * @param {{hosts?: string[], args?: string[], headless?: boolean}} [options] `hosts`: names that lead to 127.0.0.1; no other name resolves
 */
export async function launch({ hosts = [], args = [], headless = true } = {}) {
  const rules = [...hosts.map((host) => `MAP ${host} 127.0.0.1`), "MAP * ~NOTFOUND", "EXCLUDE localhost", "EXCLUDE 127.0.0.1"].join(", ");
  const browser = await chromium.launch({ executablePath: chromiumHere(), headless, args: [...FLAGS, `--host-resolver-rules=${rules}`, ...args] });
  return {
    browser,
    /**
     * A fresh profile. `dark`: prefers-color-scheme; `phone`: 390 × 844, touch; everything else is Playwright's newContext.
     * @returns {Promise<import("playwright-core").BrowserContext>}
     */
    context: ({ dark = false, phone = false, ...more } = {}) => browser.newContext({
      colorScheme: dark ? "dark" : "light", locale: "en-GB",
      ...(phone
        ? { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }
        : { viewport: { width: 1280, height: 900 } }),
      ...more,
    }),
    close: () => browser.close(),
  };
}
