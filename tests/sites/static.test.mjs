// Pages written by hand, as www/docs/static.md says it: the premium part stands between two comments.
import { LIGHT, NOTICE, TIDE } from "./support/content.mjs";
import { checkSite } from "./support/checks.mjs";
import { byHand } from "./support/static.mjs";

const above = ["header", "h1", "article p"];
checkSite({
  name: "static", program: byHand,
  routes: [{ match: "/articles/*", parts: ["/media/{1}/*"], price: "$0.05", description: "The whole story", teaser: { marker: "farthing" } }],
  pages: [{ path: "/articles/light", article: LIGHT, above }, { path: "/articles/tide", article: TIDE, above, parts: ["/media/tide/listen.mp3"] }],
  free: ["/", `/${NOTICE.slug}`, "/style.css"],
  more: ["/articles/light.html", "/articles/light/", "/articles/LIGHT", "/articles/light/index.html", "//articles/light", "/articles/light?amp=1"],
});
