// Paid tools of MCP servers, over the official SDK: what the server asks for is paid by the same rules as a page. The server settles with the
// official facilitator on a real chain.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema, McpError } from "@modelcontextprotocol/sdk/types.js";
import { payTo } from "../support/accounts.mjs";
import { startNewspaper } from "../support/newspaper.mjs";
import { newReader } from "../e2e/reader.mjs";

const { createClient, PaymentError } = await import("../../js/dist/client/node.js");

const ASSET = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
let paper;
before(async () => { paper = await startNewspaper({}); });
after(() => paper?.stop());

const requirement = (version) => (version === 2
  ? { scheme: "exact", network: "eip155:84532", amount: "20000", asset: ASSET, payTo: payTo.address, maxTimeoutSeconds: 60, extra: { name: "USDC", version: "2" } }
  : {
    scheme: "exact", network: "base-sepolia", maxAmountRequired: "20000", asset: ASSET, payTo: payTo.address, maxTimeoutSeconds: 60, extra: { name: "USDC", version: "2" },
    resource: "mcp://tool/forecast", description: "", mimeType: "",
  });

/** A server with one tool for two cents; {client, calls}. `ask` says how it demands: as the specification's version 2 or 1, or as text alone. */
async function forecasts(ask, { doubts = 0 } = {}) {
  const calls = [];
  const version = ask === "error" ? 1 : 2;
  const accepts = [requirement(version)];
  const required = { x402Version: version, error: "Payment required", accepts, ...(version === 2 ? { resource: { url: "mcp://tool/forecast" } } : {}) };
  const demand = () => {
    if (ask === "error") throw Object.assign(new McpError(402, "Payment required", required));
    return { isError: true, content: [{ type: "text", text: JSON.stringify(required) }], ...(ask === "structured" ? { structuredContent: required } : {}) };
  };
  const facilitator = async (path, payload) => {
    const body = JSON.stringify({ x402Version: version, paymentPayload: payload, paymentRequirements: accepts[0] });
    return (await fetch(`${paper.facilitator.url}/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
  };
  const server = new Server({ name: "weather", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    const payment = params._meta?.["x402/payment"];
    calls.push(payment);
    if (params.name === "free") return { content: [{ type: "text", text: "Weather, mostly." }] };
    if (!payment) return demand();
    if (doubts-- > 0) throw new McpError(-32000, "the line is bad");
    const settled = await facilitator("settle", payment);
    if (!settled.success) return demand();
    return { content: [{ type: "text", text: "Rain at four." }], _meta: { "x402/payment-response": settled } };
  });
  const client = new Client({ name: "an agent", version: "1" });
  const [here, there] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(there), client.connect(here)]);
  return { client, calls };
}

for (const ask of ["structured", "text", "error"]) {
  test(`a tool that asks by ${ask} is paid once, and its receipt names the transfer`, async () => {
    const reader = await newReader(paper);
    const { client, calls } = await forecasts(ask);
    const farthing = createClient({ signer: reader.key, policy: { max: "$0.05", hosts: ["weather"] } });
    const result = await farthing.callTool(client, { name: "forecast", arguments: { town: "Whitby" } }, "weather");
    assert.equal(result.content[0].text, "Rain at four.");
    const [transfer, ...others] = await reader.transfers();
    assert.deepEqual([transfer.value, others], [20_000n, []]);
    const { url, transaction, decimal } = farthing.receiptOf(result);
    assert.deepEqual([url, transaction, decimal], ["mcp://weather/forecast", transfer.transaction, "0.02"]);
    assert.deepEqual(calls.map((payment) => payment !== undefined), [false, true]);
  });
}

test("a tool that costs nothing is called once, and what is too dear or of another server is not paid", async () => {
  const reader = await newReader(paper);
  const { client, calls } = await forecasts("structured");
  const farthing = createClient({ signer: reader.key, policy: { max: "$0.01" } });
  assert.equal((await farthing.callTool(client, { name: "free" }, "weather")).content[0].text, "Weather, mostly.");
  assert.equal(calls.length, 1);
  const refused = (reason) => (error) => error instanceof PaymentError && error.reason === reason;
  await assert.rejects(farthing.callTool(client, { name: "forecast" }, "weather"), refused("too-dear"));
  const elsewhere = createClient({ signer: reader.key, policy: { max: "$1", hosts: ["news.example"] } });
  await assert.rejects(elsewhere.callTool(client, { name: "forecast" }, "weather"), refused("host-not-allowed"));
  assert.deepEqual(await reader.transfers(), []);
});

test("after an answer that did not come, the same payment is sent again", async () => {
  const reader = await newReader(paper);
  const { client, calls } = await forecasts("structured", { doubts: 1 });
  const farthing = createClient({ signer: reader.key, policy: { max: "$0.05" } });
  assert.equal((await farthing.callTool(client, { name: "forecast" }, "weather")).content[0].text, "Rain at four.");
  const [, first, second] = calls;
  assert.deepEqual(first, second);
  assert.equal((await reader.transfers()).length, 1);
});
