// Every way into the ledger's WebAssembly. The build puts this around the exports of each instance.
//
// Whatever is thrown there leaves the instance in an unknown state, and the Rust future it happened in is gone without an answer: a
// panic or no memory (both traps), the end of the stack, an exception of JavaScript that passed through Rust. Errors that Rust
// returns are thrown outside of it and do not come by here.

let lost;

// `callback` is called with what was thrown.
export function onLoss(callback) {
  lost = callback;
}

export function guarded(exports) {
  let dead = false;
  const enter = (way) => (...values) => {
    if (dead) throw new Error("the ledger restarts");
    try {
      return way(...values);
    } catch (error) {
      dead = true;
      lost(error);
      throw error;
    }
  };
  const ways = Object.entries(exports).map(([name, value]) => [name, typeof value === "function" ? enter(value) : value]);
  return Object.fromEntries(ways);
}
