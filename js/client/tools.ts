// Paid tools of the Model Context Protocol: a tool call as if it were a request, so that the same rules hold for both.
//
// x402's transport for MCP (specs/transports-v2/mcp.md): what is asked for comes as a result with `isError` and `structuredContent`, or as text; the
// payment goes in `_meta["x402/payment"]`, and the receipt comes in `_meta["x402/payment-response"]`. Version 1 asks by the JSON-RPC error 402.

import { wrong } from "./checks.js";
import type { ToolCall, ToolCaller, ToolResult } from "./types.js";

const PAYMENT = "x402/payment";
const RECEIPT = "x402/payment-response";

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
const isRequired = (value: unknown): value is Json => isObject(value) && typeof value["x402Version"] === "number" && Array.isArray(value["accepts"]);

const parsed = (text: unknown): unknown => {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
};

/** Headers carry bytes as base64. */
const written = (value: unknown) => btoa(Array.from(new TextEncoder().encode(JSON.stringify(value)), (byte) => String.fromCharCode(byte)).join(""));
const read = (text: string): unknown => JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0))));

/** What a result asks for, where it is not one but a demand. */
const demandOf = (result: ToolResult): Json | undefined => {
  if (!result.isError) return undefined;
  const [first] = result.content ?? [];
  return [result.structuredContent, isObject(first) ? parsed(first["text"]) : undefined].find(isRequired);
};

/** A 402 as HTTP has it: version 2 in its header, version 1 in its body. */
function demanded(required: Json): Response {
  const headers: Record<string, string> = required["x402Version"] === 1 ? {} : { "PAYMENT-REQUIRED": written(required) };
  return new Response(JSON.stringify(required), { status: 402, headers });
}

/** A tool as the address that it has in policies and receipts, and what sends its calls; `results` has the last. */
export function callOf(tools: ToolCaller, call: ToolCall, server: string) {
  if (typeof server !== "string" || !/^[\w.-]+$/.test(server)) {
    throw wrong("callTool", "your name for this server, of letters, digits, points and dashes", server);
  }
  const results: ToolResult[] = [];
  const fetch = async (_: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    const payment = headers.get("PAYMENT-SIGNATURE") ?? headers.get("X-PAYMENT");
    const meta = payment ? { ...call._meta, [PAYMENT]: read(payment) } : call._meta;
    let result: ToolResult;
    try {
      result = await tools.callTool({ ...call, ...(meta ? { _meta: meta } : {}) }, undefined, init.signal ? { signal: init.signal } : {});
    } catch (error) {
      const { code, data } = error as { code?: unknown; data?: unknown };
      if (code === 402 && isRequired(data)) return demanded(data);
      throw error;
    }
    const required = demandOf(result);
    if (required) return demanded(required);
    results[0] = result;
    const receipt = result._meta?.[RECEIPT];
    return new Response(null, { status: 200, headers: isObject(receipt) ? { "PAYMENT-RESPONSE": written(receipt) } : {} });
  };
  return { url: `mcp://${server.toLowerCase()}/${encodeURIComponent(call.name)}`, body: JSON.stringify(call.arguments ?? {}), fetch: fetch as typeof globalThis.fetch, results };
}
