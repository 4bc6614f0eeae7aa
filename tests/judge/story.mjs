// What happened to one payer, line by line, for whoever wants to know how a violation came about.

const short = (text) => `${String(text).slice(0, 10)}…`;

/** All that is known of one payer, in the order in which it happened. */
export function story({ requests, settles, chain, kills, rows }, payer) {
  const mine = (list, key) => list.filter((each) => each[key] === payer);
  const first = Math.min(...mine(requests, "payer").map(({ sent }) => sent));
  const lines = [
    ...mine(requests, "payer").map(({ n, path, sent, ended, payment, pass, status, problem, text, settlement, left, closing }) => [sent,
      `request ${n} for ${path}${payment ? ` with ${short(payment.nonce)}${payment.proof ? "" : " (no proof)"}` : ""}${pass === undefined ? "" : ` with the pass of ${pass}`}${closing ? " at the end" : ""}: `
      + `${left ? "left" : status ?? "no answer"} ${problem ?? ""} ${text} after ${ended - sent} ms ${settlement ? short(settlement.transaction) : ""}`]),
    ...mine(settles, "payer").map(({ nonce, at, ended, verdict }) => [at, `settle ${short(nonce)}: ${verdict}${ended === undefined ? ", no answer went out" : ` after ${ended - at} ms`}`]),
    ...mine(chain.transfers, "from").map(({ nonce, value, transaction, notBefore }) => [notBefore, `transfer ${short(transaction)} of ${value} by ${short(nonce)}`]),
    ...mine(rows ?? [], "payer").map(({ path, nonce, phase, transaction, alarm, answered, delivered, now }) => [now * 1000,
      `row ${short(nonce)} for ${path}: ${phase} ${transaction ? short(transaction) : ""}${answered ? `, answered at ${(answered * 1000 - first) / 1000}` : ""}`
      + `${delivered ? ", delivered" : ""}${alarm ? `, alarm at ${(alarm * 1000 - first) / 1000}` : ""}`]),
  ];
  const last = Math.max(...lines.map(([at]) => at));
  lines.push(...kills.filter((at) => at > first && at < last).map((at) => [at, "killed"]));
  return lines.sort(([a], [b]) => a - b).map(([at, text]) => `${((at - first) / 1000).toFixed(3)} ${text}`).join("\n");
}
