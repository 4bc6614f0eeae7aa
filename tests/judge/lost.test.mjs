// The line breaks in the middle of a single call's answer, or the origin has none: it was paid for, so the same payment is answered again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pursue, sign } from "./load.mjs";
import { inTwo, sleep, startStand } from "./stand.mjs";

let stand;
before(async () => { stand = await startStand({ timeoutSeconds: 10, bytes: 40_000 }); });
after(() => stand?.stop());

for (const path of ["/call/1", "/firstcall/1"]) {
  test(`B3 S4 the line is reset while ${path} is on its way: the same payment gets the whole answer`, async () => {
    for (let times = 0; times < 5; times++) {
      const payer = await stand.newPayer();
      const payment = await sign(stand, payer, path);
      // what fits into the buffers on the way counts as gone out, so half of it stays away
      stand.mood.origin = () => inTwo();
      const first = await payer.ask(path, { payment, leaveAtBody: true });
      assert.equal(first.text, "part");
      stand.mood.origin = () => "pass";
      await sleep(300);
      const again = await pursue(stand, () => payer.ask(path, { payment }));
      assert.equal(again.text, "whole", `${again.status} ${again.problem}`);
    }
  });
}

test("B4 S4 the origin fails again and again after a single call was paid for: the call stays owed", async () => {
  const path = "/firstcall/2";
  const payer = await stand.newPayer();
  const payment = await sign(stand, payer, path);
  stand.mood.origin = () => 503;
  for (let times = 0; times < 5; times++) {
    const { status, problem } = await payer.ask(path, { payment });
    assert.deepEqual([status, problem], [502, "paid-not-delivered"], `${times}`);
  }
  stand.mood.origin = () => "pass";
  const answer = await pursue(stand, () => payer.ask(path, { payment }));
  assert.equal(answer.text, "whole", `${answer.status} ${answer.problem}`);
});
