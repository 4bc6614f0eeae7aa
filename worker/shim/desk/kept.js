// What the ledgers and the backstop keep, for the desk to look at: a few rows of an object, read and never changed.

const MOST = 20;

function read(storage, sql, ...values) {
  try {
    return storage.sql.exec(sql, ...values).toArray();
  } catch {
    // it has no such table: nothing was ever paid, or nothing is left of it
    return [];
  }
}

/** In the object: `/cron` says when the backstop ran and how far it read, `/open` how payments stand, by their keys. */
export async function kept(request, storage) {
  if (request.url.endsWith("/cron")) {
    const places = read(storage, "SELECT name, value FROM note WHERE name LIKE 'at %'").map(({ name, value }) => [name.slice("at ".length), Number.parseInt(value, 10)]);
    return Response.json({ at: await storage.get("scanned"), places });
  }
  const keys = await request.json();
  return Response.json(keys.slice(0, MOST).flatMap((key) => read(storage, "SELECT key, alarm, body FROM payment WHERE key = ?1", key)).map(({ key, alarm, body }) => {
    const { intent, phase } = JSON.parse(body);
    const [[state, { attempts = 0, checks = 0 }]] = typeof phase === "string" ? [[phase, {}]] : Object.entries(phase);
    return { key, alarm, validBefore: intent.validBefore, state, attempts, checks };
  }));
}

async function asked(env, name, path, seconds, body) {
  const stub = env.LEDGER.get(env.LEDGER.idFromName(name));
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the object did not answer in time")), seconds * 1000);
  });
  try {
    return await Promise.race([stub.fetch(`https://desk/${path}`, { method: "POST", body }).then((response) => response.json()), late]);
  } finally {
    clearTimeout(timer);
  }
}

export const cronOf = (env, seconds) => asked(env, "cron", "cron", seconds);

/** How payments stand with their ledgers, by key; nothing of those whose ledger does not answer. */
export async function standing(env, site, rows, seconds) {
  const byPayer = Map.groupBy(rows, ({ payer }) => payer.toLowerCase());
  const found = await Promise.all([...byPayer].map(([payer, own]) =>
    asked(env, `${site}|${payer.replace(/^0x/, "")}`, "open", seconds, JSON.stringify(own.map(({ key }) => key))).catch(() => [])));
  return new Map(found.flat().map((row) => [row.key, row]));
}
