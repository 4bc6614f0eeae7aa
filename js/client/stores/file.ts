// In a folder: one file for each text, and one lock for all, so that programs which share the folder never overspend together.
//
// A file is written beside its place, flushed, and renamed: after a loss of power there is the old text or the new one. The lock is a file
// that only one process can create, by giving a file that is written another name; it holds the process's number and a word of its own, and who finds the number of a process that has
// ended takes it away. One that was taken from a process which only slept is missed by it before it writes.

import { createHash, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, readdir, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Store } from "../types.js";

/** A change takes milliseconds: a lock of this age has nobody behind it, or somebody who sleeps, or another with the dead one's number. */
const STALE_MS = { unknown: 10_000, alive: 30_000 };
/** The longest that is waited for a lock: others may write as well. */
const PATIENCE_MS = 60_000;
const SUFFIX = ".json";
/** So many files are read at once: a process may not hold any number of them open. */
const AT_ONCE = 64;

const isMissing = (error: unknown) => (error as { code?: string }).code === "ENOENT";
const exists = (error: unknown) => (error as { code?: string }).code === "EEXIST";
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The stores of this process. */
const own = new Set<string>();

/** Whether a process of this machine runs. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // somebody else's
    return (error as { code?: string }).code === "EPERM";
  }
}

/** A folder, made if it is not there; only its owner can read it. On a disk of this machine, not on one that several machines share. */
export function fileStore(folder: string): Store {
  const lock = join(folder, "lock");
  const here = hostname();
  const owner = `${here} ${process.pid} ${randomUUID()}`;
  own.add(owner);
  const place = (name: string) => join(folder, `${createHash("sha256").update(name).digest("hex")}${SUFFIX}`);
  let queue: Promise<unknown> = Promise.resolve();
  let made: Promise<unknown> | undefined;

  const besideOf = (word: string) => `${lock}.${word.split(" ")[1]}`;

  const read = async (path: string) => {
    try {
      const file = JSON.parse(await readFile(path, "utf8")) as { name?: unknown; text?: unknown } | null;
      // never taken for nothing: that would be a budget of which nothing is spent
      if (typeof file?.name !== "string" || typeof file.text !== "string") throw new Error("it was not written by this store");
      return { name: file.name, text: file.text };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  };

  const take = async () => {
    const until = Date.now() + PATIENCE_MS;
    const word = `${process.pid} ${randomUUID()}`;
    const beside = besideOf(word);
    await writeFile(beside, word, { flag: "wx", mode: 0o600 });
    try {
      for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
        // how long it is held counts from here
        await utimes(beside, new Date(), new Date());
        try {
          await link(beside, lock);
          return word;
        } catch (error) {
          if (!exists(error)) throw error;
        }
        await clear();
        if (Date.now() > until) throw new Error(`${lock} is held by another program`);
        await pause(wait * (0.5 + Math.random()));
      }
    } finally {
      await unlink(beside).catch(() => {});
    }
  };

  /** Takes a dead process's lock away. Who does that holds a second lock, so that nobody takes away a new one in its place. */
  const clear = async () => {
    if (!(await dead(lock))) return;
    const second = `${lock}.clear`;
    try {
      await (await open(second, "wx", 0o600)).close();
    } catch (error) {
      if (!exists(error)) throw error;
      const age = await ageOf(second);
      if (age !== undefined && age > STALE_MS.unknown) await unlink(second).catch(() => {});
      return;
    }
    try {
      if (await dead(lock)) {
        const word = await readFile(lock, "utf8");
        await unlink(lock);
        await unlink(besideOf(word)).catch(() => {});
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    } finally {
      await unlink(second).catch(() => {});
    }
  };

  const ageOf = async (path: string) => {
    try {
      return Date.now() - (await stat(path)).mtimeMs;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };

  const dead = async (path: string) => {
    const age = await ageOf(path);
    if (age === undefined) return false;
    const pid = Number.parseInt(await readFile(path, "utf8").catch(() => ""), 10);
    // without a number it is somebody else's, or of an older version
    return pid > 0 ? !runs(pid) || age > STALE_MS.alive : age > STALE_MS.unknown;
  };

  const holds = async (word: string) => (await readFile(lock, "utf8").catch(() => "")) === word;

  const write = async (path: string, text: string | undefined, name: string, word: string) => {
    if (text === undefined) return unlink(path).catch((error: unknown) => { if (!isMissing(error)) throw error; });
    const beside = `${path}.${process.pid}.new`;
    const file = await open(beside, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify({ name, text }));
      await file.sync();
    } finally {
      await file.close();
    }
    if (!(await holds(word))) throw new Error(`${lock} was taken away while this program slept; nothing was written`);
    await rename(beside, path);
    // the folder's own entry has to be on the disk as well; not every system can
    const entry = await open(folder, "r").catch(() => undefined);
    await entry?.sync().catch(() => {});
    await entry?.close();
  };

  /** One after the other in this process, and alone among all. */
  const alone = <T>(work: (word: string) => Promise<T>): Promise<T> => {
    const turn = queue.then(async () => {
      await (made ??= mkdir(folder, { recursive: true, mode: 0o700 }));
      const word = await take();
      try {
        return await work(word);
      } finally {
        if (await holds(word)) await unlink(lock).catch(() => {});
      }
    });
    queue = turn.catch(() => {});
    return turn;
  };

  return {
    owner,
    alive(other) {
      const [host, pid] = other.split(" ");
      if (host !== here) return undefined;
      return Number(pid) === process.pid ? own.has(other) : runs(Number(pid));
    },
    get: async (name) => (await read(place(name)))?.text,
    update: (name, change) =>
      alone(async (word) => {
        const path = place(name);
        const { text, result } = change((await read(path))?.text);
        await write(path, text, name, word);
        return result;
      }),
    async names(prefix) {
      const files = await readdir(folder).catch((error: unknown) => {
        if (isMissing(error)) return [];
        throw error;
      });
      const all = files.filter((file) => file.endsWith(SUFFIX));
      const names: string[] = [];
      for (let at = 0; at < all.length; at += AT_ONCE) {
        const texts = await Promise.all(all.slice(at, at + AT_ONCE).map((file) => read(join(folder, file))));
        for (const one of texts) if (one?.name.startsWith(prefix)) names.push(one.name);
      }
      return names.sort();
    },
  };
}
