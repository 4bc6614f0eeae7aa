// In the browser's database: shared by all tabs and workers of an origin, and kept from one visit to the next.

import type { Store } from "../types.js";

const SHELF = "texts";

const asked = <T>(request: IDBRequest<T>) =>
  new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** A database of this name, `farthing-client` if none is given. */
export function indexedDbStore(name = "farthing-client"): Store {
  let opening: Promise<IDBDatabase> | undefined;
  const database = () => {
    opening ??= new Promise<IDBDatabase>((resolve, reject) => {
      const open = indexedDB.open(name, 1);
      open.onupgradeneeded = () => open.result.createObjectStore(SHELF);
      open.onsuccess = () => {
        const db = open.result;
        // another page may delete it or want a newer one, and the browser may close this one: it is opened anew for what comes next
        db.onversionchange = db.onclose = () => {
          opening = undefined;
          db.close();
        };
        resolve(db);
      };
      open.onerror = () => reject(open.error);
    });
    opening.catch(() => (opening = undefined));
    return opening;
  };
  const shelf = async (mode: IDBTransactionMode) => (await database()).transaction(SHELF, mode, { durability: "strict" });
  return {
    get: async (key) => asked((await shelf("readonly")).objectStore(SHELF).get(key) as IDBRequest<string | undefined>),
    async update<T>(key: string, change: (text: string | undefined) => { text: string | undefined; result: T }) {
      const transaction = await shelf("readwrite");
      const store = transaction.objectStore(SHELF);
      return new Promise<T>((resolve, reject) => {
        let changed: { text: string | undefined; result: T };
        let failed: unknown;
        const read = store.get(key) as IDBRequest<string | undefined>;
        read.onsuccess = () => {
          try {
            changed = change(read.result);
          } catch (error) {
            failed = error;
            return transaction.abort();
          }
          if (changed.text === undefined) store.delete(key);
          else store.put(changed.text, key);
        };
        transaction.oncomplete = () => resolve(changed.result);
        // after any error; only by then it says which
        transaction.onabort = () => reject(failed ?? transaction.error);
      });
    },
    async names(prefix) {
      // in their order, those that begin so come first
      const keys = await asked((await shelf("readonly")).objectStore(SHELF).getAllKeys(IDBKeyRange.lowerBound(prefix)));
      return keys.map(String).filter((key) => key.startsWith(prefix)).sort();
    },
  };
}
