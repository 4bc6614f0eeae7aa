// A site made by real Next: built once, as its sources say, and served by `next start` behind nginx. Articles of the App Router, reports
// of the Pages Router.
import { freePort, portTaken, start, stop } from "../../../tools/lib/processes.mjs";
import { programs } from "../../../tools/lib/setup-sites.mjs";
import { ARTICLES, AUDIO, NOTICE } from "./content.mjs";

/** The program of a site. */
export async function next({ add }) {
  const { folder, script } = await programs.next.build({
    "content.json": JSON.stringify({ articles: ARTICLES, notice: NOTICE }), "public/media/tide/listen.mp3": AUDIO,
  });
  const port = await freePort();
  const child = start(process.execPath, [script, "start", "--hostname", "127.0.0.1", "--port", String(port)], { cwd: folder, stdio: "ignore", env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" } });
  await add({ stop: () => stop(child) });
  for (let tries = 0; !(await portTaken(port)); tries += 1) {
    if (tries > 300 || child.exitCode !== null) throw new Error("Next did not start");
    await new Promise((done) => setTimeout(done, 100));
  }
  return `location / { proxy_pass http://127.0.0.1:${port}; proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Accept-Encoding ""; }`;
}
