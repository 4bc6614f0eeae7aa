// Wallet errors are plain objects, as browser wallets throw them: test the code, never the class.

/** An EIP-1193 error. */
export function failure(code, message, data) {
  return data === undefined ? { code, message } : { code, message, data };
}
