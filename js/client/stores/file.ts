// In a folder: one file for each text, and one lock for all, so that programs which share the folder never overspend together.
//
// The lock is a folder, `lock`, that holds one folder of its owner's, named as nobody else's is. An owner makes both beside it and renames the
// outer one: that succeeds where there is no lock, or an empty one. What it changes goes through its own folder: a new text is written there,
// flushed, and renamed to its place; an old one is renamed into it. Who takes a dead owner's lock away removes that folder by its name. So
// either the owner's change came first, and who follows reads it, or the owner has no folder to rename from or to, and changes nothing: at
// no moment is something looked at first and done afterwards. After a loss of power there is the old text or the new one.

import { createHash, randomUUID } from "node:crypto";
import { readlinkSync } from "node:fs";
import { mkdir, open, readFile, readdir, rename, rm, rmdir, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type { Store } from "../types.js";

/** A change takes milliseconds: a lock of this age has nobody behind it, or somebody who sleeps, or another with the dead one's number. */
const STALE_MS = { unknown: 10_000, alive: 30_000 };
/** The longest that is waited for a lock: others may write as well. */
const PATIENCE_MS = 60_000;
/** What this store calls its files; others are somebody else's. */
const OURS = /^[0-9a-f]{64}\.json$/;
/** So many files are read at once: a process may not hold any number of them open. */
const AT_ONCE = 64;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const is = (error: unknown, ...codes: string[]) => codes.includes((error as { code?: string }).code ?? "");
const isMissing = (error: unknown) => is(error, "ENOENT");
/** That a folder holds something; Windows says so of any folder that is in the way. */
const isFull = (error: unknown) => is(error, "EEXIST", "ENOTEMPTY", ...(process.platform === "win32" ? ["EPERM", "EACCES", "EBUSY"] : []));

/** Where a process can be told by its number: this machine, and within it this container. A thread that ends is not seen to. */
function placeOf(): string {
  let space = "";
  try {
    space = readlinkSync("/proc/self/ns/pid");
  } catch {
    // where there are containers and this one is not told, nobody is known but oneself
    if (process.platform === "linux") space = randomUUID();
  }
  return sha256(JSON.stringify([hostname(), space, threadId])).slice(0, 16);
}

/** The stores of this process, also those of a second copy of this module. Nothing is there before the first store. */
const stores = () => ((globalThis as { [key: symbol]: unknown })[Symbol.for("farthing file stores")] ??= new Set()) as Set<string>;

/** A folder, made if it is not there; only its owner can read it. On a disk of this machine, not on one that several machines share. */
export function fileStore(folder: string): Store {
  if (typeof folder !== "string" || folder === "") throw new TypeError('fileStore: a folder, such as "./payments"');
  const lock = join(folder, "lock");
  const here = placeOf();
  const id = randomUUID();
  const owner = `${here}.${process.pid}.${id}`;
  const own = stores().add(id);
  const place = (name: string) => join(folder, `${sha256(name)}.json`);
  let queue: Promise<unknown> = Promise.resolve();
  let made: Promise<unknown> | undefined;
  let safe = false;
  let locks = 0;

  /** Whether the process runs that an owner's name tells; nothing of one that cannot be seen from here. */
  const runs = (name: string): boolean | undefined => {
    const [there, pid, its] = name.split(".");
    if (its !== undefined && own.has(its)) return true;
    if (there !== here) return undefined;
    // another had this process's number before
    if (Number(pid) === process.pid) return false;
    try {
      return process.kill(Number(pid), 0);
    } catch (error) {
      // somebody else's
      return is(error, "EPERM");
    }
  };

  /** Where others can write, they could say that nothing is spent. Looked at once. False if there is no folder. */
  const check = async () => {
    if (safe) return true;
    const there = await stat(folder).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (!there) return false;
    // Windows has neither
    const me = process.geteuid?.();
    const advice = "or name a folder that is not there yet: it is made with the right ones.";
    if (me !== undefined && there.uid !== me) throw new Error(`${folder} belongs to the user ${there.uid}, and this program runs as ${me}: give it to that user (chown), ${advice}`);
    if (me !== undefined && there.mode & 0o022) throw new Error(`${folder} can be written by other users, who could change what was spent: take that right from them (chmod go-w), ${advice}`);
    return (safe = true);
  };

  const read = async (path: string) => {
    try {
      const file = JSON.parse(await readFile(path, "utf8")) as { name?: unknown; text?: unknown } | null;
      // never taken for nothing: that would be a budget of which nothing is spent
      if (typeof file?.name !== "string" || typeof file.text !== "string" || place(file.name) !== path) throw new Error("it was not written by this store");
      return { name: file.name, text: file.text };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  };

  /** Whether nobody is behind what has this owner's name; `times` as long is waited as for a lock. */
  const dead = async (path: string, name: string, times = 1) => {
    const running = runs(name);
    if (running === false) return true;
    const there = await stat(path).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    // a clock may have been set back
    return there !== undefined && Math.abs(Date.now() - there.mtimeMs) > STALE_MS[running ? "alive" : "unknown"] * times;
  };

  const remove = (path: string) => rm(path, { recursive: true, force: true });

  /** Waits for the lock. The folder in it through which everything is changed. */
  const take = async () => {
    const until = Date.now() + PATIENCE_MS;
    const make = async () => {
      const name = `${owner}.${++locks}`;
      await mkdir(`${lock}.${name}`, 0o700);
      await mkdir(join(`${lock}.${name}`, name), 0o700);
      return name;
    };
    let name = await make();
    try {
      for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
        try {
          // how long it is held counts from here
          await utimes(join(`${lock}.${name}`, name), new Date(), new Date());
          await rename(`${lock}.${name}`, lock);
          return join(lock, name);
        } catch (error) {
          // it slept, and was taken for a dead program's
          if (isMissing(error)) name = await make();
          else if (!isFull(error)) throw error;
        }
        await clear();
        if (Date.now() > until) throw new Error(`${lock} is held by another program`);
        await pause(wait * (0.5 + Math.random()));
      }
    } catch (error) {
      await remove(`${lock}.${name}`).catch(() => {});
      throw error;
    }
  };

  /** Takes a dead owner's lock away; never another's, for each has its own name. */
  const clear = async () => {
    try {
      for (const name of await readdir(lock)) {
        const path = join(lock, name);
        if (!(await dead(path, name))) return;
        await remove(path);
      }
      await rmdir(lock);
    } catch (error) {
      if (!isMissing(error) && !isFull(error)) throw error;
    }
  };

  /** False if the lock was taken away by then: nothing is changed. */
  const write = async (path: string, text: string | undefined, name: string, part: string) => {
    try {
      if (text === undefined) {
        await rename(path, join(part, "old"));
      } else {
        const fresh = join(part, "new");
        const file = await open(fresh, "wx", 0o600);
        try {
          await file.writeFile(JSON.stringify({ name, text }));
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(fresh, path);
      }
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    // the folder's own entry has to be on the disk as well; not every system can
    const entry = await open(folder, "r").catch(() => undefined);
    await entry?.sync().catch(() => {});
    await entry?.close();
    return true;
  };

  const prepare = async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await check();
    // of programs that were killed while they waited
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (path.startsWith(`${lock}.`) && (await dead(path, path.slice(lock.length + 1), 12))) await remove(path);
    }
  };

  /** One after the other in this process, and alone among all. */
  const alone = <T>(work: (part: string) => Promise<T>): Promise<T> => {
    const turn = queue.then(async () => {
      made ??= prepare();
      await made.catch((error: unknown) => {
        made = undefined;
        throw error;
      });
      const part = await take();
      try {
        return await work(part);
      } finally {
        // who took it away may be at it as well
        await remove(part).catch(() => {});
        await rmdir(lock).catch(() => {});
      }
    });
    queue = turn.catch(() => {});
    return turn;
  };

  return {
    owner,
    alive: runs,
    async get(name) {
      return (await check()) ? (await read(place(name)))?.text : undefined;
    },
    async update(name, change) {
      const path = place(name);
      for (const until = Date.now() + PATIENCE_MS; ; ) {
        const done = await alone(async (part) => {
          const before = (await read(path))?.text;
          const { text, result } = change(before);
          return (text === undefined && before === undefined) || (await write(path, text, name, part)) ? { result } : undefined;
        });
        if (done) return done.result;
        // whoever has written since, this is about what they wrote
        if (Date.now() > until) throw new Error(`${lock} is taken away from this program each time: its disk is too slow, or it sleeps; nothing was written`);
      }
    },
    async names(prefix) {
      const all = (await check()) ? (await readdir(folder)).filter((file) => OURS.test(file)) : [];
      const names: string[] = [];
      for (let at = 0; at < all.length; at += AT_ONCE) {
        const texts = await Promise.all(all.slice(at, at + AT_ONCE).map((file) => read(join(folder, file))));
        for (const one of texts) if (one?.name.startsWith(prefix)) names.push(one.name);
      }
      return names.sort();
    },
  };
}
