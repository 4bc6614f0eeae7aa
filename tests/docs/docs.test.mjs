// The documentation as a site: that its pages are all there, that no link of it or to it is broken, and that people can read it.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, posix, relative } from "node:path";
import { after, before, test } from "node:test";
import { buildDocs, DOCS, serveDocs } from "../../tools/lib/docs.mjs";
import { root } from "../../tools/lib/toolchain.mjs";
import { slugify } from "../../www/docs/.vitepress/config.mjs";
import { PATHS } from "../../www/docs/.vitepress/paths.mjs";
import { problems } from "../../www/docs/.vitepress/problems.mjs";
import { search } from "../../www/docs/.vitepress/theme/search.mjs";
import { launch } from "../support/browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** One of each kind: first page, first of a path, code, wide tables, a problem, no such page. */
const SOME = ["", "reader", "start", "threats", "problems/settlement-pending", "no-such-page"];

const out = mkdtempSync(join(tmpdir(), "farthing-docs-"));
let site;
let browser;
before(async () => {
  await buildDocs(out);
  site = await serveDocs({ from: out });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  rmSync(out, { recursive: true, force: true });
});

const read = (name) => readFileSync(join(root, name), "utf8");
/** What is made or installed, and no text of ours. */
const MADE = new Set(["node_modules", "target", "dist", "build", "out", "cache", "corpus", ".git", ".tools", ".state", ".temp"]);
const below = (folder) => readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
  const name = posix.join(folder, entry.name);
  if (entry.isDirectory()) return MADE.has(entry.name) ? [] : below(name);
  return entry.isFile() ? [name] : [];
});
const files = below("");
const guides = readdirSync(DOCS).filter((name) => name.endsWith(".md"));

/** The site's pages, by their addresses. */
function built(folder = out) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? built(path) : entry.name.endsWith(".html") ? [path] : [];
  });
}
const addressOf = (path) => `/${relative(out, path).replace(/(^|\/)index\.html$|\.html$/, "$1")}`;

test("every page stands in one place of one path, and the first page leads to each path", () => {
  const placed = PATHS.flatMap(({ pages }) => pages.map(([name]) => `${name}.md`));
  assert.deepEqual(placed.toSorted(), guides.filter((name) => !["README.md", "404.md"].includes(name)).toSorted(), "www/docs/.vitepress/paths.mjs has every page, once");
  const home = read("www/docs/README.md");
  const entries = [...home.matchAll(/^- \[(.+?)\]\((.+?)\.md\) (.+)$/gm)].map(([, title, page, about]) => [title, page, about.replaceAll("`", "")]);
  assert.deepEqual(entries, PATHS.map(({ title, about, pages: [[first]] }) => [title, first, about]));
});

test("each type of problem that the code can emit has a page at its own address, and no other has", () => {
  const table = [...read("src/problem.rs").matchAll(/^ {4}[A-Z]\w+ = "([a-z0-9-]+)", (\d{3}), "/gm)].map(([, type, status]) => [type, Number(status)]);
  assert.ok(table.length > 50);
  assert.deepEqual(problems().map(({ type, status }) => [type, status]), table, "in the order of src/problem.rs");
  const pages = readdirSync(join(out, "problems")).map((name) => name.replace(/\.html$/, ""));
  assert.deepEqual(pages.toSorted(), table.map(([type]) => type).toSorted());

  // whatever else writes such an address, in whatever language
  const emitted = files.filter((name) => /^(src|worker|js|www)\/.*\.(rs|[cm]?[jt]s|html|json)$/.test(name)).flatMap((name) => [...read(name).matchAll(/farthing\.dev\/problems\/([a-z0-9-]+)/g)].map(([, type]) => type));
  assert.ok(emitted.includes("internal"), "the shim's own");
  assert.deepEqual(emitted.filter((type) => !pages.includes(type)), []);

  for (const { type, status, title, advice, seen, text } of problems()) {
    assert.ok(seen && text, `${type} says who sees it and what happened`);
    const page = readFileSync(join(out, "problems", `${type}.html`), "utf8");
    const words = page.replace(/<[^>]+>/g, "").replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&lt;/g, "<").replace(/&amp;/g, "&");
    for (const part of [title, `HTTP ${status} `, advice, `"type": "https://farthing.dev/problems/${type}"`]) assert.ok(words.includes(part), `${type}: ${part}`);
  }
});

test("the threat model names tests that are there and carry the threat's id, and each id once", () => {
  const seen = [];
  for (const [, ids, rest] of read("www/docs/threats.md").matchAll(/^\| ([A-GS]\d+(?:, [A-GS]\d+)*) \|(.+)$/gm)) {
    const tests = [...rest.matchAll(/\]\(\.\.\/\.\.\/(tests\/.+?)\)/g)].map(([, name]) => [name, read(name)]);
    const has = (text, id) => new RegExp(`\\b${id}\\b|\\b${id[0]}\\d+-${id}\\b`, "i").test(text);
    for (const id of ids.split(", ")) {
      seen.push(id);
      assert.ok(tests.some(([, text]) => has(text, id)), `${id}: none of its tests has it`);
    }
    for (const [name, text] of tests) assert.ok(ids.split(", ").some((id) => has(text, id)), `${name} has none of ${ids}`);
  }
  assert.ok(seen.length > 60);
  assert.deepEqual(seen, [...new Set(seen)]);
});

test("no link of the site is broken, and it loads nothing from elsewhere", () => {
  const pages = new Map(built().map((path) => [addressOf(path), readFileSync(path, "utf8")]));
  assert.ok(pages.size > 90);
  const ids = new Map([...pages].map(([address, html]) => [address, new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))]));
  const wrong = [];
  let links = 0;
  for (const [address, html] of pages) {
    for (const [tag, kind, name, raw] of html.matchAll(/<(\w+)\b[^>]*? (href|src|srcset)="([^"]*)"/g)) {
      const target = raw.replaceAll("&amp;", "&");
      const url = new URL(target, `http://docs.example${address}`);
      links += 1;
      if (url.host !== "docs.example") {
        if (kind !== "a") wrong.push(`${address}: ${tag}`);
        else if (url.protocol !== "https:" && url.hostname !== "127.0.0.1") wrong.push(`${address}: ${target}`);
        // the repository's own files
        const file = /^\/farthing\/farthing\/(?:blob|tree)\/main\/(.+)$/.exec(url.pathname)?.[1];
        if (url.host === "github.com" && file && !existsSync(join(root, file))) wrong.push(`${address}: no ${file}`);
        continue;
      }
      if (name !== "href" || kind === "link") {
        if (!existsSync(join(out, url.pathname))) wrong.push(`${address}: ${target}`);
      } else if (!ids.has(url.pathname)) wrong.push(`${address}: ${target}`);
      else if (url.hash && !ids.get(url.pathname).has(decodeURIComponent(url.hash.slice(1)))) wrong.push(`${address}: ${target} is no heading`);
    }
  }
  assert.ok(links > 5000);
  assert.deepEqual([...new Set(wrong)], []);
  for (const name of readdirSync(join(out, "assets")).filter((file) => /\.(css|js)$/.test(file))) {
    assert.doesNotMatch(readFileSync(join(out, "assets", name), "utf8"), /https?:\/\//, name);
  }
});

/** A Markdown file's headings, as a Git host names them. */
function headings(text) {
  const prose = text.replace(/^(```|~~~)[^]*?^\1/gm, "");
  const seen = new Map();
  return new Set([...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => {
    const slug = slugify(heading.replace(/\[(.+?)\]\(.+?\)/g, "$1").replace(/[`*]/g, "").trim());
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times ? `${slug}-${times}` : slug;
  }));
}

test("links between the repository's texts hold where they are read as files", () => {
  const texts = files.filter((name) => name.endsWith(".md"));
  const wrong = [];
  for (const name of texts) {
    const prose = read(name).replace(/^(```|~~~)[^]*?^\1/gm, "").replace(/`[^`\n]*`(?!\]\()/g, "");
    for (const [, target] of prose.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)) {
      const [path, hash] = target.split("#");
      const file = path ? posix.join(dirname(name), path) : name;
      if (!existsSync(join(root, file))) wrong.push(`${name}: ${target}`);
      else if (hash && !(statSync(join(root, file)).isFile() && headings(read(file)).has(hash))) wrong.push(`${name}: ${target} is no heading`);
    }
  }
  assert.ok(texts.includes("README.md") && texts.includes("js/README.md") && texts.includes("CHANGELOG.md"));
  assert.deepEqual(wrong, []);
});

test("what the code and its comments call a page of the documentation is one", () => {
  const wrong = [];
  let named = 0;
  for (const name of files.filter((file) => /\.(rs|[cm]?[jt]s|jsonc?|html|css|toml|sh)$/.test(file) && !file.endsWith("package-lock.json"))) {
    for (const [, file, hash] of read(name).matchAll(/www\/docs\/([a-z-]+\.md)(?:#([a-z0-9-]+))?/g)) {
      named += 1;
      if (!guides.includes(file) || (hash && !headings(read(`www/docs/${file}`)).has(hash))) wrong.push(`${name}: ${file}${hash ? `#${hash}` : ""}`);
    }
  }
  assert.ok(named > 20);
  assert.deepEqual(wrong, []);
});

test("no accessibility fault that axe can see, by day and by night; nobody else is asked", async () => {
  const found = {};
  const hosts = new Set();
  for (const dark of [false, true]) {
    const context = await browser.context({ dark });
    context.on("request", (request) => hosts.add(new URL(request.url()).origin));
    const page = await context.newPage();
    for (const path of SOME) {
      const answer = await page.goto(`${site.url}/${path}`);
      assert.equal(answer.status(), path === "no-such-page" ? 404 : 200);
      await page.evaluate(AXE);
      const faults = await page.evaluate(async (values) => {
        const { violations } = await axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"], preload: false });
        return violations.flatMap(({ id, nodes }) => nodes.map(({ target, any }) => `${id} ${target.join(" ")} ${any.map(({ message }) => message).join("; ")}`));
      }, TAGS);
      for (const fault of faults) (found[fault] ??= []).push(`${path} ${dark ? "dark" : "light"}`);
    }
    await context.close();
  }
  assert.deepEqual(found, {});
  assert.deepEqual([...hosts], [site.url]);
});

test("no page is wider than a phone", async () => {
  const context = await browser.context({ phone: true, javaScriptEnabled: false });
  const page = await context.newPage();
  const wide = [];
  for (const path of ["", ...guides.map((name) => name.replace(/\.md$/, "")).filter((name) => name !== "README"), ...SOME]) {
    await page.goto(`${site.url}/${path}`);
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) wide.push(path);
  }
  assert.deepEqual(wide, []);
  await context.close();
});

test("without scripts every page can be reached, on a phone too", async () => {
  const context = await browser.context({ phone: true, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${site.url}/`);
  await page.getByRole("link", { name: "Publishers" }).click();
  await page.getByRole("heading", { level: 1, name: "Selling articles" }).waitFor();
  assert.equal(await page.getByRole("searchbox").count(), 0, "what needs a script is not there");
  await page.getByRole("button", { name: "Pages" }).click();
  await page.getByRole("navigation", { name: "All pages" }).getByText("Operators").click();
  await page.getByRole("link", { name: "Limits" }).click();
  await page.getByRole("heading", { level: 1, name: /^Limits/ }).waitFor();
  await context.close();
});

test("the search finds a problem by its type, a setting by its name, and leads there by keyboard alone", async () => {
  const sections = JSON.parse(readFileSync(join(out, "search.json"), "utf8"));
  for (const [query, address] of [["settlement-pending", "/problems/settlement-pending"], ["settlementsPerDay", "/limits#many-requests"], ["web bot auth nonce", "/crawlers"]]) {
    assert.ok(search(sections, query).slice(0, 12).some(([href]) => href.startsWith(address)), `${query}: ${search(sections, query).slice(0, 12).map(([href]) => href)}`);
  }
  assert.deepEqual(search(sections, "xyzzy-of-no-page"), []);

  const context = await browser.context();
  const page = await context.newPage();
  await page.goto(`${site.url}/client`);
  await page.keyboard.press("/");
  await page.keyboard.type("gift link");
  await page.getByRole("search").getByRole("link").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/given");
  await page.keyboard.press("/");
  await page.keyboard.type("xyzzy-of-no-page");
  await page.getByRole("status").getByText("Nothing about").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("status").waitFor({ state: "hidden" });
  await context.close();
});
