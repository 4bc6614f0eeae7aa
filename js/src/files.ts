// Files beside this one: scripts that are fetched when they are wanted, and words.

/** Written by the build: whether this is a part of the Worker's own page, which has its files at one place. */
declare const INLINE: boolean;

const beside = (name: string) => new URL(name, INLINE ? `${location.origin}/.farthing/` : import.meta.url);

const files = new Map<string, Promise<Record<string, string>>>();

/** A file of words; none where it does not come, for English is there. */
export const wordsIn = (name: string): Promise<Record<string, string>> => {
  let file = files.get(name);
  if (!file) {
    file = fetch(beside(`${name}.json`)).then((response) => response.json()).catch(() => {
      files.delete(name);
      return {};
    });
    files.set(name, file);
  }
  return file;
};

const scripts = new Map<string, Promise<unknown>>();

/** A script of ours, checked against its hash before it runs (threat F8). */
export const script = <File>(name: string, integrity: string): Promise<File> => {
  const { href } = beside(name);
  let file = scripts.get(name);
  if (!file) {
    file = new Promise((resolve, reject) => {
      const link = Object.assign(document.createElement("link"), { rel: "modulepreload", href, integrity, crossOrigin: "anonymous" });
      link.onload = resolve;
      link.onerror = reject;
      document.head.append(link);
    }).then(() => import(href));
    scripts.set(name, file);
    file.catch(() => scripts.delete(name));
  }
  return file as Promise<File>;
};
