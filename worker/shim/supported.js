// What the facilitators say that they settle, and the screening service of the site's own account, held against the config: once in the life of an instance, when the first payment is about to
// be settled, and beside it. It refuses nothing; what does not fit stands in the log and among the health page's warnings.

import { edgeFor } from "./config.js";
import { say } from "./log.js";
import { get, post } from "./post.js";

const PATIENCE = 10;
const MOST = 64 * 1024;
const SCREENER = 99;

export function askSupported(env, ctx) {
  const edge = edgeFor(env);
  if (edge.asked) return;
  edge.asked = true;
  ctx.waitUntil(ask(edge, env).catch((error) => say("broken", { at: "supported", error })));
}

async function ask(edge, env) {
  edge.enter("facilitators", []);
  for (const line of edge.read().split("\n").filter(Boolean)) {
    const [name, url, ...rest] = line.split(" ");
    const screens = name === "screening";
    let body = "";
    try {
      const answer = screens ? await post(url, rest.slice(1).join(" "), rest[0], PATIENCE, MOST, env) : await get(url, rest.join(" "), PATIENCE, MOST, env);
      if (answer.startsWith("200\n")) body = answer.slice(4);
    } catch {
      // no answer says nothing, and that is what is told
    }
    if (edge.lost) return;
    edge.enter("supported", [screens ? SCREENER : Number(name), edge.write(body)]);
    for (const says of edge.read().split("\n").filter(Boolean)) say(screens ? "screening" : "supported", { says });
  }
}
