// The card's words: those of the first look in English come along, other languages and all further words when they are wanted.

import { card, money } from "#words";
import { wordsIn } from "./files.js";
import type { Money } from "./money.js";

export type CardKey = keyof typeof card;

/** The words of the first look, in one language. */
export interface Words {
  lang: string;
  text: Record<CardKey, string>;
  money: Money;
}

export const english: Words = { lang: "en", text: card, money };

/** Key by key: what a language lacks is said in English. */
export const wordsOf = async (lang: string): Promise<Words> => {
  const words = lang === "en" ? {} : await wordsIn(lang);
  return { lang, text: { ...card, ...words }, money: { ...money, ...words } };
};
