import Head from "next/head";
import Link from "next/link";

export async function getStaticPaths() {
  const { articles } = await import("../../content.mjs");
  return { paths: articles.map(({ slug }) => ({ params: { slug } })), fallback: false };
}

export async function getStaticProps({ params }) {
  const { bySlug } = await import("../../content.mjs");
  return { props: { article: bySlug(params.slug) } };
}

export default function Report({ article }) {
  return (
    <>
      <Head><title>{article.title}</title><meta name="description" content={article.sold[0].slice(0, 200)} /></Head>
      <header className="top"><Link href="/">The Weekly Farthing</Link> <Link className="next" href={article.slug === "light" ? "/reports/tide" : "/reports/light"}>The other report</Link></header>
      <main>
        <article>
          <h1>{article.title}</h1>
          {article.free.map((html) => <p key={html} dangerouslySetInnerHTML={{ __html: html }} />)}
          <div className="premium">{article.premium.map((html) => <p key={html} dangerouslySetInnerHTML={{ __html: html }} />)}</div>
        </article>
      </main>
    </>
  );
}
