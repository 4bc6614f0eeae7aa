// What is kept on this device, and one payment at a time in all tabs.

// Storage may be forbidden; then nothing is kept, and the server still charges once.
const storage = <T>(use: (store: Storage) => T): T | undefined => {
  try {
    return use(localStorage);
  } catch {
    return undefined;
  }
};

const key = (name: string) => `farthing:${name}`;

export const recall = (name: string) => storage((store) => store.getItem(key(name))) ?? "";

export const keep = (name: string, text: string) => storage((store) => store.setItem(key(name), text));

/** Only if it is still this text: another tab may have gone on. */
export const forget = (name: string, text: string) => {
  if (recall(name) === text) storage((store) => store.removeItem(key(name)));
};

/** The only tab that pays for this (threat F5): resolves to the way to let go, or to nothing if another tab does. */
export const lock = (name: string) =>
  new Promise<(() => void) | undefined>((resolve) => {
    if (!navigator.locks) return resolve(() => {});
    navigator.locks
      .request(key(name), { ifAvailable: true }, (held) => new Promise<void>((release) => {
        resolve(held ? release : undefined);
        if (!held) release();
      }))
      .catch(() => resolve(() => {}));
  });

/** When the other tab is done. */
export const unlocked = (name: string) => navigator.locks.request(key(name), () => {});
