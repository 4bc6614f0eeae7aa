// What each route of a config asks for, from the answers of the core itself.
import { decimal, entryOf, networkName } from "./entries.mjs";

const DURATION = { s: "second", m: "minute", h: "hour", d: "day" };

/** "30d" as people say it. */
function lasting(access = "30d") {
  const [, number, unit] = /^(\d+)([smhd])$/.exec(access) ?? [];
  return number ? `owned for ${Number(number)} ${DURATION[unit]}${Number(number) === 1 ? "" : "s"}` : "paid for each time";
}

const plain = ({ extra: { quote, ...extra }, ...offer }) => JSON.stringify({ ...offer, extra });

/** Who pays something else there: [[agent, price]], a route's own before the site's. */
const agentsOf = (config, route) =>
  Object.entries({ ...config.crawlers, ...route.crawlers }).map(([name, price]) => [name, price.atomic ? `${price.atomic} atomic units` : price]);

/** What the origin may say instead. */
const saidOf = ({ ask: { price, payTo, freeFrom } = {} }) => [
  ...(price ? [`a price from ${price.min} to ${price.max}`] : []), ...(payTo ? [`who is paid (${Object.keys(payTo).join(", ")})`] : []),
  ...(freeFrom ? ["from when on it is free"] : []),
];

/**
 * [{match, sample, access, offers, crawlers, said, findings}]; `sample` is the page that was asked for. Each route is asked alone, so that none
 * hides another; then all together, which shows whether one does.
 */
export function listRoutes(gate, config, entries) {
  const site = config.site.replace(/\/$/, "");
  const samples = config.routes.map(({ match }) => `${site}${match.replaceAll("*", "x")}`);
  const alone = config.routes.map((route, index) => {
    gate.configure(JSON.stringify({ ...config, routes: [route] }));
    return gate.offers(samples[index]);
  });
  gate.configure(JSON.stringify(config));
  return config.routes.map((route, index) => {
    const offers = alone[index];
    const together = gate.offers(samples[index]);
    const at = `routes[${index}]`;
    const findings = [];
    if (/\/:[A-Za-z]/.test(route.match)) {
      findings.push({ level: "error", at: `${at}.match`, text: `":" is no placeholder here, so other pages are free: write ${route.match.replace(/:[A-Za-z]\w*/g, "*")}` });
    }
    for (const { network, asset, payTo } of offers ?? []) {
      if (entries.some((entry) => entry.network === network && entry.asset.toLowerCase() === payTo.toLowerCase())) {
        findings.push({ level: "error", at, text: `payTo is the contract of a token (${payTo}): money sent there is lost` });
        break;
      }
    }
    if (offers && JSON.stringify(together?.map(plain)) !== JSON.stringify(offers.map(plain))) {
      findings.push({ level: "note", at, text: `a rule before it decides for pages like ${samples[index]}` });
    }
    return {
      at, match: route.match, sample: samples[index], free: offers?.length === 0,
      crawlers: offers?.length ? agentsOf(config, route) : [],
      said: offers?.length ? saidOf(route) : [],
      access: offers?.length ? lasting(route.scheme === "upto" ? "once" : route.access) : undefined,
      offers: (offers ?? []).map(({ scheme, network, amount, asset, payTo, extra }) => {
        const entry = entryOf(entries, { network, asset });
        return {
          scheme, network, networkName: networkName(network), asset, symbol: entry.symbol, amount, price: decimal(amount, entry.decimals), payTo,
          transfer: extra.assetTransferMethod ?? "eip3009", upfront: extra.paymentFlow === "upfront", facilitator: extra.facilitatorAddress,
        };
      }),
      findings,
    };
  });
}
