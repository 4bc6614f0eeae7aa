// A site made by Ghost, as www/docs/ghost.md says it: the premium part between two HTML cards, or all that follows two paragraphs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIGHT, NOTICE, TIDE } from "./support/content.mjs";
import { checkSite } from "./support/checks.mjs";
import { ghost } from "./support/ghost.mjs";
import { soldIn } from "./support/sold.mjs";

const above = ["#gh-navigation", "h1", ".gh-content p"];
const found = {};
const here = checkSite({
  name: "ghost", program: ghost(found),
  routes: [
    { match: "/*rss/", price: "$1", description: "The feed" }, { match: "/ghost/api/*content/*", price: "$1" },
    { match: "/articles/plain-*/", price: "$0.05", description: "The whole story", teaser: { paragraphs: 2, within: ".gh-content" } },
    { match: "/articles/page/*", price: "free" },
    { match: "/articles/*/", parts: ["/content/media/{1}-*.mp3"], price: "$0.05", description: "The whole story", teaser: { marker: "farthing" } },
    { match: "/*.md", price: "$1" }, { match: "/llms-full.txt", price: "$1" },
    { match: "/articles/", price: "free" },
  ],
  pages: [
    { path: "/articles/light/", article: LIGHT, above }, { path: "/articles/tide/", article: TIDE, above, parts: ["/content/media/tide-listen.mp3"] },
    { path: "/articles/plain-light/", article: LIGHT, above },
  ],
  free: ["/", "/articles/", `/${NOTICE.slug}/`, "/sitemap-posts.xml", "/robots.txt"],
  locked: ["/articles/rss/"],
  more: [
    "/rss/", "/author/editor/", "/author/editor/rss/", "/tag/news/", "/articles/light/amp/", "/articles/light", "/articles/light.md", "/articles/light/index.md", "/llms.txt", "/llms-full.txt",
    "/light/", "/articles/light/rss/", "/articles/light/?format=md", "/ghost/api/content/posts/", "/members/api/", "/ghost/api/admin/site/",
  ],
});

test("D5 ghost: its Content API, whose key is in every page, is locked", async () => {
  for (const path of [`/ghost/api/content/posts/?key=${found.key}`, `/ghost/api/content/posts/slug/light/?key=${found.key}&formats=plaintext`]) {
    const made = await here.site.made(path);
    assert.equal(made.status, 200);
    assert.ok(soldIn(await made.text()), path);
    for (const spelled of [path, path.replace("/content/", "/content//"), path.replace("posts", "POSTS"), path.replace("/ghost/api", "/ghost/api/v3")]) {
      const response = await here.site.ask(spelled, { accept: "application/json" });
      assert.equal(soldIn(await response.text()), undefined, spelled);
      assert.notEqual(response.status, 200, spelled);
    }
  }
});
