// One page for each problem, at the address that its type is: made from the sections of ../problems.md.
import { page, problems, SOURCES } from "../.vitepress/problems.mjs";

export default {
  watch: SOURCES,
  paths: () => problems().map((problem) => ({ params: { type: problem.type }, content: page(problem) })),
};
