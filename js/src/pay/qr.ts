// A page's address as a code for a phone's camera. Its own file: only who has no wallet here needs it.

import { encode } from "uqr";

const SVG = "http://www.w3.org/2000/svg";

/** Dark on white with the quiet zone that scanners want, whatever the page's colours; none for an address too long. */
export function draw(text: string, label: string): SVGElement | undefined {
  let code;
  try {
    code = encode(text, { ecc: "M", border: 4 });
  } catch {
    return undefined;
  }
  const make = (name: string, attributes: Record<string, string>) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const { size, data } = code;
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  const drawing = make("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" });
  drawing.append(make("rect", { width: String(size), height: String(size), fill: "#fff" }), make("path", { d: path, fill: "#000" }));
  return drawing;
}
