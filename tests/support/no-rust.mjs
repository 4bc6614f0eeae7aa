// A PATH on which all is found but Rust, as on the machine of somebody who only installs the package.
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";

const RUST = /^(cargo|rustc|rustup|rustdoc|rust-|clippy-driver|wasm-(opt|bindgen))/;

/** Folders of links below `place` stand for those that have some Rust among their programs. */
export function withoutRust(path, place) {
  return path.split(delimiter).map((folder, index) => {
    let programs = [];
    try { programs = readdirSync(folder); } catch { return folder; }
    if (!programs.some((name) => RUST.test(name))) return folder;
    const links = join(place, `bin-${index}`);
    mkdirSync(links);
    for (const name of programs) if (!RUST.test(name)) symlinkSync(join(folder, name), join(links, name));
    return links;
  }).join(delimiter);
}
