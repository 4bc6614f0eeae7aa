// `npm run docs`: makes the documentation's site of www/docs, in www/docs/.vitepress/dist. With --serve it is shown on this machine
// alone; --port N says where (4040; 0 takes any free port).
import { parseArgs } from "node:util";
import { buildDocs, serveDocs, SITE } from "./lib/docs.mjs";
import { main, Plain, say, seconds } from "./lib/run.mjs";

await main(async () => {
  const { values } = parseArgs({ options: { serve: { type: "boolean" }, port: { type: "string", default: "4040" } } });
  const begin = performance.now();
  await buildDocs();
  say(`${SITE} (${seconds(begin)})`);
  if (!values.serve) return;
  const { url } = await serveDocs({ port: Number(values.port) }).catch((error) => { throw new Plain(`${error.message}; --port takes another`); });
  console.log(url);
  await new Promise(() => {});
});
