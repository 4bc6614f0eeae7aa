import Link from "next/link";
import { articles } from "../content.mjs";

export default function Front() {
  return (
    <>
      <h1>This week</h1>
      <ul>
        {articles.map(({ slug, title, dek }) => <li key={slug}><Link href={`/articles/${slug}`}>{title}</Link>: {dek}</li>)}
      </ul>
      <h2>Reports</h2>
      <ul>
        {articles.map(({ slug, title }) => <li key={slug}><Link href={`/reports/${slug}`}>Report: {title}</Link></li>)}
      </ul>
    </>
  );
}
