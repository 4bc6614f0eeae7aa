// What to do about each finding, for what stands behind or before the Worker.

export const PLATFORMS = ["cloudflare", "nginx", "wordpress", "ghost", "next"];

export const FIXES = {
  reach: {
    cloudflare: "Set the Worker's route in wrangler.jsonc to this host, and see that its DNS record is proxied.",
    nginx: "See that the Worker's origin leads to this server, and that its firewall lets Cloudflare in.",
    wordpress: "Look at the host's own firewall or security plugin: it may turn the Worker away.",
    ghost: "See that Ghost's `url` is the site's address, so that it does not redirect the Worker in a circle.",
    next: "See that the deployment answers under the address in `origin`.",
  },
  offer: {
    cloudflare: "Put the page's path into `routes` of farthing.jsonc and the Worker's route before it; a transform rule must not remove PAYMENT-REQUIRED.",
    nginx: "nginx must stand behind the Worker, not before it; where it is before it, keep the header: proxy_pass_header PAYMENT-REQUIRED and large proxy_buffer_size.",
    wordpress: "Exclude the page from caching plugins that answer before the Worker, and price its permalink as WordPress writes it.",
    ghost: "Price the post's own address, /slug/ with its slash where Ghost redirects to it.",
    next: "Price the page's route; a middleware or rewrite that answers before the Worker has to go.",
  },
  resource: {
    cloudflare: "Make `site` of farthing.jsonc the address that readers use, and redirect the other hosts to it (a redirect rule).",
    nginx: "Give the site one server_name and redirect the others with return 308.",
    wordpress: "Make WordPress Address and Site Address the same as `site` in farthing.jsonc.",
    ghost: "Make `url` in Ghost's configuration the same as `site` in farthing.jsonc.",
    next: "Redirect other hosts and trailing slashes (trailingSlash in next.config) to the address in farthing.jsonc.",
  },
  open: {
    cloudflare: "Set the route's failure mode to closed, and remove rules (cache, page, other Workers) that answer before the Worker.",
    nginx: "Let only the Worker in: an allow list of Cloudflare's addresses, a secret header, or a Tunnel.",
    wordpress: "Turn off plugins that show crawlers or visitors from search engines the whole text; a User-Agent alone frees nothing.",
    ghost: "Set the post's visibility so that Ghost itself does not open it for crawlers or previews.",
    next: "Take rules by User-Agent, Referer or preview cookies out of middleware.",
  },
  leak: {
    cloudflare: "Price these addresses as well: add them to the route's `parts` in farthing.jsonc, or refuse them with a WAF rule.",
    nginx: "Refuse spellings that are not the page's own: location ~ \\.(md|json|txt)$ { return 404; }, merge_slashes on.",
    wordpress: "Settings, Reading: feeds show the excerpt; turn the AMP plugin off for priced posts; add /wp-json/wp/v2/posts* and ?p= to the routes, or require a login for the REST interface.",
    ghost: "Price /*/amp/, /rss/ and /ghost/api/content/*, or keep the Content API's key out of pages; feeds: shorten posts with a public preview.",
    next: "Price /_next/data/* of the page and its RSC address by `parts`, and do not put the whole text into the props of an unpaid page.",
  },
  origin: {
    cloudflare: "Use a Tunnel or a service binding, or let the origin accept only the Worker: authenticated origin pulls, or a secret header.",
    nginx: "Answer only who proves to be the Worker: if ($http_x_origin_key != \"…\") { return 403; }, or allow Cloudflare's addresses and deny all.",
    wordpress: "Ask the host to restrict the server to Cloudflare's addresses; close the host's own preview domain.",
    ghost: "Bind Ghost to 127.0.0.1 (server.host) and lead the Tunnel there.",
    next: "Protect the deployment's own address (deployment protection on Vercel), and give the bypass secret to the Worker alone.",
  },
  cache: {
    cloudflare: "Remove cache rules with \"Cache everything\" or an edge TTL for these paths: they override no-store.",
    nginx: "Where nginx caches before the Worker: proxy_no_cache 1; proxy_cache_bypass 1; for the priced paths.",
    wordpress: "Exclude priced pages from page caches (WP Rocket, W3 Total Cache, LiteSpeed) that serve before the Worker.",
    ghost: "Set caching.frontend.maxAge to 0 for priced posts where another cache stands before the Worker.",
    next: "Take headers() rules with s-maxage off the priced routes where another cache stands before the Worker.",
  },
  cors: {
    cloudflare: "List the origins in `cors` of farthing.jsonc, and remove transform rules that set Access-Control-*.",
    nginx: "Remove add_header Access-Control-* from priced paths: the Worker answers for them.",
    wordpress: "Remove plugins that send Access-Control-Allow-Origin for all pages.",
    ghost: "Let no proxy add Access-Control-* to posts; `cors` of farthing.jsonc says who may read.",
    next: "Remove Access-Control-* from headers() in next.config for priced routes.",
  },
  clock: {
    cloudflare: "Cloudflare's clocks are right: set the clock of the machine this runs on (NTP).",
    nginx: "Run chrony or systemd-timesyncd on the server that answers.",
    wordpress: "Ask the host to set the server's clock; the time zone of WordPress does not matter.",
    ghost: "Run chrony or systemd-timesyncd on the server.",
    next: "Set the clock of the server, or of the machine this runs on.",
  },
  health: {
    cloudflare: "npx farthing check farthing.jsonc says what is wrong; npx wrangler secret put sets what is missing; the route has to cover /.farthing/*.",
    nginx: "Hand /.farthing/ on to the Worker: no location of your own for it.",
    wordpress: "Let no security plugin block paths that begin with a dot: /.farthing/ is the Worker's.",
    ghost: "Hand /.farthing/ on to the Worker.",
    next: "Let no rewrite or middleware take /.farthing/.",
  },
  keys: {
    cloudflare: "Put a new key in front of FARTHING_KEYS (npx wrangler secret put FARTHING_KEYS) and keep the old one behind it for as long as passes live.",
    nginx: "Nothing to do here: keys are the Worker's.",
    wordpress: "Nothing to do here: keys are the Worker's.",
    ghost: "Nothing to do here: keys are the Worker's.",
    next: "Nothing to do here: keys are the Worker's.",
  },
  "json-ld": {
    cloudflare: "Let the Worker trim the page, which adds it, or see that nothing after the Worker removes it.",
    nginx: "sub_filter can put it into <head>: {\"isAccessibleForFree\": false, \"hasPart\": {…, \"cssSelector\": \".paywall\"}}.",
    wordpress: "In the SEO plugin (Yoast, Rank Math) mark the posts as paywalled content, with the class around the premium part.",
    ghost: "Put it into the post's code injection, or into the theme's post.hbs.",
    next: "Render <script type=\"application/ld+json\"> with isAccessibleForFree false and hasPart in the page, and leave articleBody out.",
  },
};

/** What the site seems to run on, by what it tells of itself. */
export function platformsOf(answers) {
  const found = new Set();
  for (const { headers, body = "" } of answers) {
    if (!headers) continue;
    if (headers.get("cf-ray") || headers.get("server") === "cloudflare") found.add("cloudflare");
    if (/^nginx/i.test(headers.get("server") ?? "")) found.add("nginx");
    if (/wp-json|wp-content/.test(`${headers.get("link") ?? ""}${body}`)) found.add("wordpress");
    if (/ghost/i.test(headers.get("x-powered-by") ?? "") || /<meta name="generator" content="Ghost/i.test(body)) found.add("ghost");
    if (/next\.js/i.test(headers.get("x-powered-by") ?? "") || body.includes("/_next/")) found.add("next");
  }
  return PLATFORMS.filter((name) => found.has(name));
}
