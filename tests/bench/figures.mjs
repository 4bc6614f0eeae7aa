// What both parts of the bench do with their figures.
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
