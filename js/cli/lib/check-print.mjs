// The report of `check` for people.

const MARKS = { ok: "  ok     ", note: "  note   ", error: "  WRONG  " };
const short = (address) => `${address.slice(0, 6)}…${address.slice(-4)}`;

/** Lines of equal columns. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `    ${row.map((cell, column) => cell.padEnd(widths[column])).join("  ")}`.trimEnd());
}

const finding = ({ level, at, text, put }) => [
  `${MARKS[level]}${at}: ${text}`,
  ...(put ? [`           put into ${at}: ${JSON.stringify(put)}`] : []),
];

function route({ match, free, access, offers, crawlers, said, findings }) {
  const head = free ? "free" : offers.length === 0 ? "is answered for no page that could be thought of" : access;
  const rows = offers.map((offer) => [
    `${offer.scheme === "upto" ? "up to " : ""}${offer.price} ${offer.symbol}`,
    `on ${offer.networkName}`,
    offer.transfer === "permit2" ? "by Permit2" : "by EIP-3009",
    `to ${short(offer.payTo)}`,
    [offer.upfront && "before the content is fetched", offer.offer && `for "${offer.offer}"`].filter(Boolean).join(", "),
  ]);
  const agents = crawlers.length > 0 ? [`    agents: ${crawlers.map(([name, price]) => `${name} ${price}`).join(", ")}`] : [];
  const origin = said.length > 0 ? [`    the origin may say: ${said.join(", ")}`] : [];
  return [`  ${match}: ${head}`, ...(rows.length > 0 ? table(rows) : []), ...agents, ...origin, ...findings.flatMap(finding)];
}

export function print({ ok, errors, warnings, routes, chains, facilitators, screening, secrets }, { file, asked }) {
  const lines = [`${file}: ${errors.length === 0 ? "no mistake in it" : errors.length === 1 ? "1 mistake" : `${errors.length} mistakes`}`];
  lines.push(...errors.map((error) => `${MARKS.error}${error}`), ...warnings.map((warning) => `${MARKS.note}${warning}`));
  if (routes.length > 0) lines.push("", "What it sells; the first rule that matches decides", ...routes.flatMap(route));
  if (secrets.length > 0) {
    lines.push("", "Secrets that the Worker needs (npx wrangler secret put NAME)", ...table(secrets.map(({ name, at, what }) => [name, `for ${at}`, what])));
  }
  for (const { network, name, url, findings } of chains) {
    lines.push("", [name, network && name !== network && `(${network})`, url && `by ${url}`].filter(Boolean).join(" "), ...findings.flatMap(finding));
  }
  for (const { url, findings } of facilitators) lines.push("", `Facilitator ${url}`, ...findings.flatMap(finding));
  for (const { url, findings } of screening) lines.push("", `Screening ${url}`, ...findings.flatMap(finding));
  if (!asked) lines.push("", "With --rpc the chains and facilitators are asked as well.");
  lines.push("", ok ? "Nothing is wrong." : "Something is wrong: see above.");
  return lines.join("\n");
}
