// A blog made by Hugo, as www/docs/hugo.md says it: cut after two paragraphs under /posts/, by a shortcode under /reports/.
import { LIGHT, NOTICE, TIDE } from "./support/content.mjs";
import { checkSite } from "./support/checks.mjs";
import { hugo } from "./support/hugo.mjs";

const above = [".header", "h1", ".post-meta", ".post-content p"];
checkSite({
  name: "hugo", program: hugo,
  routes: [
    { match: "/posts/", price: "free" }, { match: "/reports/", price: "free" },
    { match: "/index.json", price: "$1" }, { match: "/index.xml", price: "$1" }, { match: "/*/index.xml", price: "$1" },
    { match: "/posts/*/", parts: ["/posts/{1}/*.mp3"], price: "$0.05", description: "The whole story", teaser: { paragraphs: 2, within: "article .post-content" } },
    { match: "/reports/*/", parts: ["/reports/{1}/*.mp3"], price: "$0.05", description: "The whole report", teaser: { selector: "article .paid" } },
  ],
  pages: [
    { path: "/posts/light/", article: LIGHT, above }, { path: "/posts/tide/", article: TIDE, above, parts: ["/posts/tide/listen.mp3"] },
    { path: "/reports/light/", article: LIGHT, above }, { path: "/reports/tide/", article: TIDE, above, parts: ["/reports/tide/listen.mp3"] },
  ],
  free: ["/", "/posts/", `/${NOTICE.slug}/`, "/style.css", "/sitemap.xml", "/robots.txt"],
  locked: ["/index.json", "/index.xml", "/posts/index.xml"],
  more: ["/posts/light/index.html", "/posts/light", "/posts/light/index.xml", "/posts/light/amp/", "/posts/light/index.md"],
});
