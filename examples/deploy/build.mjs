// What is served: the site, and the reader's card beside it.
import { cpSync, rmSync } from "node:fs";

rmSync("public", { recursive: true, force: true });
cpSync("site", "public", { recursive: true });
cpSync("node_modules/farthing/dist/worker/assets", "public", { recursive: true });
