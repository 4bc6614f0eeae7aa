// Runs inside workerd: drives wasm-bindgen-test's own Context over the exported tests and streams its lines back to runner.mjs.
import * as tests from "./tests.js";
import module from "./tests_bg.wasm";

const native = console.log.bind(console);

export default {
  async fetch(request, env, ctx) {
    const command = await request.json();
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    const put = (line) => { writer.write(encoder.encode(`${line}\n`)).catch(() => {}); };

    // What tests reach through js_sys::global(): bindings and the execution context.
    globalThis.__WORKERD_TEST_ENV = env;
    globalThis.__WORKERD_TEST_CTX = ctx;
    // What wasm-bindgen-test expects its host to define.
    globalThis.__wbg_test_invoke = (invoke) => invoke();
    globalThis.__wbg_test_output_writeln = (...parts) => put(parts.map(String).join(" "));
    globalThis.__wbgtest_og_console_log = globalThis.__wbg_test_output_writeln;
    for (const method of ["debug", "log", "info", "warn", "error"]) {
      const record = tests[`__wbgtest_console_${method}`];
      console[method] = (...parts) => {
        const text = parts.map(String).join(" ");
        const started = method === "log" && text.startsWith("Invoking test: ");
        // Past the stream, which a test that never yields would hold up, straight to workerd's own output.
        if (started) native(`\u0002${text.slice("Invoking test: ".length)}`);
        if (command.nocapture && !started) put(text);
        record(parts);
      };
    }

    ctx.waitUntil((async () => {
      let verdict;
      try {
        tests.initSync({ module });
        const context = new tests.WasmBindgenTestContext(false);
        context.include_ignored(command.includeIgnored);
        context.filtered_count(command.filtered);
        verdict = { ok: await context.run(command.tests.map((name) => tests.__wasm[name])) };
      } catch (error) {
        verdict = { ok: false, error: String(error?.stack ?? error) };
      }
      put(`\u0001${JSON.stringify(verdict)}`);
      await writer.close();
    })());
    return new Response(readable);
  },
};
