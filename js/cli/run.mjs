// Running a command of this package: its help, its exit code, a mistake as one sentence instead of a stack.
import { json, plainLines } from "./lib/plain.mjs";
import { Mistake, Misuse } from "./mistake.mjs";

/**
 * `command` has `usage(program)` and `run(args, context)`, which gives the exit code, or nothing where it ends the process itself; `misuse`,
 * the exit code for what was typed wrong (1); and `jsonErrors`: with --json its errors are JSON too.
 */
export async function runCommand(command, args, context) {
  try {
    if (args.includes("--help") || args.includes("-h")) {
      console.log(command.usage(context.program));
      return;
    }
    const code = await command.run(args, context);
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    const misuse = error instanceof Misuse;
    process.exitCode = (misuse && command.misuse) || 1;
    if (command.jsonErrors && args.includes("--json")) {
      const [message] = error.message.split("\n\n");
      return console.log(json({ error: { reason: misuse ? "usage" : "failed", message, ...(misuse && { open: false, signed: false }) } }));
    }
    // what went wrong may be told in a server's words
    console.error(error instanceof Mistake || !process.env.FARTHING_VERBOSE ? plainLines(error.message) : error);
  }
}
