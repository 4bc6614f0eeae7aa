// What is started together and stopped together.

/** `add(promise)` waits for a part that has `stop()`; `stop()` stops all of them, the last one first. */
export function startParts() {
  const parts = [];
  return {
    async add(promise) {
      const part = await promise;
      parts.push(part);
      return part;
    },
    async stop() {
      await Promise.allSettled(parts.splice(0).reverse().map((part) => part.stop()));
    },
  };
}
