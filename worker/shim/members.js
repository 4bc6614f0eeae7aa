// Readers whom the origin may know: asked for the page with their own cookies, it says whether they read for nothing. Anybody can send
// such a cookie, so questions that bring nothing are counted, in the memory of one isolate, and above the limits nobody is asked.

import { now } from "./keysets.js";
import { fetchPersonal, hushed } from "./origin.js";
import { deliver } from "./response.js";

// What the header says of a reader who reads for nothing.
const FREE = "free";
// Questions in a minute that brought nothing: of one network, and of all.
const MOST_OF_ONE = 30;
const MOST_OF_ALL = 600;
// Seconds that a reader is not asked about again at one page, and that who was known is asked about however many others are.
const [FORGETS, KNOWN] = [30, 600];
const MOST_REMEMBERED = 20_000;

const refused = new Map(); // by reader and path: until when
const members = new Map(); // by reader: until when
// Networks share places, so that no number of them fills the memory; which do, nobody can tell.
const counts = new Uint16Array(4096);
let seed = 0;
let minute = 0;
let all = 0;

// The answer for this reader; undefined if they are one like any other.
export async function asMember(gate, text, request, env, ctx) {
  const [path, reader, network, headers] = gate.split(text, 3);
  const page = `${reader} ${path}`;
  const time = now();
  if (refused.get(page) > time) return undefined;
  const place = members.get(reader) > time ? undefined : admitted(network, time);
  if (place === -1) return undefined;
  const { origin } = gate;
  const response = await fetchPersonal(origin, path, request, env, ctx);
  if (response?.headers.get(origin.internal[0])?.trim().toLowerCase() !== FREE) {
    await response?.body?.cancel();
    remember(refused, page, now() + FORGETS);
    return undefined;
  }
  if (place !== undefined && Math.floor(time / 60) === minute) {
    counts[place] -= 1;
    all -= 1;
  }
  remember(members, reader, now() + KNOWN);
  return deliver(hushed(origin, response), headers);
}

// Where a question is counted; -1 if it may not be asked.
function admitted(network, time) {
  if (minute !== Math.floor(time / 60)) {
    minute = Math.floor(time / 60);
    all = 0;
    counts.fill(0);
    [seed] = crypto.getRandomValues(new Uint32Array(1));
  }
  let place = seed;
  for (const letter of network) place = Math.imul(place ^ letter.charCodeAt(0), 0x01000193);
  place = (place ^ (place >>> 15)) & (counts.length - 1);
  if (all >= MOST_OF_ALL || counts[place] >= MOST_OF_ONE) return -1;
  all += 1;
  counts[place] += 1;
  return place;
}

function remember(memory, name, until) {
  memory.delete(name);
  if (memory.size >= MOST_REMEMBERED) memory.delete(memory.keys().next().value);
  memory.set(name, until);
}
