import { notFound } from "next/navigation";
import { articles, bySlug } from "../../../content.mjs";
import Share from "./share.jsx";

export const generateStaticParams = () => articles.map(({ slug }) => ({ slug }));
export const dynamicParams = false;

export async function generateMetadata({ params }) {
  const article = bySlug((await params).slug);
  // as many sites have it: the beginning of what is in the text
  return article && { title: article.title, description: article.sold[0].slice(0, 160), openGraph: { title: article.title, description: article.sold[1].slice(0, 300) } };
}

export default async function Article({ params }) {
  const article = bySlug((await params).slug);
  if (!article) notFound();
  return (
    <article>
      <h1>{article.title}</h1>
      <p className="dek">{article.dek}</p>
      <Share title={article.title} text={article.sold.join("\n")} />
      {article.audio && <audio controls preload="none" src={`/media/${article.slug}/${article.audio}`} />}
      {article.free.map((html) => <p key={html} dangerouslySetInnerHTML={{ __html: html }} />)}
      <div className="premium">{article.premium.map((html) => <p key={html} dangerouslySetInnerHTML={{ __html: html }} />)}</div>
    </article>
  );
}
