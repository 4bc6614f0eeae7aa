// A site made by WordPress, as www/docs/wordpress.md says it: new articles with their premium part in a group, old ones with "Read more".
import { LIGHT, NOTICE, TIDE } from "./support/content.mjs";
import { checkSite } from "./support/checks.mjs";
import { wordpress } from "./support/wordpress.mjs";

const above = ["header", "h1", ".entry-content p"];
const old = (article) => ({ path: `/articles/old-${article.slug}/`, article, above });
checkSite({
  name: "wordpress", program: wordpress,
  routes: [
    { match: "/articles/old-*/", price: "$0.05", description: "The whole story", teaser: { paragraphs: 2, within: ".entry-content" } },
    {
      match: "/articles/*/", except: ["/articles/*/feed/", "/articles/*/embed/"], parts: ["/wp-content/uploads/{1}-*.mp3"],
      price: "$0.05", description: "The whole story", teaser: { selector: ".entry-content .paid" },
    },
    { match: "/wp-json/wp/*", price: "$1", description: "The articles, for programs" }, { match: "/xmlrpc.php", price: "$1" },
    { match: "/wp-admin/*", price: "free" }, { match: "/wp-content/*", price: "free" }, { match: "/wp-includes/*", price: "free" },
    { match: "/wp-login.php", price: "free" }, { match: "/wp-json/*", price: "free", query: ["url", "format", "maxwidth", "maxheight"] },
    { match: "/", price: "free", query: ["s", "paged"] }, { match: "/*", price: "free", query: ["s", "paged", "replytocom"] },
  ],
  pages: [{ path: "/articles/light/", article: LIGHT, above }, { path: "/articles/tide/", article: TIDE, above, parts: ["/wp-content/uploads/tide-listen.mp3"] }, old(LIGHT), old(TIDE)],
  free: ["/", `/${NOTICE.slug}/`, "/feed/", "/articles/light/feed/", "/comments/feed/", "/wp-sitemap.xml", "/?s=lantern", "/wp-login.php"],
  locked: ["/wp-json/wp/v2/posts", "/?rest_route=/wp/v2/posts", "/index.php/wp-json/wp/v2/posts"],
  more: [
    "/?p=4", "/?p=5", "/?name=light", "/?p=4&feed=rss2", "/?feed=rss2", "/?feed=atom", "/feed/atom/", "/index.php?p=4", "/index.php?rest_route=/wp/v2/posts",
    "/index.php/articles/light/", "/wp-json/?rest_route=/wp/v2/posts", "/wp-json/wp/v2/posts?per_page=1", "/wp-json/wp/v2/search?search=light", "/wp-json/oembed/1.0/embed?url=SITE/articles/light/",
    "/articles/light/embed/", "/articles/light/2/", "/articles/light/amp/", "/articles/light", "/articles/ligh", "/articles/light/trackback/", "/author/editor/", "/category/uncategorized/",
    "/2026/11/", "/2026/11/01/", "/page/2/", "/?author=1", "/?m=202611", "/?cat=1", "/?s=the", "/wp-admin/admin-ajax.php", "/wp-json/batch/v1",
  ],
});
