// What an account has done at a site: one signature, for one deed, once. `export` and `erase` do this.
import { Mistake } from "../mistake.mjs";
import { openTools } from "./tools.mjs";

const PATIENCE = 60_000;

async function asked(url, method, headers) {
  try {
    const response = await fetch(url, { method, headers: { accept: "application/json", ...headers }, redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    const text = await response.text();
    return { status: response.status, text, answer: JSON.parse(text) };
  } catch (error) {
    if (error instanceof SyntaxError) throw new Mistake(`${url} does not answer as a Worker of this package does: is this the site's address?`);
    throw new Mistake(`${url} did not answer: ${error.cause?.message ?? error.message}.`);
  }
}

/**
 * Does `deed` at `site` by `method`, signed with `key`; `query` says where it goes on. `confirm(statement, account)` sees what is signed
 * before anything is sent. The site's answer.
 */
export async function asAccount({ site, deed, method, key, tools, query = "", confirm = () => {} }) {
  const url = `${site}/.farthing/${deed}`;
  const first = await asked(url + query, method);
  const challenge = first.answer?.extensions?.["sign-in-with-x"];
  if (first.status !== 401 || !challenge) {
    if (first.status === 404) throw new Mistake(`${site} knows no ${deed}: is this the site's address, and does it run this version?`);
    throw new Mistake(`${site} answers ${first.status}${first.answer?.title ? `: ${first.answer.title}. ${first.answer.detail ?? ""}` : ""}`.trim());
  }
  const [account, text, proof] = openTools(tools)("prove", key, JSON.stringify(challenge), url).split("\n");
  confirm(Buffer.from(text.slice(2), "hex").toString("utf8").split("\n")[3], account);
  const { status, answer } = await asked(url + query, method, { "sign-in-with-x": proof });
  if (status === 200 && answer?.account === account) return answer;
  if (answer?.title && answer.detail) throw new Mistake(`${site} says: ${answer.title}. ${answer.detail}`);
  throw new Mistake(`${site} answered ${status}, and not as a Worker of this package does.`);
}
