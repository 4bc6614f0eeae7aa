"use client";
// The same in the browser.
import { createClient } from "farthing";
import { useEffect, useState } from "react";

async function pay() {
  const { key, article } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const client = createClient({ signer: key, policy: { max: "$1" } });
  const response = await client.fetch(article);
  const receipt = client.receiptOf(response);
  const again = await client.fetch(article);
  return JSON.stringify({ status: response.status, text: await response.text(), receipt, again: { status: again.status, receipt: client.receiptOf(again) } });
}

let paying;

export default function Page() {
  const [printed, print] = useState("");
  useEffect(() => {
    paying ??= pay();
    paying.then(print, (error) => print(String(error)));
  }, []);
  return printed && <pre>{printed}</pre>;
}
