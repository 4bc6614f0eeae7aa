// The site behind every gate: a small page under every path, with the path in it. Counts what it is asked.
const text = "<p>The keeper climbs the stairs at dusk and counts them, as he has done for thirty years.</p>\n".repeat(20);
let asked = 0;

export default {
  fetch(request) {
    const path = request.url.slice(request.url.indexOf("/", 8));
    if (path === "/.asked") return new Response(String(asked));
    asked += 1;
    return new Response(`<!doctype html><title>Origin</title><h1>From the origin: ${path}</h1>\n${text}`, {
      headers: { "content-type": "text/html; charset=utf-8", "cache-control": "public, max-age=60" },
    });
  },
};
