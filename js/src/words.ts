// The card's words: those of the first look in English come along, other languages and all further words when they are wanted.

import { card } from "#words";
import { wordsIn } from "./files.js";

export type CardKey = keyof typeof card;

/** The words of the first look, in one language. */
export interface Words {
  lang: string;
  text: Record<CardKey, string>;
}

export const english: Words = { lang: "en", text: card };

/** Key by key: what a language lacks is said in English. */
export const wordsOf = async (lang: string): Promise<Words> =>
  lang === "en" ? english : { lang, text: { ...card, ...(await wordsIn(lang)) } };
