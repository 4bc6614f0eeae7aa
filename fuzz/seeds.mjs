// First inputs for every fuzz target: the recorded exchanges of tests/vectors, and texts that reach what lies behind the signature
// and the MAC (fuzz/src/bodies/world.rs says what $SIG, $Q0 and their kin become). `node fuzz/seeds.mjs FOLDER`
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const folder = resolve(process.argv[2] ?? ".");
const vectors = join(import.meta.dirname, "../tests/vectors");
const exchanges = readdirSync(vectors).filter((name) => name.endsWith(".json"))
  .flatMap((name) => JSON.parse(readFileSync(join(vectors, name), "utf8")).exchanges ?? []);
const lower = (headers) => Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));

function seed(target, ...parts) {
  const data = Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part))));
  mkdirSync(join(folder, target), { recursive: true });
  writeFileSync(join(folder, target, createHash("sha1").update(data).digest("hex").slice(0, 16)), data);
}

const NOW = 1_800_000_000;
const PAY_TO = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const networks = [
  { caip: "eip155:84532", slug: "base-sepolia", asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e", name: "USDC" },
  { caip: "eip155:8453", slug: "base", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", name: "USD Coin" },
];
const authorization = (changes) => ({
  from: "$PAYER", to: PAY_TO, value: "50000", validAfter: "0", validBefore: String(NOW + 300), nonce: `0x${"5a".repeat(32)}`, ...changes,
});
const accepted = ({ caip, asset, name }, quote) => ({
  scheme: "exact", network: caip, amount: "50000", asset, payTo: PAY_TO, maxTimeoutSeconds: 300,
  extra: { name, version: "2", ...(quote ? { quote } : {}) },
});
const v2 = (network, quote, changes) => JSON.stringify({
  x402Version: 2, resource: { url: "https://news.example/articles/x" }, accepted: accepted(network, quote),
  payload: { signature: "$SIG", authorization: authorization(changes) },
});
const v1 = (network, changes) => JSON.stringify({
  x402Version: 1, scheme: "exact", network: network.slug, payload: { signature: "$SIG", authorization: authorization(changes) },
});

const permit2 = (scheme, quote, changes) => JSON.stringify({
  x402Version: 2,
  accepted: {
    ...accepted(networks[0]), scheme,
    extra: {
      name: "USDC", version: "2", assetTransferMethod: "permit2", ...(scheme === "upto" ? { facilitatorAddress: `0x${"fa".repeat(20)}` } : {}), ...(quote ? { quote } : {}),
    },
  },
  payload: {
    signature: "$SIG",
    permit2Authorization: {
      from: "$PAYER", permitted: { token: networks[0].asset, amount: "50000" },
      spender: scheme === "upto" ? "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002" : "0x402085c248EeA27D92E8b30b2C58ed07f9E20001",
      nonce: "7", deadline: String(NOW + 300),
      witness: { to: PAY_TO, ...(scheme === "upto" ? { facilitator: `0x${"fa".repeat(20)}` } : {}), validAfter: "0" }, ...changes,
    },
  },
});

const payments = [];
for (const [scheme, quotes] of [["exact", [undefined, "$Q5"]], ["upto", [undefined, "$Q6", "$Q7"]]]) {
  for (const quote of quotes) payments.push([1, permit2(scheme, quote)], [5, permit2(scheme, quote)]);
  payments.push([1, permit2(scheme, quotes[1], { deadline: String(NOW - 9) })], [1, permit2(scheme, quotes[1], { spender: PAY_TO })]);
}
payments.push([5, v2(networks[0], "$Q0").replace("$SIG", `0x${"6492".repeat(40)}`)], [7, v1(networks[0]).replace("$SIG", `0x${"12".repeat(64)}1b`)]);
for (const value of ["40000", "30000"]) payments.push([3, v1(networks[0], { value })]);
networks.forEach((network, index) => {
  for (const quote of [undefined, `$Q${index}`, `$Q${index + 2}`, "$Q4"]) payments.push([1, v2(network, quote)]);
  payments.push([3, v1(network)]);
  for (const changes of [{ validBefore: String(NOW - 9) }, { validAfter: String(NOW + 9) }, { value: "1" }, { validBefore: "99999999999" }]) {
    payments.push([1, v2(network, `$Q${index}`, changes)], [3, v1(network, changes)]);
  }
});
for (const [mode, text] of payments) seed("payment", mode, text);

for (const { request, response } of exchanges) {
  const asked = lower(request.headers);
  const answered = lower(response.headers);
  for (const [name, mode] of [["payment-signature", 0], ["x-payment", 2]]) {
    if (!asked[name]) continue;
    seed("payment", mode, asked[name]);
    seed("payment", mode + 1, Buffer.from(asked[name], "base64"));
    seed("json", Buffer.from(asked[name], "base64"));
    seed("request", ["GET", "https://news.example/articles/x", "*/*", "", mode ? "" : `=${asked[name]}`, mode ? `=${asked[name]}` : "", "=192.0.2.1"].join("\n"));
  }
  if (answered["payment-required"]) {
    const offer = Buffer.from(answered["payment-required"], "base64").toString();
    seed("client", `o${offer}\np\nw$PAYER\nw0x14a34\nw$SIGN\na200 `);
    seed("client", `r${answered["payment-required"]}`);
    seed("json", offer);
  }
  if (request.path === "/settle" || request.path === "/verify") seed("facilitator", 0, response.body ?? "");
}

const offerNow = (index) => JSON.stringify({ x402Version: 2, resource: { url: "https://news.example/articles/x" }, accepts: [accepted(networks[index], `$Q${index}`)] });
seed("client", `o${offerNow(0)}\np\nw$PAYER\nw0x14a34\nw$SIGN\na503 settlement-pending\nt2\na200 `);
seed("client", `o${offerNow(1)}\np\nw$PAYER\nw0x1\nwnull\nw8453\nw$SIGN\na402 price-changed ${offerNow(0)}\np\nw$PAYER`);
seed("client", `i\na402 x ${offerNow(0)}\np\nw4001\np\nw$PAYER\nw4902\nw4902\nt\nc`);
seed("client", "keyJhIjoxfQ==\na409 authorization-already-used");

for (const status of [0, 5, 7]) {
  const answer = { success: true, transaction: `0x${"12".repeat(32)}`, network: "eip155:84532", payer: "$PAYER" };
  seed("facilitator", status, JSON.stringify(answer));
  seed("facilitator", status, JSON.stringify({ ...answer, network: "base-sepolia", payer: null, errorReason: null }));
  for (const errorReason of ["invalid_exact_evm_insufficient_balance", "settlement_pending", "invalid_exact_evm_nonce_already_used", "ERC20: transfer amount exceeds balance"]) {
    seed("facilitator", status, JSON.stringify({ success: false, errorReason, transaction: "", network: "eip155:84532" }));
  }
}

seed("facilitator", 8, JSON.stringify({ isValid: true, payer: "$PAYER", invalidReason: null }));
seed("facilitator", 8, JSON.stringify({ isValid: false, invalidReason: "permit2_allowance_required" }));
seed("facilitator", 16, JSON.stringify({
  kinds: [{ x402Version: 2, scheme: "upto", network: "eip155:84532", extra: { facilitatorAddress: PAY_TO } }, { x402Version: 1, scheme: "exact", network: "base" }],
  extensions: ["bazaar"], signers: { "eip155:*": [PAY_TO] },
}));
seed("facilitator", 24, JSON.stringify({ items: [{ resource: "https://x", type: "http", x402Version: 2, accepts: [{ scheme: "exact" }] }], pagination: { total: 1 } }));

const topic = (text) => `0x${text.repeat(32)}`;
const word = (byte) => `0x${"0".repeat(24)}${byte.repeat(20)}`;
const address = (byte) => `0x${byte.repeat(20)}`;
// keccak256 of AuthorizationUsed(address,bytes32), Transfer(address,address,uint256), AuthorizationCanceled(address,bytes32)
const USED = "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const CANCELED = "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81";
const rpc = (result) => JSON.stringify({ jsonrpc: "2.0", id: 1, result });
seed("chain", 0, rpc({ number: "0x1b4", timestamp: "0x6b49d200", hash: topic("11") }));
seed("chain", 1, rpc(`0x${"0".repeat(63)}1`));
seed("chain", 1, rpc(`0x${"0".repeat(64)}`));
seed("chain", 1, JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: -32000, message: "header not found" } }));
seed("chain", 2, rpc([]));
for (const kind of [USED, CANCELED]) seed("chain", 2, rpc([{ transactionHash: topic("12"), topics: [kind, word("bb"), topic("dd")] }]));
const used = { address: address("aa"), topics: [USED, word("bb"), topic("dd")], data: "0x", logIndex: "0x3" };
const moved = { address: address("aa"), topics: [TRANSFER, word("bb"), word("cc")], data: `0x${(50_000).toString(16).padStart(64, "0")}`, logIndex: "0x4" };
for (const logs of [[used, moved], [moved, used], [used, { ...moved, logIndex: "0x5" }], [used, used, moved]]) {
  seed("chain", 3, rpc({ blockNumber: "0x10", status: "0x1", logs }));
}

seed("chain", 4, rpc(`0x${"f".repeat(64)}`));
seed("chain", 5, rpc([{ transactionHash: topic("12"), data: moved.data }, { transactionHash: topic("12"), data: moved.data }, { transactionHash: topic("13"), data: topic("00") }]));
seed("chain", 6, rpc([{ data: `0x00${"dd".repeat(31)}${"f".repeat(64)}` }]));
const words = (...list) => list.map((item) => item.toString(16).padStart(64, "0")).join("");
const hexed = (text) => BigInt(text);
// the selectors of both proxies' settle
for (const [selector, to, ...more] of [
  ["0x13cd3b53", "0x402085c248EeA27D92E8b30b2C58ed07f9E20001", hexed(address("bb")), hexed(address("cc"))],
  ["0xff11e7b4", "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002", 50_000n, hexed(address("bb")), hexed(address("cc"))],
]) {
  const input = selector + words(hexed(address("aa")), 50_000n, hexed(topic("dd")), BigInt(NOW), ...more, 0n);
  seed("chain", 7, rpc({ to, input, blockNumber: "0x10" }));
}
seed("chain", 8, rpc({ status: "0x1", logs: [moved] }));

for (const text of ["$Q0", "$Q1", "$Q2", "$Q4", "v1.a.AAAA.AAAA", "v1.b..", "v0.a.e30.e30"]) seed("token", 0, text);
for (const length of [0, 28, 32, 49, 60]) seed("token", 1, Buffer.alloc(length, 1));
seed("token", 1, 1, Buffer.alloc(40, 2), Buffer.from([0, 0, 0, 0, 0x6b, 0x49, 0xd3, 0]));
seed("token", 1, Buffer.alloc(20, 2), Buffer.from([0, 0, 0, 0, 0x6b, 0x49, 0xd3, 0]));
seed("token", 2, "a=1; __Secure-farthing=v1.a.AAAA.AAAA; b;__Host-farthing=$Q0; __Secure-farthing=");
seed("token", 3, `a:${"A".repeat(43)},b:${"B".repeat(43)}=`);

for (const path of [
  "/articles/x", "/articles/x/", "/Articles/X", "/%61rticles/x", "/articles%2fx", "/articles;v/x;y", "//articles/x", "/./articles/../articles/x",
  "/articles/%c0%af", "/caf%C3%A9/a.json", "/café/a", "/articles/x.", "/articles/x%00.png", "/\\articles\\x", "/articles/free.html", "/calls/x/index.html", "/%2561rticles/x",
  "https://news.example/articles/x?y#z", "/.farthing/health", "/.farthing/farthing.js",
]) seed("path", path);

const lines = (changes) => Object.values({ method: "GET", url: "https://news.example/articles/x", accept: "*/*", cookie: "", payment: "", xPayment: "", address: "=192.0.2.1", ...changes }).join("\n");
seed("request", lines({}));
seed("request", lines({ accept: "text/html" }));
seed("request", lines({ method: "OPTIONS" }));
seed("request", lines({ method: "POST", payment: "=e30=" }));
seed("request", lines({ method: "HEAD", payment: "=e30=" }));
seed("request", lines({ payment: "=e30=", xPayment: "=e30=" }));
seed("request", lines({ payment: "=e30=,e30=" }));
seed("request", lines({ cookie: "__Secure-farthing=$PASS" }));
seed("request", lines({ cookie: "__Host-farthing=$HANDLE; __Secure-farthing=x" }));
seed("request", lines({ payment: `=${v2(networks[0], "$Q0")}` }));
seed("request", lines({ xPayment: `=${v1(networks[1])}` }));
for (const path of ["/", "/calls/1", "/articles//x", "/.farthing/health", "/.farthing/none", "/articles/x;y", "/articles/x?a=b"]) {
  seed("request", lines({ url: `https://news.example${path}` }));
}
seed("request", lines({ url: "https://evil.example/articles/x" }));
const proof = (changes) => `=${JSON.stringify({
  domain: "news.example", address: "$PAYER", statement: "Open what you have paid for.", uri: "https://news.example/articles/x", version: "1",
  chainId: "eip155:84532", type: "eip191", nonce: "$NONCE", issuedAt: "2027-01-15T08:00:00Z", expirationTime: "2027-01-15T08:05:00Z",
  resources: ["https://news.example/articles/x"], signature: "$SIG", ...changes,
})}`;
seed("request", lines({ signIn: proof({}) }));
seed("request", lines({ signIn: proof({ notBefore: "2027-01-15T09:00:00.5+01:00", requestId: "", resources: [] }) }));
seed("request", lines({ signIn: proof({ domain: "evil.example" }) }));
seed("request", lines({ signIn: "=e30=" }));
const extended = { ...JSON.parse(v2(networks[0], "$Q0")), extensions: { "payment-identifier": { info: { required: false, id: "pay_7d5d747be160e280504c099d984bcfe0" } }, bazaar: {} } };
seed("request", lines({ payment: `=${JSON.stringify(extended)}` }));

const grant = { resource: "https://news.example/articles/x", payer: address("7a"), receipt: `0x${"04".repeat(16)}`, transaction: topic("12"), network: "eip155:84532", until: NOW + 60 };
for (const reply of [
  { deliver: grant }, { deliver: { ...grant, until: undefined, report: "eip155:84532/x/0x1" } }, { deliver: { ...grant, resource: "https://news.example/articles/y" } },
  { fetch: { key: "eip155:84532/0x00/0x01", fence: 1 } }, { refuse: { problem: "settlement-pending", resource: grant.resource, retryAfter: 3 } },
  { refuse: { problem: "insufficient-funds", resource: grant.resource, reason: "insufficient_funds" } },
]) seed("reply", JSON.stringify(reply));

const world = readFileSync(join(import.meta.dirname, "src/bodies/world.rs"), "utf8");
seed("config", /CONFIG: &str = r#"(.*?)"#/s.exec(world)[1]);
seed("config", readFileSync(join(import.meta.dirname, "../worker/farthing.jsonc")));
seed("config", readFileSync(join(import.meta.dirname, "../worker/farthing.jsonc"), "utf8").replace("0x…your address…", PAY_TO));

seed("values", 0, PAY_TO);
for (const text of ["0", "50000", "115792089237316195423570985008687907853269984665640564039457584007913129639935", "01"]) seed("values", 1, text);
for (const text of ["$0.05", "0.05 USDC", "free", "$12.3456789", "$1"]) seed("values", 2, text);
for (const text of ["eip155:84532", "base", "base-sepolia", "solana:x"]) seed("values", 3, text);
const signing = JSON.parse(readFileSync(join(vectors, "signing.json"), "utf8")).vectors;
for (const { signature, typedData } of signing) {
  seed("values", 4, signature);
  if (typedData.message.nonce && typedData.message.from) seed("values", 5, JSON.stringify(typedData.message));
}
seed("values", 6, JSON.stringify(JSON.parse(permit2("exact")).payload.permit2Authorization).replace("$PAYER", PAY_TO));
seed("values", 6, JSON.stringify(JSON.parse(permit2("upto")).payload.permit2Authorization).replace("$PAYER", PAY_TO));
for (const text of ["exact", "upto", "permit2", "eip3009", "upfront", "invalid_exact_evm_payload_authorization_valid_before"]) seed("values", 7, text);
for (const text of ["{}", "[1,2.5e-3,-0,true,false,null]", '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"', '{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}', '{"a":1,"\\u0061":2}', "1e400", "\ufeff{}"]) seed("json", text);

// signatures of programs
const key = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
const params = (changes = "") => `;created=${NOW};expires=${NOW + 60};keyid="${key}";nonce="bm9uY2U0dGhpcw==";tag="web-bot-auth"${changes}`;
const bytes64 = `:${Buffer.alloc(64, 7).toString("base64")}:`;
const signed = (covered, agent, ...more) => seed("signature_input", [`sig=(${covered})${params()}`, `sig=${bytes64}`, agent, ...more].join("\n"));
const both = '"@authority" "signature-agent";key="sig"';
for (const host of ["agent.example", "free.example", "bad.example", "other.example", "10.0.0.1", "x.internal"]) signed(both, `sig="https://${host}"`);
signed('"@target-uri" "signature-agent"', '"https://agent.example"');
signed(`${both} "payment-signature"`, 'sig="https://agent.example"', "payment-signature: e30=");
signed(both, 'sig="https://agent.example"', "crawler-max-price: USD 0.01");
signed(`${both} "crawler-max-price" "date";key="a"`, 'sig="https://agent.example/";type=directory', "crawler-max-price: USD 0.01", "date: a=1, b=?0");
signed(`${both} "@method" "@path" "@query" "@scheme" "@request-target"`, 'a=1, sig="https://free.example"');
seed("signature_input", [`a=("@authority")${params(";alg=\"ed25519\"")}, b=();tag="x"`, `b=:AA==:, a=${bytes64}`, 'b="https://agent.example"'].join("\n"));
seed("signature_input", `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"${key}","nbf":1,"exp":2}]}`);
for (const vector of JSON.parse(readFileSync(join(vectors, "web-bot-auth.json"), "utf8")).vectors) {
  const { "signature-input": input, signature, "signature-agent": agent = "", ...more } = vector.headers;
  seed("signature_input", [input, signature, agent, ...Object.entries(more).map(([name, value]) => `${name}: ${value}`)].join("\n"));
}
