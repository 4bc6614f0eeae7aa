// In memory: for programs that need no memory of what they spent.

import type { Store } from "../types.js";

/** Forgets everything when the program ends. */
export function memoryStore(): Store {
  const texts = new Map<string, string>();
  return {
    get: async (name) => texts.get(name),
    async update(name, change) {
      const { text, result } = change(texts.get(name));
      if (text === undefined) texts.delete(name);
      else texts.set(name, text);
      return result;
    },
    names: async (prefix) => [...texts.keys()].filter((name) => name.startsWith(prefix)).sort(),
  };
}
