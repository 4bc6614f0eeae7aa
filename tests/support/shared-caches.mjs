// Shared caches as publishers put them before their sites, keen to keep whatever its headers do not forbid: real nginx, and real Varnish,
// which here looks at CDN-Cache-Control (RFC 9213) before Cache-Control. Both forget who asked: no cookie, no query, no Accept in their key.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, portTaken, start, stop } from "../../tools/lib/processes.mjs";
import { programs } from "../../tools/lib/setup-sites.mjs";
import { startNginx } from "./nginx.mjs";

/** nginx before `site`: keeps every status for ten minutes where nothing is said, and cookies of answers with them. */
export async function startNginxCache(site) {
  const { url, stop } = await startNginx({
    http: (folder) => `proxy_cache_path ${folder}/kept keys_zone=kept:4m inactive=10m;`,
    server: `location / {
      proxy_pass ${site}; proxy_set_header Host ${new URL(site).host}; proxy_http_version 1.1;
      proxy_cache kept; proxy_cache_key $uri; proxy_cache_methods GET HEAD; proxy_cache_valid any 10m; proxy_cache_lock on; proxy_cache_revalidate on;
      proxy_cache_use_stale error timeout invalid_header http_500 http_502 http_503 http_504;
      proxy_ignore_headers Set-Cookie Vary;
      add_header X-Kept $upstream_cache_status always;
    }`,
  });
  return { site: url, stop };
}

const VCL = (site) => `vcl 4.1;
import std;
backend site { .host = "127.0.0.1"; .port = "${new URL(site).port}"; }
sub vcl_recv {
  set req.http.Host = "${new URL(site).host}";
  if (req.method != "GET" && req.method != "HEAD") { return (pass); }
  return (hash);
}
sub vcl_hash { hash_data(regsub(req.url, "\\?.*", "")); return (lookup); }
sub vcl_backend_response {
  unset beresp.http.Vary;
  if (beresp.http.CDN-Cache-Control) { set beresp.http.X-Told = beresp.http.CDN-Cache-Control; } else { set beresp.http.X-Told = beresp.http.Cache-Control; }
  if (beresp.http.X-Told ~ "(?i)no-store|no-cache|private") { set beresp.uncacheable = true; set beresp.ttl = 0s; return (deliver); }
  set beresp.ttl = 10m;
  set beresp.grace = 10m;
  if (beresp.http.X-Told ~ "max-age=") { set beresp.ttl = std.duration(regsub(beresp.http.X-Told, ".*?(s-maxage|max-age)=([0-9]+).*", "\\2s"), 10m); }
  return (deliver);
}
sub vcl_deliver { if (obj.hits > 0) { set resp.http.X-Kept = "HIT"; } else { set resp.http.X-Kept = "MISS"; } }
`;

/** Varnish before `site`. */
export async function startVarnish(site) {
  const { program, env, arguments: more } = programs.varnish.command();
  const folder = await mkdtemp(join(tmpdir(), "farthing-varnish-"));
  const port = await freePort();
  await writeFile(join(folder, "site.vcl"), VCL(site));
  const child = start(program, ["-F", "-j", "none", ...more, "-f", join(folder, "site.vcl"), "-a", `127.0.0.1:${port}`, "-n", folder, "-s", "malloc,16M"], { env: { ...process.env, ...env } });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => { said += text; });
  for (let tries = 0; !(await portTaken(port)); tries += 1) {
    if (tries > 200 || child.exitCode !== null) throw new Error(`Varnish did not start:\n${said.slice(0, 3000)}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return {
    site: `http://127.0.0.1:${port}`,
    async stop() {
      await stop(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
