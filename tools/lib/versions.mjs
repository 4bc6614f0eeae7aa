// The one version of the crate, the Worker and the npm package: every place that says it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Plain } from "./run.mjs";

/** By file, patterns around each place; the middle group is the version. */
const PLACES = {
  "Cargo.toml": [/(\[workspace\.package\]\nversion = ")([^"]+)(")/],
  "Cargo.lock": ["farthing", "farthing-bridge", "farthing-worker"].map((name) => new RegExp(`(name = "${name}"\\nversion = ")([^"]+)(")`)),
  "fuzz/Cargo.lock": [/(name = "farthing"\nversion = ")([^"]+)(")/],
  "js/package.json": [/(\n {2}"version": ")([^"]+)(")/],
  "package-lock.json": [/(\n {4}"js": \{\n {6}"name": "farthing",\n {6}"version": ")([^"]+)(")/],
  "examples/deploy/package.json": [/(\n {4}"farthing": "\^)([^"]+)(")/],
  "www/docs/start.md": [/(npm install \/path\/to\/farthing-)([^ ]+)(\.tgz)/],
};
const CHANGELOG = "CHANGELOG.md";
const UNRELEASED = "## Unreleased";
/** Semantic versions: https://semver.org. */
const FORM = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;

const each = (root, use) => Object.entries(PLACES).forEach(([file, patterns]) => {
  const path = join(root, file);
  let text = readFileSync(path, "utf8");
  for (const pattern of patterns) {
    if (!pattern.test(text)) throw new Plain(`${file}: no version where one was expected (${pattern.source})`);
    text = use(file, text, pattern) ?? text;
  }
  if (text !== readFileSync(path, "utf8")) writeFileSync(path, text);
});

/** The version, as every place says it; throws with a line for each that says another. */
export function theVersion(root) {
  const found = [];
  each(root, (file, text, pattern) => void found.push([file, pattern.exec(text)[2]]));
  const [[first, version]] = found;
  const others = found.filter(([, other]) => other !== version);
  if (others.length > 0) throw new Plain([`${first} says ${version}, and`, ...others.map(([file, other]) => `  ${file} says ${other}`), `node tools/version.mjs ${version} writes it everywhere`].join("\n"));
  if (!FORM.test(version)) throw new Plain(`${version} is no version: https://semver.org`);
  return version;
}

/** Writes a version everywhere; in the changelog, what is unreleased becomes this version's, of this day (2026-01-31). */
export function setVersion(root, version, day) {
  if (!FORM.test(version)) throw new Plain(`${version} is no version: write one like 0.2.0`);
  const path = join(root, CHANGELOG);
  const text = readFileSync(path, "utf8");
  if (sectionOf(text, version) !== undefined) throw new Plain(`${CHANGELOG} has ${version} already`);
  if (!sectionOf(text)) throw new Plain(`${CHANGELOG}: nothing is under "${UNRELEASED}"`);
  each(root, (file, old, pattern) => old.replace(pattern, (_, before, was, after) => `${before}${version}${after}`));
  writeFileSync(path, text.replace(UNRELEASED, `${UNRELEASED}\n\n## ${version} - ${day}`));
}

function sectionOf(changelog, version) {
  const heads = [...changelog.matchAll(/^## (.*)$/gm)];
  const at = heads.findIndex(([, head]) => (version === undefined ? head === "Unreleased" : head.split(" ")[0] === version));
  if (at < 0) return undefined;
  return changelog.slice(heads[at].index + heads[at][0].length, heads[at + 1]?.index).trim();
}

/** What the changelog says of a version: {text, released}; of one without a heading of its own, what is unreleased. */
export function notes(changelog, version) {
  const own = sectionOf(changelog, version);
  const text = own ?? sectionOf(changelog);
  if (!text) throw new Plain(`${CHANGELOG} has nothing under "## ${version}"${own === undefined ? `, nor under "${UNRELEASED}"` : ""}`);
  return { text: `${text}\n`, released: own !== undefined };
}
