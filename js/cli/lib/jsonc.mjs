// JSON with comments and trailing commas, as wrangler and Farthing's own configuration are written, to plain values.
export function parseJsonc(text) {
  const string = String.raw`"(?:\\.|[^"\\])*"`;
  const plain = text
    .replace(new RegExp(String.raw`(${string})|//[^\n]*|/\*[\s\S]*?\*/`, "g"), "$1")
    .replace(new RegExp(String.raw`(${string})|,(?=\s*[}\]])`, "g"), "$1");
  return JSON.parse(plain);
}
