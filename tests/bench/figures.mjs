// What the parts of the bench do with their figures.
import { cpus, totalmem } from "node:os";

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/** Where it was measured. */
export function machine() {
  const [{ model, speed }] = cpus();
  return { cpu: model, mhz: speed, cpus: cpus().length, memory: totalmem(), system: `${process.platform} ${process.arch}` };
}

/** A table of texts, for a terminal. */
export function asText({ head, rows }) {
  const widths = head.map((_, index) => Math.max(...[head, ...rows].map((cells) => cells[index].length)));
  const line = (cells) => cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index] + 2))).join("").trimEnd();
  return [head, ...rows].map(line).join("\n");
}

/** The same as Markdown. */
export const asMarkdown = ({ head, rows }) =>
  [head, head.map((_, index) => (index === 0 ? "---" : "---:")), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
