// The Worker's machine loses power at the worst moments: nothing is charged twice, and what was paid opens.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { slowAfterSettle } from "../support/hostile-facilitator.mjs";
import { startNaive } from "../support/naive.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { DOOR, DOT, LOG, PAWN, assertArticle, impatient, naiveRoutes, newReader, problemOf, resend, settlesOf, until } from "./reader.mjs";

let paper;
before(async () => { paper = await startNewspaper({ hostile: true, change: impatient() }); });
after(() => paper?.stop());
afterEach(() => {
  paper.badFacilitator.reset();
  paper.origin.reset();
});

/** A payment on its way, whose answer will never come. */
async function begin(path, { mode, origin, v1 = false, moment }) {
  const reader = await newReader(paper);
  const payment = await reader.sign(path, { v1 });
  if (mode) paper.badFacilitator.script("/settle", mode);
  if (origin) paper.origin.script(path, origin);
  const asked = paper.origin.requestsTo(path).length;
  const lost = reader.send(path, payment).then((response) => response.text()).catch(() => undefined);
  await until("the moment", () => moment({ reader, asked, path }));
  return { reader, payment, path, lost };
}
const originAsked = ({ asked, path }) => paper.origin.requestsTo(path).length > asked;
const settling = ({ reader }) => settlesOf(paper.badFacilitator, reader).length > 0;
const moved = async ({ reader }) => (await reader.transfers()).length > 0;

test("S6 B5 the usual paywall, killed while it settles, has forgotten the payment", async () => {
  const options = { origin: paper.origin.url, facilitator: paper.badFacilitator.url, routes: naiveRoutes };
  const naive = await startNaive(options);
  paper.badFacilitator.script("/settle", slowAfterSettle(1000));
  const reader = await newReader(paper, { site: naive.site });
  const payment = await reader.sign(DOOR);
  const lost = reader.send(DOOR, payment).catch(() => undefined);
  await until("the money moves", () => moved({ reader }));
  await naive.stop();
  await lost;
  const again = await startNaive(options);
  try {
    const response = await reader.as({ site: again.site }).send(DOOR, payment);
    assert.equal(response.status, 402);
  } finally {
    await again.stop();
  }
});

test("S6 B5 killed amid six payments: after the restart each opens its article and is charged once", { concurrency: true }, async (t) => {
  const owner = await newReader(paper);
  const paid = await owner.send(LOG, await owner.sign(LOG));
  const cookies = paid.headers.getSetCookie().map((line) => line.split(";")[0]);
  const settlement = await assertArticle(paid, LOG);
  const cases = {
    "while the origin was asked": await begin(DOOR, { origin: "hang", moment: originAsked }),
    "while the facilitator was asked, and nothing had moved": await begin(DOOR, { mode: "hang", moment: settling }),
    "likewise, and nobody comes back until the alarm has settled it": { ...await begin(DOOR, { mode: "hang", moment: settling }), away: true },
    "after the money moved, before the facilitator said so": await begin(DOT, { mode: slowAfterSettle(3000), moment: moved }),
    "the same in v1": await begin(DOT, { mode: slowAfterSettle(3000), v1: true, moment: moved }),
    "after settlement, while the article was on its way": await begin(PAWN, { origin: { slow: 500 }, moment: moved }),
  };
  await paper.edge.kill();
  for (const { lost } of Object.values(cases)) await lost;
  paper.badFacilitator.reset();
  paper.origin.reset();
  await paper.edge.restart();

  await t.test("passes and handles survive", async () => {
    for (const cookie of [...cookies, cookies.join("; ")]) await assertArticle(await owner.ask(LOG, { cookie }), LOG);
    const again = await owner.send(LOG, await owner.sign(LOG));
    assert.deepEqual(await assertArticle(again, LOG), settlement, "and what the owner owns is still known");
    assert.equal((await owner.transfers()).length, 1);
  });
  await Promise.all(Object.entries(cases).map(([name, { reader, payment, path, away }]) => t.test(name, async () => {
    if (away) await until("the money moves", () => moved({ reader }), 60);
    const { transaction } = await assertArticle(await resend(() => reader.send(path, payment), { tries: 30 }), path);
    assert.deepEqual((await reader.transfers()).map((transfer) => transfer.transaction), [transaction]);
    const elsewhere = await reader.send(path === LOG ? DOOR : LOG, payment);
    assert.ok([402, 409].includes(elsewhere.status));
    assert.match(await problemOf(elsewhere), /authorization-bound-elsewhere|amount-mismatch/);
  })));
});
