// Running a command of this package: its help, its exit code, a mistake as one sentence instead of a stack.
import { plainLines } from "./lib/plain.mjs";
import { Mistake } from "./mistake.mjs";

/** `command` has `usage(program)` and `run(args, context)`, which gives the exit code, or nothing where it ends the process itself. */
export async function runCommand(command, args, context) {
  try {
    if (args.includes("--help") || args.includes("-h")) {
      console.log(command.usage(context.program));
      return;
    }
    const code = await command.run(args, context);
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    // what went wrong may be told in a server's words
    console.error(error instanceof Mistake || !process.env.FARTHING_VERBOSE ? plainLines(error.message) : error);
    process.exitCode = 1;
  }
}
