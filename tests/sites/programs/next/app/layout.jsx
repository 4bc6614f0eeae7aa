import Link from "next/link";
import "./style.css";

export const metadata = { title: "The Weekly Farthing", metadataBase: new URL("https://news.example") };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <header className="top"><Link href="/">The Weekly Farthing</Link> <Link href="/notice">How this paper is paid for</Link></header>
        <main>{children}</main>
        <footer className="bottom">© The Weekly Farthing</footer>
      </body>
    </html>
  );
}
