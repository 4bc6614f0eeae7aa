// The secrets that the config names: whether they can be what they should, and the headers that are made of them. They are
// read here, when they are needed, and handed to nobody else.

import { token } from "./coinbase.js";

const FORMS = {
  header: /^[!-~](?:[ -~]*[!-~])?$/,
  coinbase: /^[^:\s]+:\s*[^:\s]/,
  key: /^0x(?!0{64})[0-9a-fA-F]{64}$/,
  shared: /^[^]{32,}$/,
  // base64 that can be read: four letters, and what may be left of them
  webhook: /^whsec_(?=[^=]{32,86}=*$)(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/,
};

// "missing", "form", or nothing.
export function faultOf(form, value) {
  if (typeof value !== "string" || value === "") return "missing";
  return FORMS[form].test(value) ? undefined : "form";
}

// Headers by name, each with the name of the secret that is its value, and commas between.
export const valuesOf = (list, env) => list.split(",").filter(Boolean).map((line) => {
  const [name, secret] = line.split(" ");
  return [name, env[secret] ?? ""];
});

// `auth`, with commas between: a header's name and the name of the secret that is its value, or "*" and that of Coinbase's key.
export async function headersFor(auth, method, url, env) {
  const headers = {};
  for (const line of auth.split(",").filter(Boolean)) {
    const [name, secret] = line.split(" ");
    if (name === "*") headers.authorization = `Bearer ${await token(env[secret], method, url)}`;
    else headers[name] = env[secret];
  }
  return headers;
}
