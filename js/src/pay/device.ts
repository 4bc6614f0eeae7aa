// What is kept on this device, and one payment at a time in all tabs.

// Storage may be forbidden; then nothing is kept, and the server still charges once.
const storage = <T>(use: (store: Storage) => T): T | undefined => {
  try {
    return use(localStorage);
  } catch {
    return undefined;
  }
};

/** Whether anything is kept for this site; where its storage is forbidden, its cookies are too. */
export const remembers = () => !!storage((store) => store);

const key = (name: string) => `farthing:${name}`;

/** Small things that may be lost: the last wallet, the network that was paid on, what is open. */
export const recall = (name: string) => storage((store) => store.getItem(key(name))) ?? "";

export const keep = (name: string, text: string) => storage((store) => (text ? store.setItem(key(name), text) : store.removeItem(key(name))));

/** `payments` by address until they are resolved, `receipts` and `passes` by address. */
type Shelf = "payments" | "receipts" | "passes";

/** A disk that does not answer by then is not waited for; the copy is there. */
const DISK_MS = 2000;

let opening: Promise<IDBDatabase> | undefined;

const database = () => {
  opening ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open("farthing", 1);
    request.onupgradeneeded = () => {
      for (const shelf of ["payments", "receipts", "passes"]) request.result.createObjectStore(shelf);
    };
    request.onsuccess = () => {
      const { result } = request;
      // somebody deletes it, or the browser takes it away: the next use opens it anew
      result.onversionchange = result.onclose = () => {
        result.close();
        opening = undefined;
      };
      resolve(result);
    };
    request.onerror = request.onblocked = () => reject(request.error);
  }).catch((error) => {
    opening = undefined;
    throw error;
  });
  return opening;
};

/** Resolves when the disk has it, or to nothing where it cannot be had. */
const shelf = async <T>(name: Shelf, mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T> | void): Promise<T | undefined> => {
  try {
    return await Promise.race([used(name, mode, use), new Promise<undefined>((resolve) => setTimeout(resolve, DISK_MS))]);
  } catch {
    return undefined;
  }
};

const used = async <T>(name: Shelf, mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T> | void): Promise<T | undefined> => {
  const transaction = (await database()).transaction(name, mode, { durability: "strict" });
  return new Promise<T | undefined>((resolve, reject) => {
    const request = use(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request ? request.result : undefined);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
};

export const take = <T>(name: Shelf, url: string) => shelf<T>(name, "readonly", (store) => store.get(url) as IDBRequest<T>);

export const put = (name: Shelf, url: string, value: unknown) =>
  shelf(name, "readwrite", (store) => store.put(value, url) as IDBRequest<unknown>);

/** A payment that is not resolved: on the disk before it is sent, and a copy where the next page sees it at once. */
export const keepPayment = async (url: string, text: string) => {
  keep(url, text);
  await put("payments", url, text);
};

export const keptPayment = async (url: string) => (await take<string>("payments", url)) || recall(url);

/** Only if it is still this text: another tab may have gone on. */
export const forgetPayment = async (url: string, text: string) => {
  if (recall(url) === text) keep(url, "");
  await shelf("payments", "readwrite", (store) => {
    const request = store.get(url);
    request.onsuccess = () => request.result === text && store.delete(url);
  });
};

/** The only tab that pays for this (threat F5): resolves to the way to let go, or to nothing if another tab does. */
export const lock = (name: string) =>
  new Promise<(() => void) | undefined>((resolve, reject) => {
    navigator.locks
      .request(key(name), { ifAvailable: true }, (held) => held && new Promise<void>((release) => resolve(release)))
      .then(() => resolve(undefined), reject);
  // where there are no locks, or storage is forbidden
  }).catch(() => () => {});

/** When the other tab is done. */
export const unlocked = (name: string) => navigator.locks.request(key(name), () => {});
