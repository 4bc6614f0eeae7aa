// Outbound JSON requests of the ledger: a deadline over the whole exchange, no redirect, a bounded answer (threat D8).

const headers = { "content-type": "application/json", accept: "application/json" };

export async function post(url, body, seconds, most) {
  const signal = AbortSignal.timeout(seconds * 1000);
  const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal });
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return `${response.status}\n${await new Blob(chunks).text()}`;
}
