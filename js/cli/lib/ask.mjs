// Asking a site, as somebody who has not paid: no redirect is followed, a deadline, a bounded answer.

const SECONDS = 20;
/** More of a page is not looked at. */
const MOST = 4 * 1024 * 1024;

/** Says why a request failed in a few words. */
function why(error) {
  if (error.name === "TimeoutError") return `did not answer within ${SECONDS} seconds`;
  return `cannot be reached (${error.cause?.code ?? error.cause?.message ?? error.message})`;
}

/** {status, headers, body, url, at} of an answer, `at` in milliseconds when it began; {trouble} in words where there is none. */
export async function ask(url, { method = "GET", headers = {}, body } = {}) {
  try {
    const response = await fetch(url, { method, headers, body, redirect: "manual", signal: AbortSignal.timeout(SECONDS * 1000) });
    const at = Date.now();
    const chunks = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      chunks.push(chunk);
      if (size > MOST) break;
    }
    return { status: response.status, headers: response.headers, body: Buffer.concat(chunks).toString("utf8"), url: String(url), at };
  } catch (error) {
    return { url: String(url), trouble: why(error) };
  }
}
