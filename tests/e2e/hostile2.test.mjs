import { connect } from "node:net";
import { after, before, test } from "node:test";
import { startShop } from "../support/shop.mjs";
let shop;
before(async () => { shop = await startShop({ routes: [{ match: "/articles/*", price: "$0.05", access: "30d" }], edges: { edge: (network) => [network] }, config: { revocation: { list: true } }, timeoutSeconds: 30 }); });
after(() => shop?.stop());
const raw = (bytes) => new Promise((done) => {
  const { hostname, port } = new URL(shop.edge.url);
  const socket = connect(Number(port), hostname);
  let all = Buffer.alloc(0);
  socket.on("data", (d) => { all = Buffer.concat([all, d]); });
  socket.on("close", () => done(all.toString("latin1")));
  socket.on("error", () => done("error"));
  socket.write(bytes);
  setTimeout(() => socket.destroy(), 1500);
});
test("raw", async () => {
  const { host } = new URL(shop.edge.url);
  for (const [what, value] of [["nul", "__a=1\0{\"x\":1}"], ["cr", "__a=1\r=list: asked"], ["fold", "__a=1\r\n =says: x"], ["vt", "__a\x0b\x0c\x85=1"], ["u2028", "__a=\xe2\x80\xa8=1"], ["latin", "__a=\xff\xfe"]]) {
    const text = await raw(Buffer.from(`GET /articles/1 HTTP/1.1\r\nHost: ${host}\r\nCookie: ${value}\r\nConnection: close\r\n\r\n`, "latin1"));
    console.log(what, text.split("\r\n")[0]);
  }
  for (const [what, line] of [["=list", "=list: asked"], ["list via wanted", "farthing-order: x\n=list: asked"]]) {
    const text = await raw(Buffer.from(`GET /articles/1 HTTP/1.1\r\nHost: ${host}\r\n${line}\r\nConnection: close\r\n\r\n`, "latin1"));
    console.log(what, text.split("\r\n")[0]);
  }
  // free pages with the origin down
  for (const url of ["/", "/about?x=%0d%0aSet-Cookie:a", "/%3Cscript%3E"]) {
    await shop.origin.stop?.();
    const r = await fetch(shop.edge.url + url, { headers: { accept: "text/html", origin: "https://evil.example" } });
    const t = await r.text();
    console.log(url, r.status, r.headers.get("cache-control"), r.headers.get("access-control-allow-origin"), t.length, /script>/.test(t));
  }
});
