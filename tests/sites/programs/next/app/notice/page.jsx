import { notice } from "../../content.mjs";

export default function Notice() {
  return <><h1>{notice.title}</h1>{notice.paragraphs.map((text) => <p key={text}>{text}</p>)}</>;
}
