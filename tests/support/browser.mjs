// Chromium for tests: launched with the flags that keep it quiet, contexts for desktop, phone, light and dark.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync",
];
const PLACES = [
  process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/**
 * @param {{hosts?: string[], args?: string[], headless?: boolean}} [options] `hosts`: names that lead to 127.0.0.1; no other name resolves
 */
export async function launch({ hosts = [], args = [], headless = true } = {}) {
  const executablePath = PLACES.find((file) => file && existsSync(file));
  if (!executablePath) throw new Error("No Chromium found: install it, or name it in the environment variable CHROMIUM.");
  const rules = [...hosts.map((host) => `MAP ${host} 127.0.0.1`), "MAP * ~NOTFOUND", "EXCLUDE localhost", "EXCLUDE 127.0.0.1"].join(", ");
  const browser = await chromium.launch({ executablePath, headless, args: [...FLAGS, `--host-resolver-rules=${rules}`, ...args] });
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
