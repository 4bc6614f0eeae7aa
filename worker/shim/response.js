// Answers that carry the origin's body, and the one that carries nothing.

const PROBLEM = JSON.stringify({
  type: "https://farthing.dev/problems/internal",
  title: "Something went wrong here",
  status: 500,
  detail: "Nothing was delivered; send the same request again, the same authorization is never charged twice.",
});
const NOT_DELIVERED = [
  // what tells caches to keep it
  "cache-control", "cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "expires", "age",
  // between the origin and us (x402: "internal, must be stripped")
  "settlement-overrides",
];

export function refused() {
  return new Response(PROBLEM, {
    status: 500,
    headers: { "content-type": "application/problem+json", "cache-control": "private, no-store", "cdn-cache-control": "no-store" },
  });
}

// Our own files are for every page, whatever it isolates itself with.
export function asset(response) {
  const shared = new Response(response.body, response);
  shared.headers.set("access-control-allow-origin", "*");
  shared.headers.set("cross-origin-resource-policy", "cross-origin");
  return shared;
}

// The origin's answer with our headers over it; `report.ends` is told whether all of it went out.
export function deliver(response, headers, report) {
  let { body } = response;
  if (body && report) {
    const { readable, writable } = new TransformStream();
    // where the client leaves while the origin is still at it, workerd calls the pipe well done: closing tells
    const sent = body.pipeTo(writable, { preventClose: true }).then(() => writable.close());
    report.ctx.waitUntil(sent.then(() => report.ends("delivered"), () => report.ends("broken")));
    body = readable;
  }
  const delivered = new Response(body, response);
  const all = delivered.headers;
  for (const name of NOT_DELIVERED) all.delete(name);
  // a page that is delivered is not for sale; an origin that sells something by itself says so with a 402
  if (response.ok) all.delete("payment-required");
  for (const [name, value] of headers) {
    if (name === "Set-Cookie" || name === "Vary") all.append(name, value);
    else all.set(name, value);
  }
  return delivered;
}
