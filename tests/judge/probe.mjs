// A Worker around the built one, for faults inside it: it counts what an object asks of its storage, and at the n-th time the object
// is aborted, or the storage fails. It also aborts objects and runs their alarms on demand. Only tests have it.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseJsonc } from "../../js/cli/lib/jsonc.mjs";
import { BUILD } from "../support/edge.mjs";

const around = (main) => `
import worker, { Ledger as Built } from "./${main}";
export { Sender } from "./${main}";

const plans = new Map();
const journals = new Map();
const muted = new Set();

function instrument(ctx) {
  const id = ctx.id.toString();
  const { storage } = ctx;
  const wrap = (holder, name, label) => {
    const work = holder[name].bind(holder);
    holder[name] = (...values) => {
      const plan = plans.get(id);
      const what = label(values);
      journals.get(id)?.push(what);
      const due = plan && (plan.name === undefined || plan.name === name) && plan.left-- === 0;
      if (!due) return work(...values);
      plans.delete(id);
      if (plan.act === "fail") throw new Error("the storage failed");
      if (plan.act === "abort") return ctx.abort("aborted before " + what);
      const result = work(...values);
      // what was begun is not awaited: nobody will hear of it
      ctx.abort("aborted after " + what);
      return result;
    };
  };
  wrap(storage.sql, "exec", ([sql]) => sql.split(" ").slice(0, 3).join(" "));
  wrap(storage, "setAlarm", () => "setAlarm");
  wrap(storage, "deleteAlarm", () => "deleteAlarm");
}

export class Ledger extends Built {
  constructor(ctx, env) {
    instrument(ctx);
    super(ctx, env);
  }
  // the platform's own alarms, unless somebody else rings
  async alarm(info) {
    if (!muted.has(this.ctx.id.toString())) return super.alarm(info);
  }
  async fetch(request) {
    const url = new URL(request.url);
    if (url.host !== "probe") return super.fetch(request);
    const id = this.ctx.id.toString();
    const order = await request.json();
    switch (order.do) {
      case "plan":
        plans.set(id, { name: order.name, left: order.nth, act: order.act });
        return Response.json({ id });
      case "watch":
        journals.set(id, []);
        return Response.json({ id });
      case "read":
        return Response.json({ id, journal: journals.get(id) ?? [], spent: !plans.has(id) });
      case "mute":
        muted.add(id);
        return Response.json({ id });
      case "unmute":
        muted.delete(id);
        return Response.json({ id });
      case "abort":
        this.ctx.abort("aborted by the test");
        return new Response();
      case "alarm": {
        const run = () => super.alarm().then(() => "", (error) => error.message);
        const errors = [];
        if (order.together) errors.push(...await Promise.all(Array.from({ length: order.times }, run)));
        else for (let n = 0; n < order.times; n++) errors.push(await run());
        return Response.json({ id, errors: errors.filter((error) => error !== "") });
      }
      default:
        return new Response("unknown order", { status: 400 });
    }
  }
}

export default {
  async fetch(request, env, ctx) {
    const order = request.headers.get("x-probe");
    if (order === null) return worker.fetch(request, env, ctx);
    const { object, ...rest } = JSON.parse(order);
    try {
      const stub = env.LEDGER.get(env.LEDGER.idFromName(object));
      return await stub.fetch("https://probe/", { method: "POST", body: JSON.stringify(rest) });
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};
`;

/** A folder with the built Worker and the one around it, for `startEdge`'s `build`; `remove()` when done. */
export function probed() {
  const build = mkdtempSync(join(tmpdir(), "farthing-probe-"));
  cpSync(BUILD, build, { recursive: true });
  const wrangler = parseJsonc(readFileSync(join(build, "wrangler.jsonc"), "utf8"));
  writeFileSync(join(build, "around.js"), around(wrangler.main ?? "index.js"));
  writeFileSync(join(build, "wrangler.jsonc"), JSON.stringify({ ...wrangler, main: "around.js" }));
  return {
    build,
    remove: () => rmSync(build, { recursive: true, force: true }),
    /** An order to the object of a payer at a site: {do: "plan" | "watch" | "read" | "abort" | "mute" | "unmute" | "alarm", …}. */
    async order(site, payer, order) {
      const response = await fetch(site, { headers: { "x-probe": JSON.stringify({ object: `${site}|${payer.replace(/^0x/, "")}`, ...order }) } });
      return response.json();
    },
  };
}
