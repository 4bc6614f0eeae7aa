// The measurement: every Worker in a process of its own, all asked the same in turn, round after round; what counts is the CPU time that
// workerd used for it. Prints and judges nothing.
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { version as workerdVersion } from "workerd";
import { hashTypedData, hexToBigInt, numberToHex, recoverAddress } from "viem";
import { TRANSFER_TYPES } from "../support/pay.mjs";
import { portTaken } from "../../tools/lib/processes.mjs";
import { weigh } from "../../tools/lib/sizes.mjs";
import { CASES, customer } from "./cases.mjs";
import { machine } from "./figures.mjs";
import { load, once, requestText } from "./load.mjs";
import { startWorld, variants } from "./variants.mjs";
import { cpu, startWorkerd } from "./workerd.mjs";

export { CASES };

/** What is measured besides requests, with the bar of each. */
export const RECOVERY_BAR = 0.45;
export const START_BAR = 10;
export const SIZE_BAR = 200_000;

/** The order of secp256k1. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const CONNECTIONS = 16;
/** Requests that go ahead of a Worker's first round in a case: by then its code runs as it does in the long run. */
const WARM = 3000;
/** Payments that go ahead of those that count: a new process runs its first requests slowly. */
const AHEAD = 150;

async function listening(running) {
  for (const until = Date.now() + 20_000; !await portTaken(running.port); await sleep(5)) {
    if (Date.now() > until) throw new Error(`workerd does not listen\n${running.output}`);
  }
}

async function startListening(options) {
  const running = await startWorkerd(options);
  try {
    await listening(running);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

// One Worker and one case: CPU time and subrequests for each of these requests.
async function measured(running, world, texts, status, seconds) {
  const asked = await world.asked();
  const before = cpu(running.pid);
  const count = await load({ port: running.port, texts, status, seconds, connections: CONNECTIONS });
  const used = cpu(running.pid) - before;
  return { requests: count, us: used / count, subrequests: (await world.asked() - asked) / count };
}

async function checked(who, name, one, request) {
  const { status, test } = one.answer(name);
  const answer = await who.send(request.path, request.headers);
  if (answer.status !== status || !test(answer, request.path)) {
    throw new Error(`${name}, ${one.name}: answered ${answer.status}\n${answer.head}\n\n${answer.body.toString().slice(0, 500)}`);
  }
  return status;
}

/** The requests of all cases: {case: {worker: [{requests, us, subrequests}, a round each]}}. */
async function measureRequests(parts, world, all, { rounds, seconds, payments, warm, say }) {
  const found = Object.fromEntries(CASES.map((one) => [one.name, Object.fromEntries(one.workers.map((name) => [name, []]))]));
  const lasting = {};
  for (const name of new Set(CASES.flatMap((one) => one.workers))) {
    const running = await parts.add(startListening(all[name]));
    lasting[name] = { running, who: customer({ name, port: running.port, host: world.host }) };
  }
  for (let round = 0; round < rounds; round++) {
    for (const one of CASES) {
      say(`round ${round + 1} of ${rounds}: ${one.name}`);
      // no Worker is always the first
      const names = one.workers.map((_, index) => one.workers[(index + round) % one.workers.length]);
      for (const name of names) {
        const take = one.fresh ? freshly : lastly;
        found[one.name][name].push(await take(one, name, round));
      }
    }
  }
  return found;

  async function lastly(one, name, round) {
    const { running, who } = lasting[name];
    const requests = await one.requests(who);
    const status = await checked(who, name, one, requests[0]);
    const texts = requests.map(({ path, headers }) => who.text(path, headers));
    await load({ port: running.port, texts, status, seconds: seconds / 3, least: round === 0 ? warm : 0, connections: CONNECTIONS });
    return measured(running, world, texts, status, seconds);
  }

  // Where a request is good once, and leaves something behind to do: in a process that goes before it is done.
  async function freshly(one, name) {
    const running = await startListening(all[name]);
    try {
      const who = customer({ name, port: running.port, host: world.host });
      const ahead = Math.min(AHEAD, payments);
      const requests = await one.requests(who, 1 + ahead + payments);
      const texts = requests.map(({ path, headers }) => who.text(path, headers));
      const status = await checked(who, name, one, requests[0]);
      await load({ port: running.port, texts: texts.slice(1, 1 + ahead), status, connections: CONNECTIONS });
      return await measured(running, world, texts.slice(1 + ahead), status);
    } finally {
      await running.stop();
    }
  }
}

// The same signature with the other s, which is refused before anything is recovered of it.
function twin(signature) {
  const s = numberToHex(ORDER - hexToBigInt(`0x${signature.slice(66, 130)}`), { size: 32 }).slice(2);
  return `${signature.slice(0, 66)}${s}${signature.endsWith("1b") ? "1c" : "1b"}`;
}

/** What a payment by another key is refused for, and one whose signature is turned round, which is not recovered. */
const REFUSED = { ours: "/signature-invalid", twins: "upper half of the group order" };

/** Microseconds for one recovery, ours and noble's, a round each: {ours, noble}. */
async function measureRecovery(parts, world, all, { rounds, seconds, say }) {
  const { port, pid } = await parts.add(startListening(all.recovery));
  const shop = await parts.add(startListening(all.farthing));
  const who = customer({ name: "farthing", port: shop.port, host: world.host });
  const forged = await who.forgeries(32);
  const headerOf = (payload) => Buffer.from(JSON.stringify(payload)).toString("base64");
  const bodies = {
    ours: { payments: forged.map(({ path, payment }) => ({ url: world.site + path, header: payment.value })) },
    twins: {
      payments: forged.map(({ path, payment: { payload, signature } }) =>
        ({ url: world.site + path, header: headerOf({ ...payload, payload: { ...payload.payload, signature: twin(signature) } }) })),
    },
    noble: { signatures: await Promise.all(forged.map(({ payment }) => recoverable(payment))) },
  };
  const run = async (name, times) => {
    const body = JSON.stringify({ ...bodies[name], times });
    const before = cpu(pid);
    const answer = await once(port, requestText({ path: `/${name}`, host: "recovery", method: "POST", body }));
    if (answer.status !== 200) throw new Error(`recovery, ${name}: ${answer.body.toString()}`);
    if (REFUSED[name] && !answer.body.toString().includes(REFUSED[name])) throw new Error(`recovery, ${name}: ${answer.body.toString().slice(0, 500)}`);
    return (cpu(pid) - before) / times;
  };
  const found = { ours: [], noble: [] };
  // about what one takes; a tenth of that where nothing is recovered
  const times = { ours: Math.ceil(seconds * 4000), twins: Math.ceil(seconds * 10_000), noble: Math.ceil(seconds * 1500) };
  for (const name of Object.keys(times)) await run(name, Math.ceil(times[name] / 3));
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}: recovery`);
    const us = {};
    for (const name of Object.keys(times)) us[name] = await run(name, times[name]);
    found.ours.push(us.ours - us.twins);
    found.noble.push(us.noble);
  }
  return found;
}

async function recoverable({ payload, authorization, signature }) {
  const { network, asset, extra } = payload.accepted;
  const domain = { name: extra.name, version: extra.version, chainId: Number(network.split(":")[1]), verifyingContract: asset };
  const message = Object.fromEntries(TRANSFER_TYPES.TransferWithAuthorization.map(({ name, type }) => [
    name, type === "uint256" ? BigInt(authorization[name]) : authorization[name],
  ]));
  const hash = hashTypedData({ domain, types: TRANSFER_TYPES, primaryType: "TransferWithAuthorization", message });
  return { hash, signature, address: await recoverAddress({ hash, signature }) };
}

const FIRST = {
  hello: "/", "pass-through": "/about/page-0", "by hand": "/articles/story-0", "@x402/hono": "/articles/story-0", farthing: "/articles/story-0",
};

/** Milliseconds of CPU from the start of a process until its first answer, which is a 402 where there is a gate: {worker: [a start each]}. */
async function measureStarts(world, all, { starts, say }) {
  const found = Object.fromEntries(Object.keys(FIRST).map((name) => [name, []]));
  for (let at = 0; at < starts; at++) {
    say(`start ${at + 1} of ${starts}`);
    for (const [name, path] of Object.entries(FIRST)) {
      const running = await startListening(all[name]);
      try {
        const answer = await once(running.port, requestText({ path, host: world.host, headers: { Accept: "*/*" } }));
        found[name].push(cpu(running.pid) / 1000);
        if (answer.status !== (path.startsWith("/articles/") ? 402 : 200)) throw new Error(`${name} answered ${answer.status} at its start`);
      } finally {
        await running.stop();
      }
    }
  }
  return found;
}

function sizesOf(all) {
  const names = Object.keys(FIRST);
  const gzip = ({ modules }) => Object.entries(modules).reduce((sum, [, content]) => sum + weigh(Buffer.from(content)).gzip, 0);
  return Object.fromEntries(names.map((name) => [name, gzip(all[name])]));
}

/**
 * @param {object} options
 * `rounds`; `seconds` of a Worker and a case in a round; `warm`: requests that go ahead of the first; `payments` of a Worker in a round; `starts` of each Worker; `parts`: what is
 * started is added there, to be stopped with it; `say(text)` is told how far it is.
 */
export async function bench({ rounds, seconds, payments, starts, warm = WARM, parts, say }) {
  const begin = { date: new Date().toISOString(), load: loadavg()[0] };
  const world = await parts.add(startWorld());
  await Promise.all(world.processes.map(listening));
  const all = await variants(world);
  const requests = await measureRequests(parts, world, all, { rounds, seconds, payments, warm, say });
  const recovery = await measureRecovery(parts, world, all, { rounds, seconds, say });
  const started = await measureStarts(world, all, { starts, say });
  return {
    ...begin, loadAfter: loadavg()[0], workerd: workerdVersion, node: process.version,
    machine: machine(),
    rounds, seconds, payments, starts, requests, recovery, started, gzip: sizesOf(all),
  };
}
