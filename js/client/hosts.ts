// Hosts: of addresses, and in a policy. There they are a name for all its ports or with one, `*.` and a name for all below it, or `*`.

import { wrong } from "./checks.js";

/** A host in its one spelling: in lower case, by IDNA, without the root's point. Nothing where it cannot be one. */
const named = (text: string): string | undefined => {
  const url = `http://${text}`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.+$/, "") : undefined;
};

const PORTS: Record<string, string> = { "http:": "80", "https:": "443" };

/** As it is called in books and to people: with its port where that does not go without saying. */
export function hostOf(address: string): string {
  const { hostname, port } = new URL(address);
  const name = named(hostname) ?? hostname.toLowerCase();
  return port ? `${name}:${port}` : name;
}

/** Scheme and host: what one publisher speaks for. Other than `URL.origin` it knows every scheme. */
export const siteOf = (address: string): string => `${new URL(address).protocol}//${hostOf(address)}`;

/** A host that a policy names. */
export interface Rule {
  name: string;
  /** Any if absent. */
  port: string | undefined;
  /** What is below it, and not itself; of no name, everything. */
  below: boolean;
}

/** Reads what a policy says, or throws: a rule that can never match allows or forbids something else than its author thinks. */
export function ruleOf(text: unknown, where: string): Rule {
  if (text === "*") return { name: "", port: undefined, below: true };
  const [, wild, host, port] = (typeof text === "string" && /^(\*\.)?(\[[\da-f:.]+\]|[^\s/?#@:\\*]+)(?::(\d{1,5}))?$/i.exec(text)) || [];
  const name = host && named(host);
  if (!name) throw wrong(where, 'a host such as "news.example", "*.example" or "127.0.0.1:8402"', text);
  return { name, port, below: Boolean(wild) };
}

export function matches(rule: Rule, address: string): boolean {
  const { protocol, port } = new URL(address);
  const [name = ""] = hostOf(address).split(/:(?=\d+$)/);
  if (rule.port !== undefined && Number(rule.port) !== Number(port || PORTS[protocol])) return false;
  return rule.below ? name.endsWith(rule.name && `.${rule.name}`) : name === rule.name;
}
