"use client";
import { useState } from "react";

export default function Share({ title, text }) {
  const [shown, show] = useState(false);
  return <p className="share"><button type="button" onClick={() => show(!shown)}>Share</button> {shown && <span>{title}: {text.slice(0, 80)}</span>}</p>;
}
