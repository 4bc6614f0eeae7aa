// Counts up in a store's text, as a process of its own: says each number that it has reached once that is written down.
// argv: the folder, the name, how often.
import { fileStore } from "../../js/dist/client/node.js";

const [folder, name, times] = process.argv.slice(2);
const store = fileStore(folder);
for (let at = 0; at < Number(times); at++) {
  const reached = await store.update(name, (text) => ({ text: String(Number(text ?? 0) + 1), result: Number(text ?? 0) + 1 }));
  process.stdout.write(`${reached}\n`);
}
