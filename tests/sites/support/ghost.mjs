// A site made by real Ghost with the theme that it comes with, set up and written to through its own Admin API.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, start, stop } from "../../../tools/lib/processes.mjs";
import { programs } from "../../../tools/lib/setup-sites.mjs";
import { unescapeHtml } from "../../support/disguises.mjs";
import { ARTICLES, AUDIO, NOTICE } from "./content.mjs";
import { ready, startDatabase } from "./wordpress.mjs";

const ROUTES = `routes:
  /: home
collections:
  /articles/:
    permalink: /articles/{slug}/
    template: index
taxonomies:
  tag: /tag/{slug}/
  author: /author/{slug}/
`;
// As Ghost's editor keeps a text: blocks, of which some are HTML cards.
const text = (words) => ({ type: "extended-text", version: 1, detail: 0, format: 0, mode: "normal", style: "", text: words });
const paragraph = (inner) => ({ type: "paragraph", version: 1, direction: "ltr", format: "", indent: 0, children: [text(unescapeHtml(inner.replace(/<[^>]*>/g, "")))] });
const card = (html) => ({ type: "html", version: 1, html });
const lexical = (...children) => JSON.stringify({ root: { type: "root", version: 1, direction: "ltr", format: "", indent: 0, children } });

/** The program of a site; `found.key` is set to the key that its pages give to everybody for the Content API. */
export const ghost = (found) => async ({ site, add }) => {
  const folder = programs.ghost.find();
  const content = mkdtempSync(join(tmpdir(), "farthing-ghost-"));
  await add({ stop: async () => rmSync(content, { recursive: true, force: true }) });
  cpSync(join(folder, "content"), content, { recursive: true });
  mkdirSync(join(content, "settings"), { recursive: true });
  writeFileSync(join(content, "settings/routes.yaml"), ROUTES);
  const media = ARTICLES.filter(({ audio }) => audio);
  mkdirSync(join(content, "media"), { recursive: true });
  for (const { slug, audio } of media) writeFileSync(join(content, "media", `${slug}-${audio}`), AUDIO);

  const database = await startDatabase({ add, port: undefined });
  await database.sql("CREATE DATABASE ghost CHARACTER SET utf8mb4");
  const port = await freePort();
  const env = {
    ...process.env, NODE_ENV: "production", url: site, server__host: "127.0.0.1", server__port: String(port), paths__contentPath: content,
    database__client: "mysql", database__connection__socketPath: database.socket, database__connection__user: "root", database__connection__database: "ghost",
    mail__transport: "Direct", privacy__useUpdateCheck: "false", privacy__useGravatar: "false", security__staffDeviceVerification: "false",
    logging__transports: '["stdout"]', logging__level: "error", spam__user_login__freeRetries: "100",
  };
  const child = start(programs.ghost.node, ["index.js"], { cwd: folder, env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => { if (said.length < 50_000) said += text; });
  await add({ stop: () => stop(child, { grace: 5000 }) });
  const host = new URL(site).host;
  const own = `http://127.0.0.1:${port}`;
  // it sends every other host to its address
  const ask = (path, { method = "GET", body, headers } = {}) => programs.ghost.request(own + path, {
    method, headers: { host, origin: site, "x-forwarded-proto": "http", ...(body && { "content-type": "application/json" }), ...headers }, body: body && JSON.stringify(body),
  });
  try {
    await ready(child, "Ghost", async () => (await ask("/ghost/api/admin/site/").catch(() => undefined))?.status === 200);
  } catch (error) {
    throw new Error(`${error.message}\n${said.slice(0, 3000)}`);
  }
  const api = async (path, body, headers) => {
    const response = await ask(`/ghost/api/admin/${path}`, { method: "POST", body, headers });
    assert.ok(response.status < 300, `${path}: ${response.status} ${response.text.slice(0, 600)}\n${said.slice(-2000)}`);
    return response;
  };
  const owner = { name: "Editor", email: "editor@news.example", password: "a fixture of tests 7" };
  await api("authentication/setup/", { setup: [{ ...owner, blogTitle: "The Weekly Farthing" }] });
  const cookie = (await api("session/", { username: owner.email, password: owner.password })).headers["set-cookie"].map((line) => line.split(";")[0]).join("; ");
  for (const [number, { slug, title, dek, free, premium, audio }] of ARTICLES.entries()) {
    const listen = audio ? [card(`<audio controls preload="none" src="/content/media/${slug}-${audio}"></audio>`)] : [];
    const marked = lexical(...listen, ...free.map(paragraph), card("<!--farthing-->"), ...premium.map(paragraph), card("<!--/farthing-->"));
    const date = (hour) => ({ status: "published", published_at: `2026-11-0${number + 1}T0${hour}:00:00.000Z` });
    await api("posts/", { posts: [{ title, slug, custom_excerpt: dek, lexical: marked, ...date(8) }] }, { cookie });
    // one whose excerpt is made of the text, and that is cut after two paragraphs
    await api("posts/", { posts: [{ title: `Again: ${title}`, slug: `plain-${slug}`, lexical: lexical(...[...free, ...premium].map(paragraph)), ...date(7) }] }, { cookie });
  }
  await api("pages/", { pages: [{ title: NOTICE.title, slug: NOTICE.slug, lexical: lexical(...NOTICE.paragraphs.map(paragraph)), status: "published" }] }, { cookie });
  const { text: made } = await api("integrations/?include=api_keys", { integrations: [{ name: "Search" }] }, { cookie });
  found.key = JSON.parse(made).integrations[0].api_keys.find(({ type }) => type === "content").secret;
  return `location / { proxy_pass ${own}; proxy_http_version 1.1; proxy_set_header Host ${host}; proxy_set_header X-Forwarded-Proto http; }`;
};
