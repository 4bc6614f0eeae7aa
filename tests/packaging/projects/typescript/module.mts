import { fileStore } from "farthing";
import { fileStore as same } from "farthing/node";
import { initialize } from "farthing/slim";
import { pay } from "./pay.mjs";

if (fileStore !== same) throw new Error("two copies");
void initialize;
console.log(await pay(process.env["KEY"]!, process.env["ARTICLE"]!));
