// Hosts in a policy: a name, with its port where it has one, or `*.` and a name for all below it.

export const allowed = (list: string[], host: string): boolean =>
  list.some((entry) => {
    const name = entry.toLowerCase();
    const bare = host.replace(/:\d+$/, "");
    if (name.startsWith("*.")) return bare.endsWith(name.slice(1));
    return name === host || name === bare;
  });
