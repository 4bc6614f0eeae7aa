// Files of an R2 bucket, as a server of static files would answer with them: the path is the key, a folder's page is its index.html.

const PAGE = "index.html";

const answer = (status, headers = {}) => new Response(null, { status, headers });

function keyOf(path) {
  try {
    const key = decodeURIComponent(path.split("?", 1)[0].slice(1));
    return key === "" || key.endsWith("/") ? key + PAGE : key;
  } catch {
    return undefined;
  }
}

// The bytes that were asked for, of so many; undefined for all of them.
function bytesOf(range, size) {
  if (!range) return undefined;
  if (range.suffix !== undefined) return [Math.max(0, size - range.suffix), size - 1];
  const from = range.offset ?? 0;
  return [from, range.length === undefined ? size - 1 : Math.min(size, from + range.length) - 1];
}

export async function fromBucket(bucket, path, { method, headers }) {
  if (method !== "GET" && method !== "HEAD") return answer(405, { allow: "GET, HEAD" });
  const key = keyOf(path);
  if (key === undefined) return answer(404);
  const ranged = method === "GET" && headers.has("range") && !headers.has("if-range");
  let found;
  try {
    found = method === "HEAD" ? await bucket.head(key) : await bucket.get(key, { onlyIf: headers, ...(ranged && { range: headers }) });
  } catch (error) {
    // R2 has one error for every range it cannot give
    if (ranged) return answer(416);
    throw error;
  }
  if (found === null) return answer(404);
  const all = new Headers({ etag: found.httpEtag, "last-modified": found.uploaded.toUTCString(), "accept-ranges": "bytes" });
  found.writeHttpMetadata(all);
  if (method === "GET" && !("body" in found)) return answer(headers.has("if-match") || headers.has("if-unmodified-since") ? 412 : 304, all);
  const bytes = ranged ? bytesOf(found.range, found.size) : undefined;
  if (bytes === undefined) {
    if (method === "HEAD") all.set("content-length", String(found.size));
    return new Response(found.body ?? null, { headers: all });
  }
  // a range beyond the end is answered with all of it by some, with an error by others
  if (Number(/^bytes=(\d+)-/.exec(headers.get("range"))?.[1] ?? 0) >= found.size) {
    await found.body?.cancel();
    return answer(416, { "content-range": `bytes */${found.size}` });
  }
  all.set("content-range", `bytes ${bytes[0]}-${bytes[1]}/${found.size}`);
  return new Response(found.body, { status: 206, headers: all });
}
