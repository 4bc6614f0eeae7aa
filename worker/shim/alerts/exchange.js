// One request of ours: a deadline over the whole exchange, no redirect, a bounded answer (threat D8).

/** `most`: bytes of the answer that are read; with 0 it is not. */
export async function exchange(url, init, seconds, most) {
  const response = await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(seconds * 1000) });
  const { status } = response;
  if (most === 0) {
    await response.body?.cancel();
    return { status, text: "" };
  }
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw new Error("the answer is too large");
    text += decoder.decode(chunk, { stream: true });
  }
  return { status, text: text + decoder.decode() };
}
