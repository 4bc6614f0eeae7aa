// As for a bundler: the declarations are those of browsers.
import * as everywhere from "farthing";
import { initialize, type Wasm } from "farthing/slim";
import { fileStore } from "farthing/node";
import type { Result } from "farthing/element";
import { pay } from "./pay.mjs";

// @ts-expect-error there are no files in a browser
everywhere.fileStore;
void (initialize satisfies (wasm: Wasm | Promise<Wasm>) => void);
void fileStore;
export type { Result };
console.log(await pay(process.env["KEY"]!, process.env["ARTICLE"]!));
