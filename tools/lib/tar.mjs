// Archives that are the same bytes wherever and whenever they are made: names sorted, nobody's account, one time. ustar, as every tar reads it.
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { Plain } from "./run.mjs";

const BLOCK = 512;
/** The earliest time that other archives can hold as well, in Unix seconds: 1980. */
const TIME = 315_532_800;

function header({ name, mode, size }) {
  const block = Buffer.alloc(BLOCK);
  const octal = (value, length) => value.toString(8).padStart(length - 1, "0");
  // a name longer than its field goes on in another, broken at a slash
  const cut = Buffer.byteLength(name) <= 100 ? -1 : name.indexOf("/", Buffer.byteLength(name) - 101);
  const [prefix, rest] = cut < 0 ? ["", name] : [name.slice(0, cut), name.slice(cut + 1)];
  if (!/^[\x20-\x7e]+$/.test(name) || rest.length > 100 || prefix.length > 155) throw new Plain(`no name for an archive: ${name}`);
  block.write(rest, 0);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(TIME, 12), 136);
  block.write(" ".repeat(8), 148);
  block.write("0", 156);
  block.write("ustar\u000000", 257, "latin1");
  block.write(prefix, 345);
  block.write(`${octal(block.reduce((sum, byte) => sum + byte, 0), 7)}\u0000 `, 148, "latin1");
  return block;
}

/** `files`: [name, bytes, mode]. The archive, packed by gzip. */
export function pack(files) {
  const parts = [];
  for (const [name, bytes, mode = 0o644] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push(header({ name, mode, size: bytes.length }), bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK));
  }
  const packed = gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]), { level: constants.Z_BEST_COMPRESSION });
  // which system it was made on
  packed[9] = 255;
  return packed;
}

/** [name, bytes, mode] of each file in an archive of plain files, such as `pack`, npm and cargo make. */
export function unpack(packed) {
  const tar = gunzipSync(packed);
  const text = (at, length) => tar.toString("utf8", at, at + length).replace(/\0[^]*$/, "");
  const files = [];
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const [prefix, rest] = [text(at + 345, 155), text(at, 100)];
    const kind = text(at + 156, 1);
    if (kind === "0" || kind === "") files.push([prefix ? `${prefix}/${rest}` : rest, tar.subarray(at + BLOCK, at + BLOCK + size), parseInt(text(at + 100, 8), 8)]);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
