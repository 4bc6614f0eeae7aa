// A blog made by real Hugo, minified as most are, and served by nginx from its folder.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../../tools/lib/run.mjs";
import { programs } from "../../../tools/lib/setup-sites.mjs";
import { ARTICLES, AUDIO, NOTICE } from "./content.mjs";

const toml = (value) => JSON.stringify(value);
const markdown = (paragraphs) => paragraphs.join("\n\n");
const front = (fields) => `+++\n${Object.entries(fields).map(([name, value]) => `${name} = ${name === "date" ? value : toml(value)}`).join("\n")}\n+++\n\n`;

/** The program of a site: articles under /posts/, cut after two paragraphs, and under /reports/, by a shortcode. */
export async function hugo({ site, add }) {
  const folder = mkdtempSync(join(tmpdir(), "farthing-hugo-"));
  await add({ stop: async () => rmSync(folder, { recursive: true, force: true }) });
  cpSync(join(import.meta.dirname, "..", "hugo"), folder, { recursive: true });
  const write = (name, text) => {
    mkdirSync(join(folder, "content", name, ".."), { recursive: true });
    writeFileSync(join(folder, "content", name), text);
  };
  for (const [number, { slug, title, dek, free, premium, audio }] of ARTICLES.entries()) {
    const fields = { title, description: dek, date: `2026-11-0${number + 1}T08:00:00Z`, ...(audio && { audio }) };
    write(`posts/${slug}/index.md`, `${front(fields)}${markdown([...free, ...premium])}\n`);
    // without a description: what is not given is taken from the text
    const { description, ...rest } = fields;
    write(`reports/${slug}/index.md`, `${front(rest)}${markdown(free)}\n\n{{< paid >}}\n${markdown(premium)}\n{{< /paid >}}\n`);
    if (audio) for (const section of ["posts", "reports"]) write(`${section}/${slug}/${audio}`, AUDIO);
  }
  write(`${NOTICE.slug}.md`, `${front({ title: NOTICE.title, date: "2026-11-01T08:00:00Z" })}${markdown(NOTICE.paragraphs)}\n`);
  for (const section of ["posts", "reports"]) write(`${section}/_index.md`, front({ title: section }));
  await run(programs.hugo.find(), ["--quiet", "--minify", "--baseURL", `${site}/`, "--source", folder, "--destination", join(folder, "public"), "--config", join(folder, "config.toml")]);
  return `root ${folder}/public; index index.html; charset utf-8; location / { try_files $uri $uri/index.html =404; }`;
}
