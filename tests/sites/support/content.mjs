// What every fixture site publishes: two articles that are sold, one with a recording, one page that is free. The programs that make
// the sites get it as data, and put it where they put articles.
import { paragraphsOf } from "../../support/cms-pages.mjs";
import { unescapeHtml, words } from "../../support/disguises.mjs";

const plain = (inner) => unescapeHtml(inner.replace(/<[^>]*>/g, ""));
const FREE = 2;

function article(slug, title, dek, from, more = {}) {
  const paragraphs = paragraphsOf(from);
  return { slug, title, dek, free: paragraphs.slice(0, FREE), premium: paragraphs.slice(FREE), sold: paragraphs.slice(FREE).map(plain), ...more };
}

export const ARTICLES = [
  article("light", "The light that was not there", "Three keepers, one dark lantern, and who heard of it first.", "the-log-nobody-wrote"),
  article("tide", "Ten past two, sixteen feet", "A dock master, a wall with numerals, and rain.", "a-calendar-for-the-sea", { audio: "listen.mp3" }),
];
export const [LIGHT, TIDE] = ARTICLES;
/** A page that costs nothing. */
export const NOTICE = { slug: "notice", title: "How this paper is paid for", paragraphs: ["Readers pay for one article at a time, and for nothing else.", "There are no accounts and no letters from us."] };

/** A recording: not a real one, but no two bytes of it stand where they do by chance. */
export const AUDIO = Buffer.concat([Buffer.from("ID3\u0004\u0000\u0000\u0000\u0000\u0000\u0000", "latin1"), Buffer.alloc(40_000, "the tide as it was read ")]);

export const SENTENCES = ARTICLES.flatMap(({ sold }) => sold.flatMap((text) => text.split(/(?<=[.!?]) (?=[“A-Z])/)).filter((text) => words(text).length > 5));
/** What anybody may read. */
export const OPEN = [...ARTICLES.flatMap(({ title, dek, free }) => [title, dek, ...free.map(plain)]), NOTICE.title, ...NOTICE.paragraphs];
