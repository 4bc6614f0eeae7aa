// What the site publishes, as it would come from a content management system.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const { articles, notice } = JSON.parse(readFileSync(join(process.cwd(), "content.json"), "utf8"));
export { articles, notice };
export const bySlug = (slug) => articles.find((article) => article.slug === slug);
