// What a reader keeps: the pass of an article and the handle that mints it again; and what a site does without its keys or config.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { rawRequest } from "../support/http.mjs";
import { startNaive } from "../support/naive.mjs";
import { randomKeys, startNewspaper } from "../support/newspaper.mjs";
import { DATA, DOOR, DOT, FREE, LOG, PAWN, assertArticle, naiveRoutes, newReader, problemOf } from "./reader.mjs";

const OLD = randomKeys("old");
const NEW = randomKeys("new");

let paper;
let naive;
before(async () => {
  paper = await startNewspaper({ keys: OLD });
  naive = await startNaive({ origin: paper.origin.url, facilitator: paper.facilitator.url, routes: naiveRoutes });
});
after(async () => {
  await naive?.stop();
  await paper?.stop();
});

/** A reader who has paid for `path`: with the raw Set-Cookie lines, and the cookies by name. */
async function subscriber(path, { site } = {}) {
  const reader = await newReader(paper, site ? { site } : {});
  const payment = await reader.sign(path);
  const { status, headers } = await rawRequest({ url: site ?? paper.site, target: path, headers: Object.entries(payment.headers) });
  assert.equal(status, 200);
  const lines = headers.filter(([name]) => /^set-cookie$/i.test(name)).map(([, value]) => value);
  const values = Object.fromEntries(lines.map((line) => line.split(";")[0].split(/=(.*)/s).slice(0, 2)));
  return { reader, lines, pass: `__Secure-farthing=${values["__Secure-farthing"]}`, handle: `__Host-farthing=${values["__Host-farthing"]}`, values };
}
const refused = async (reader, path, cookie) => {
  const response = await reader.ask(path, { cookie });
  assert.equal(response.status, 402, `${path} ${cookie.slice(0, 60)}`);
  assert.deepEqual(response.headers.getSetCookie(), []);
};

test("E7 E8 a cookie is for one article: scope and attributes", async (t) => {
  await t.test("the usual paywall opens the dear article with the cookie of the cheap one, and lets scripts read it", async () => {
    const { reader, lines } = await subscriber(PAWN, { site: naive.site });
    assert.equal((await reader.ask(LOG, { cookie: lines[0].split(";")[0] })).status, 200);
    assert.doesNotMatch(lines[0], /HttpOnly|Secure/);
  });
  await t.test("ours names its path, is out of reach for scripts and other sites, and has an end", async () => {
    const { lines } = await subscriber(PAWN);
    assert.equal(lines.length, 2);
    const parts = Object.fromEntries(lines.map((line) => [line.split("=")[0], line.split("; ").slice(1).sort()]));
    assert.deepEqual(parts["__Secure-farthing"], ["HttpOnly", `Max-Age=${30 * 86_400}`, `Path=${PAWN}`, "SameSite=Lax", "Secure"]);
    assert.deepEqual(parts["__Host-farthing"], ["HttpOnly", `Max-Age=${90 * 86_400}`, "Path=/", "SameSite=Lax", "Secure"]);
    for (const line of lines) assert.match(line, /^[\w-]+=v1\.old\.[\w-]+\.[\w-]+;/, "no algorithm to choose");
  });
  await t.test("ours opens its own article, with every method that reads", async () => {
    const { reader, pass } = await subscriber(PAWN);
    await assertArticle(await reader.ask(PAWN, { cookie: pass }), PAWN);
    await assertArticle(await reader.ask(`${PAWN}?utm_source=x`, { cookie: `a=1; ${pass}; b=2` }), PAWN);
    assert.equal((await reader.ask(PAWN, { cookie: pass }, { method: "HEAD" })).status, 200);
  });
  await t.test("and nothing else", async () => {
    const { reader, pass } = await subscriber(PAWN);
    for (const path of [LOG, DOOR, DATA]) await refused(reader, path, pass);
    assert.equal((await reader.transfers()).length, 1);
  });
});

test("E6 a pass that was changed anywhere opens nothing", async () => {
  const { reader, values } = await subscriber(PAWN);
  const token = values["__Secure-farthing"];
  const parts = token.split(".");
  const other = (letter) => (letter === "A" ? "B" : "A");
  const changed = [...token].map((letter, index) => token.slice(0, index) + other(letter) + token.slice(index + 1));
  const forged = [
    ...changed.filter((_, index) => index % 3 === 0),
    ...[1, 5, 20, token.length - 1].map((length) => token.slice(0, length)), `${token}A`, `${token}.`, `${token}=`, ` ${token}x`, token.toUpperCase(),
    ...[
      ["v0", ...parts.slice(1)], ["none", ...parts.slice(1)], [parts[0], "new", ...parts.slice(2)], [...parts.slice(0, 3), ""], parts.slice(0, 3),
    ].map((list) => list.join(".")),
    [...parts.slice(0, 2), Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url"), ""].join("."), values["__Host-farthing"], "v1", "....", "",
  ];
  for (const value of forged) await refused(reader, PAWN, `__Secure-farthing=${value}`);
  // the real one is found among false ones of the same name
  await assertArticle(await reader.ask(PAWN, { cookie: `__Secure-farthing=x; __Secure-farthing=${token}` }), PAWN);
  await refused(reader, PAWN, `__Secure-Farthing=${token}`);
});

test("E6 a quote, an offer's own token, is no pass and no handle", async () => {
  const reader = await newReader(paper);
  const { quote } = (await reader.offer(PAWN)).accepts[0].extra;
  assert.match(quote, /^v1\.old\./);
  for (const name of ["__Secure-farthing", "__Host-farthing"]) await refused(reader, PAWN, `${name}=${quote}`);
});

test("E9 the handle alone opens what its reader owns, with a new pass, and nothing else", async () => {
  const { reader, pass, handle, values } = await subscriber(PAWN);
  const again = await reader.ask(PAWN, { cookie: handle });
  const cookies = again.headers.getSetCookie();
  await assertArticle(again, PAWN);
  const [minted] = cookies.filter((line) => line.startsWith("__Secure-farthing=")).map((line) => line.split(";")[0]);
  await assertArticle(await reader.ask(PAWN, { cookie: minted }), PAWN);
  for (const path of [LOG, DOOR, DATA]) await refused(reader, path, handle);
  for (const path of [LOG, DATA]) await refused(reader, path, `${handle}; ${pass}`);
  await refused(reader, PAWN, `__Host-farthing=${values["__Secure-farthing"]}`);
  await refused(reader, PAWN, `__Host-farthing=${values["__Host-farthing"].slice(0, -1)}`);
  assert.equal((await reader.transfers()).length, 1);
  const stranger = await subscriber(DOT);
  await refused(stranger.reader, PAWN, stranger.handle);
});

test("E6 G4 keys are rotated: old passes open while their key is kept, and not a day longer", async () => {
  const { reader, pass, handle } = await subscriber(PAWN);
  const offer = await reader.offer(DOOR);
  await paper.edge.restart({ keys: `${NEW},${OLD}` });
  await assertArticle(await reader.ask(PAWN, { cookie: pass }), PAWN);
  const minted = await reader.ask(PAWN, { cookie: handle });
  assert.ok(minted.headers.getSetCookie().every((line) => /=v1\.new\./.test(line)), "the first key signs");
  const fresh = minted.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  await assertArticle(await reader.send(DOOR, await reader.sign(DOOR, { offer })), DOOR);
  await paper.edge.restart({ keys: NEW });
  for (const cookie of [pass, handle]) await refused(reader, PAWN, cookie);
  await assertArticle(await reader.ask(PAWN, { cookie: fresh }), PAWN);
  // the same name over another key is another key
  await paper.edge.restart({ keys: randomKeys("old") });
  for (const cookie of [pass, handle, fresh]) await refused(reader, PAWN, cookie);
  // and the ledger still knows the owner
  await assertArticle(await reader.send(PAWN, await reader.sign(PAWN)), PAWN);
  assert.equal((await reader.transfers()).length, 2);
  await paper.edge.restart({ keys: OLD });
});

test("B10 S7 without usable keys priced pages answer 503 and free ones 200", async () => {
  const { reader, pass, handle } = await subscriber(PAWN);
  const payment = await reader.sign(DOOR);
  const short = `k:${randomBytes(31).toString("base64url")}`;
  for (const keys of ["", short, `${NEW},${short}`]) {
    await paper.edge.restart({ keys });
    for (const path of [PAWN, DOOR, DATA]) {
      for (const headers of [{}, { cookie: `${pass}; ${handle}` }, payment.headers]) {
        const response = await reader.ask(path, headers);
        assert.equal(response.status, 503, keys);
        assert.equal(await problemOf(response), "not-configured");
      }
    }
    for (const path of ["/", FREE]) assert.equal((await reader.ask(path)).status, 200);
    const { ok, warnings } = await paper.edge.health();
    assert.equal(ok, true);
    assert.match(warnings.join(), /FARTHING_KEYS/);
    const secrets = keys.split(",").map((entry) => entry.split(":")[1]).filter(Boolean);
    for (const secret of secrets) assert.ok(!warnings.join().includes(secret), "no key is printed");
  }
  assert.equal((await reader.transfers()).length, 1);
  await paper.edge.restart({ keys: OLD });
  await assertArticle(await reader.ask(PAWN, { cookie: pass }), PAWN);
});

test("B10 S7 with a broken config nothing is served, and health says what is wrong with it", async () => {
  const { reader, pass } = await subscriber(PAWN);
  const wrong = { payTo: { eip155: "0x12" }, networks: ["mainnet"], routes: [{ match: "articles", price: "five" }] };
  await paper.edge.restart({ config: { ...paper.config, ...wrong } });
  const asked = paper.origin.log.length;
  for (const headers of [{}, { cookie: pass }]) {
    for (const path of [PAWN, DOOR, FREE, "/"]) {
      const response = await reader.ask(path, headers);
      assert.equal(response.status, 503);
      assert.equal(await problemOf(response), "not-configured");
    }
  }
  assert.equal(paper.origin.log.length, asked, "without rules nothing is known to be free");
  const response = await reader.ask("/.farthing/health");
  assert.equal(response.status, 503);
  const { ok, errors } = await response.json();
  assert.equal(ok, false);
  for (const place of ["payTo.eip155", "networks[0]", "routes[0].match", "routes[0].price"]) {
    assert.ok(errors.some((error) => error.startsWith(place)), `${place} in ${errors}`);
  }
  await paper.edge.restart({ config: paper.config });
  await assertArticle(await reader.ask(PAWN, { cookie: pass }), PAWN);
});
