// Set-up of the browser for tests: one that is here, else Debian's.
import { aptInstall, debian } from "./apt.mjs";
import { Plain } from "./run.mjs";
import { chromedriver, chromium } from "./toolchain.mjs";

export async function setUpChromium() {
  if (chromium() && chromedriver()) return;
  const byHand = "The tests need Chromium (or Chrome) and the chromedriver of the same version on PATH, or named by CHROME and CHROMEDRIVER.";
  if (!debian()) throw new Plain(byHand);
  try { await aptInstall(["chromium", "chromium-driver", "fonts-liberation"]); } catch (error) {
    if (error instanceof Plain) throw new Plain(`${error.message}\n${byHand}`);
    throw error;
  }
  if (!chromium() || !chromedriver()) throw new Plain(byHand);
}
