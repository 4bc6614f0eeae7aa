// A program that pays, as a process of its own: says {ready} once it can begin, then one line of JSON for each page, and at the end {done}.
// argv: the job as JSON: {folder, key, policy, urls, atOnce, wait}. With `wait` it begins when its input ends.
import { createClient, fileStore } from "../../js/dist/client/node.js";

const { folder, key, policy, urls, atOnce = 1, wait = false } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const client = createClient({ signer: key, policy, store: fileStore(folder), patience: 20 });
if (wait) {
  // the core, the key and the connection are there before it begins
  await client.quote(new URL("/", urls[0]));
  say({ ready: true });
  for await (const _ of process.stdin);
}
const left = urls.map((url, index) => ({ url, index }));
await Promise.all(Array.from({ length: atOnce }, async () => {
  for (let one = left.shift(); one; one = left.shift()) {
    try {
      const response = await client.fetch(one.url);
      await response.text();
      say({ index: one.index, status: response.status, paid: client.receiptOf(response) !== undefined });
    } catch (error) {
      say({ index: one.index, reason: error.reason ?? String(error) });
    }
  }
}));
say({ done: true });
