// Where requests may go that somebody else words: never to this machine or its network, and with --host to no other host.
import dns from "node:dns";
import { BlockList, isIP } from "node:net";
import { matches, ruleOf } from "../../client/hosts.ts";
import { Mistake } from "../mistake.mjs";

/** What is not everybody's of IPv4: this network, private, shared, loopback, link-local (clouds tell their secrets there), and from 224 on. */
const OWN = [
  ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12],
  ["192.0.0.0", 24], ["192.168.0.0", 16], ["198.18.0.0", 15], ["224.0.0.0", 3],
];
const [shut, open] = [new BlockList(), new BlockList()];
open.addSubnet("2000::", 3, "ipv6");
// some networks name IPv4 so (NAT64): what is not asked there is not asked here
open.addSubnet("64:ff9b::", 96, "ipv6");
for (const [net, bits] of OWN) {
  shut.addSubnet(net, bits, "ipv4");
  shut.addSubnet(`64:ff9b::${net}`, 96 + bits, "ipv6");
}
// Teredo and 6to4 have an IPv4 address inside
shut.addSubnet("2001::", 32, "ipv6");
shut.addSubnet("2002::", 16, "ipv6");

/** Whether an IP address is of this machine or of a network of its own. Of IPv6 only what is for everybody is not. */
export function isPrivate(address) {
  const [bare] = address.split("%");
  return isIP(bare) === 4 ? shut.check(bare, "ipv4") : shut.check(bare, "ipv6") || !open.check(bare, "ipv6");
}

const refusal = "an address of this machine or of its own network, which is not asked; whoever started this server can allow it with --allow-private";

/** Has every connection of this program look where a name leads as it is made: the name may lead elsewhere than a moment before. */
function guardConnections() {
  const { lookup } = dns;
  // what `fetch` connects by looks names up here
  dns.lookup = (name, options, done) => lookup(name, options, (error, found, family) => {
    const addresses = error ? [] : [found].flat().map((one) => one.address ?? one);
    if (addresses.some(isPrivate)) done(new Mistake(`It leads to ${refusal}.`));
    else done(error, found, family);
  });
}

/** A redirect is followed as the platform does it, but asked for here first. */
function redirected({ method, headers, body, ...init }, status, crossed) {
  const next = new Headers(headers);
  if (crossed) for (const name of ["authorization", "cookie", "proxy-authorization"]) next.delete(name);
  const asGet = (status === 303 && method !== "GET" && method !== "HEAD") || ((status === 301 || status === 302) && method === "POST");
  if (!asGet) return { ...init, method, headers: next, ...(body === undefined ? {} : { body }) };
  for (const name of ["content-type", "content-encoding", "content-language", "content-location"]) next.delete(name);
  return { ...init, method: "GET", headers: next };
}

const MOST_REDIRECTS = 20;

/**
 * {permit, fetch}: `permit` throws a {@link Mistake} for an address that is not asked, and `fetch` is the platform's that asks no other, wherever
 * it is redirected to. For a program that does nothing else: without `allowPrivate` all its connections are looked at.
 */
export function openPlaces({ hosts, allowPrivate = false }) {
  if (!allowPrivate) guardConnections();
  let listed;
  try {
    listed = hosts?.map((host) => ruleOf(host, "--host"));
  } catch ({ message }) {
    throw new Mistake(message);
  }

  async function permit(url, by = "It is") {
    if (!/^https?:$/.test(url.protocol)) throw new Mistake(`${by} no address of the web.`);
    if (listed?.length && !listed.some((rule) => matches(rule, url.href))) throw new Mistake(`${by} a host that this server may not ask: --host names those that it may.`);
    if (allowPrivate) return;
    const name = url.hostname.replace(/^\[|\]$|\.$/g, "");
    const own = isIP(name) ? isPrivate(name) : !name.includes(".") || name.endsWith(".localhost");
    if (own) throw new Mistake(`${by} ${refusal}.`);
    // a name that leads nowhere is the request's own trouble
    if (!isIP(name)) await new Promise((resolve, reject) => { dns.lookup(name, { all: true }, (error) => (error instanceof Mistake ? reject(error) : resolve())); });
  }

  async function fetch(input, init = {}) {
    let url = new URL(input);
    await permit(url);
    if (init.redirect !== "follow") return globalThis.fetch(url, init);
    let request = { ...init, redirect: "manual" };
    for (let hops = 0; ; hops++) {
      const response = await globalThis.fetch(url, request);
      const to = [301, 302, 303, 307, 308].includes(response.status) ? response.headers.get("location") : null;
      if (to === null) return hops ? Object.defineProperty(response, "redirected", { value: true }) : response;
      await response.body?.cancel();
      if (hops === MOST_REDIRECTS || !URL.canParse(to, url)) throw new Mistake("The server redirects without end, or to no address.");
      const next = new URL(to, url);
      await permit(next, "The server redirects to");
      request = redirected(request, response.status, next.origin !== url.origin);
      url = next;
    }
  }

  return { permit, fetch };
}
