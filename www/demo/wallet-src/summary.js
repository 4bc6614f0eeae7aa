// Says in plain words what a piece of typed data would do, for the confirm dialog.

/** USDC on Base Sepolia (6 decimals): the local chain carries its stand-in at the same address. */
export const USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";

/** Base units of USDC as dollars, exact: 50000 is "$0.05", 2000 is "$0.002". */
export function dollars(units) {
  const digits = BigInt(units).toString().padStart(7, "0");
  const cents = digits.slice(-6).replace(/0{1,4}$/, "");
  return `$${digits.slice(0, -6)}.${cents}`;
}

/** Title, lead and rows of label and text. */
export function describe({ domain, primaryType, message }, account) {
  if (primaryType === "TransferWithAuthorization") return payment(domain, message, account);
  return {
    title: "Sign typed data",
    lead: `The site asks for a signature of the type ${primaryType}.`,
    rows: [["Site", location.host], ["Content", JSON.stringify(message, undefined, 2)], ["With account", account]],
  };
}

function payment(domain, message, account) {
  const known = String(domain.verifyingContract).toLowerCase() === USDC.toLowerCase();
  const amount = known ? dollars(message.value) : `${message.value} units of ${domain.verifyingContract}`;
  const until = new Date(Number(message.validBefore) * 1000);
  return {
    title: `Pay ${amount}?`,
    lead: "This is play money: it exists only on the practice chain of this demonstration.",
    rows: [
      ["You sign", `one transfer of ${amount}${known ? ` (${domain.name ?? "USDC"})` : ""}, to be used once`],
      ["To", message.to],
      ["From", account],
      ["Asked by", location.host],
      ["Good until", Number.isNaN(until.getTime()) ? "no date given" : until.toLocaleTimeString()],
    ],
  };
}
