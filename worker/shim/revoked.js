// What was revoked: a list that one object keeps, and a copy of it for the gate. A copy is renewed beside requests before it is a minute
// old, and waited for after that. Where it cannot be read the last one goes on: who paid is not locked out because of a list. Without a
// last one that opens everything, so it is tried again at once, and then soon.

import { edgeFor } from "./config.js";
import { Fault, say } from "./log.js";

const [PATIENCE, AGING, PAUSE, SHORT_PAUSE] = [5_000, 45_000, 30_000, 2_000];

// The names, and which state of the object they are; when they were asked for.
let list = "";
let state = "";
let asked = 0;
let pending;
let begun = 0;
let resumes = 0; // until when an object that failed is left alone

// Once it is asked for, or could not be had.
export async function listed(env, ctx) {
  if (Date.now() < resumes) return;
  renew(env, ctx);
  // the question is another request's perhaps, and ends with it
  let timer;
  await Promise.race([pending, new Promise((done) => {
    timer = setTimeout(done, PATIENCE);
  })]);
  clearTimeout(timer);
}

// Beside a request that opens something.
export function look(env, ctx) {
  if (edgeFor(env).list !== "" && Date.now() >= Math.max(asked + AGING, resumes)) renew(env, ctx);
}

// What is known, to an instance that knows nothing yet.
export function tell(edge, changed = 1) {
  if (asked > 0) edge.enter("listed", [changed ? edge.write(list) : 0, Math.floor(asked / 1000), changed]);
}

function renew(env, ctx) {
  const time = Date.now();
  if (pending && time < begun + PATIENCE) return;
  begun = time;
  const own = ask(env, time).catch((error) => {
    // who waits has waited long enough for one that did not answer
    if (asked > 0 || Date.now() >= time + PATIENCE) throw error;
    begun = Date.now();
    return ask(env, begun);
  }).catch((error) => {
    resumes = Date.now() + (asked > 0 ? PAUSE : SHORT_PAUSE);
    say("unreachable", { at: "revoked", error });
  }).finally(() => {
    if (pending === own) pending = undefined;
  });
  pending = own;
  ctx.waitUntil(own);
}

async function ask(env, time) {
  const objects = env.TALLY;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Fault("it did not answer in time")), PATIENCE);
  });
  const call = async () => {
    const response = await objects.get(objects.idFromName(edgeFor(env).list)).fetch("https://tally/list", { method: "POST", body: state });
    if (!response.ok) throw new Fault(`the answer is ${response.status}`);
    return await response.text();
  };
  try {
    const [now, names] = (await Promise.race([call(), late])).split("\n");
    // one that was asked earlier comes too late
    if (time < asked) return;
    [asked, state, list] = [time, now, names ?? list];
    tell(edgeFor(env), names === undefined ? 0 : 1);
  } finally {
    clearTimeout(timer);
  }
}
