// `npm run api`: writes the client's reference, www/docs/client-api.md, from its types. A test holds the page to them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { main, run } from "./lib/run.mjs";
import { root } from "./lib/toolchain.mjs";

export const PAGE = join(root, "www/docs/client-api.md");
const HEAD = `# Paying from a program: every function and type

Made from the types by \`npm run api\`; the [guide](client.md) says how it is used. \`fileStore\` is of \`farthing/node\`, and of \`farthing\` in Node, Deno and Bun;
\`farthing/slim\` has \`initialize(wasm)\` besides.

`;
const TABLES = ["interfaceProperties", "classProperties", "parameters", "typeDeclaration", "propertyMembers", "typeAliasProperties"];

/** The page's text. */
export async function reference() {
  const place = mkdtempSync(join(tmpdir(), "farthing-api-"));
  try {
    await run(process.execPath, [
      join(root, "node_modules/typedoc/bin/typedoc"), "--plugin", "typedoc-plugin-markdown", "--logLevel", "Error", "--out", place,
      "--entryPoints", join(root, "js/client/entries/node.ts"), "--tsconfig", join(root, "js/client/tsconfig.json"),
      "--excludeInternal", "--excludeExternals", "--disableSources", "--sort", "source-order", ...["Functions", "Interfaces", "Type Aliases", "Classes"].flatMap((group) => ["--groupOrder", group]),
      "--readme", "none", "--hideBreadcrumbs", "--hidePageHeader", "--hidePageTitle", "--outputFileStrategy", "modules", "--expandObjects", "false",
      ...TABLES.flatMap((what) => [`--${what}Format`, "table"]),
    ], { cwd: join(root, "tests") });
    return HEAD + readFileSync(join(place, "README.md"), "utf8");
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    writeFileSync(PAGE, await reference());
    return 0;
  });
}
