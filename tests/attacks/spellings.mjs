// The many spellings of one path that some server takes for it (threats D1, D2): request targets, byte for byte.
const list = (text) => text.trim().split(/\s+/);

const SEPARATORS = list(String.raw`
  %2f %2F %252f %255c %5c %5C \ %c0%af %c1%9c %e0%80%af // /// /./ /.// /%2e/ /x/../ /x/%2e%2e/ /x/.%2E/ /x%2f../ /x/..%2f /x/..\ /x/..;/ /x/..;v=1/
  /;/ /;v=1/ ;/ ;v=1/ %3b/ %3Bv=1/ /%09/ /%20/ %20/ ./ %2e/ %00/ ?/ %3f/ %23/`);
const PREFIXES = list(String.raw`
  / // /// /./ /%2e/ /../ /%2e%2e/ /..%2f /x/../ /x/%2e%2e/ /x/..%2f /free/../ /free/..%2f /free/%2e%2e%2f /free/..%5c /free/..\ \ /\ /%5c /%2f /%252f
  /;/ /;x=y/ /%20 /%09 /%00/ /index.html/../ /free/x/../../ /.farthing/../ /.farthing/..%2f /.farthing/%2e%2e/`);
const SUFFIXES = ["", ...list(String.raw`
  / // /. /./ /..;/ . .. %2e %20 %20%20 + %00 %00.png %0a %0d%0a %09 %ff ; ;a=b ;a=b/ %3b %3Ba=b /;a \ %5c %2f %2F %252f
  .html .HTML .htm .php .md .json .txt %2ehtml %2Ehtml %252ehtml .html/ .html;a .html%20 .html. .html%00 /index.html /index /index%2ehtml
  /x/.. /x/../ /x/%2e%2e %2fx%2f.. ? ?a=b ?/free/ ?? %3f %3Fa=b %23a #a ~ ::$DATA :$DATA %3a%3a$DATA /* * & = % %2 %zz`)];
// What makes a server that resolves paths like links take the next segment for a host.
// Queries that some server answers with another view of a page, or with a page of its own choice (threat D6).
const QUERIES = ["?x402=paid", "?preview=true", "?p=17", "?amp=1", "?print", "?feed=rss2", "?view=/articles/", "?%00", "?a=b;c=d", "?#", "?format=json"];
// Front controllers, which serve what follows them.
const CONTROLLERS = ["/index.php", "/INDEX.PHP", "/index%2ephp", "/index.php/", "//index.php", "/index.php;a", "/app.php"];
const HOST_FOLLOWS = list(String.raw`// /// /\ \\ \/ /%5c %2f/ /%2f /./ /.// /x/..// /%09/`);
const HOSTS = list("evil.example user@x:80 %65vil .farthing");

export const hex = (letter, upper) => `%${letter.charCodeAt(0).toString(16).padStart(2, "0")[upper ? "toUpperCase" : "toString"]()}`;
export const letters = (text, change) => text.replace(/[a-z]/g, change);
const twice = (letter) => hex(letter).replace("%", "%25");
const thrice = (letter) => hex(letter).replace("%", "%2525");
const inBits = (bits) => `%${bits.toString(16)}`;
const overlong2 = (letter) => inBits(0xc0 | letter.charCodeAt(0) >> 6) + inBits(0x80 | letter.charCodeAt(0) & 63);
const overlong3 = (letter) => inBits(0xe0) + inBits(0x80 | letter.charCodeAt(0) >> 6) + inBits(0x80 | letter.charCodeAt(0) & 63);
const unicode = (letter) => `%u00${letter.charCodeAt(0).toString(16)}`;
const at = (index, change) => (text) => text.slice(0, index) + change(text[index]) + text.slice(index + 1);
const upper = (text) => text.toUpperCase();
const same = (text) => text;
const each = (from, ...changes) => changes.reduce((all, some) => all.flatMap((text) => some.map((change) => change(text))), [from]);

/** Spellings of `path` (two segments) at `host`. */
export function spellings(path, host) {
  const [, folder, name] = path.split("/");
  const slash = path.lastIndexOf("/");
  const places = [1, 3, slash + 1, slash + 4];
  const cases = [same, upper, ...[1, slash + 1, path.length - 1].map((index) => at(index, upper))];
  const escapes = places.flatMap((index) => [hex, (c) => hex(c, true), twice, thrice, overlong2, overlong3, unicode].map((change) => at(index, change)));
  const wholly = [
    (text) => letters(text, (c) => hex(c)), (text) => letters(text, twice), (text) => text.replaceAll("-", "%2d"), (text) => text.replaceAll("-", "%2D"),
  ];
  const separators = SEPARATORS.map((separator) => (text) => text.slice(0, slash) + separator + text.slice(slash + 1));
  const prefixes = PREFIXES.map((before) => (text) => before + text.slice(1));
  const suffixes = SUFFIXES.map((after) => (text) => text + after);
  const html = (text) => `${text}.html`;
  const absolute = [path, upper(path), `/${path}`, wholly[0](path), `/x/..%2f${folder}/${name}`];
  return [...new Set([
    ...each(path, cases, suffixes),
    ...each(path, [...escapes, ...wholly, ...separators]),
    ...each(path, escapes.slice(0, 12), suffixes.slice(0, 30)),
    ...each(path, separators, [upper, html]),
    ...each(path, prefixes, [same, wholly[0], upper, (text) => `${text}/`, html]),
    ...each(path, [same, upper, wholly[0], html, (text) => `${text}/`, ...separators, ...prefixes], QUERIES.map((query) => (text) => text + query)),
    ...each(path, CONTROLLERS.map((controller) => (text) => controller + text), [same, upper, html, ...suffixes.slice(0, 12)]),
    ...HOST_FOLLOWS.flatMap((before) => HOSTS.flatMap((stranger) => [path, html(path), upper(path)].map((text) => before + stranger + text))),
    ...["http", "HTTP", "https"].flatMap((scheme) => [
      ...[host, upper(host), `user@${host}`, `${host.split(":")[0]}.`, "evil.example", "localhost"]
        .flatMap((place) => absolute.map((text) => `${scheme}://${place}${text}`)),
      ...["?", "#", "\\"].map((end) => `${scheme}://${host}${end}${path}`), ...["", "/", "///"].map((slashes) => `${scheme}:${slashes}${path}`),
    ]),
    `//${host}${path}`, `/http://${host}${path}`, path.slice(1), `.${path}`, `?${path}`, `*${path}`, `/ ${path.slice(1)}`,
  ])];
}
