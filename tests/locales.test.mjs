// The card's words in every language: nothing missing, nothing that could be markup, and each promise about money word for word the same.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const folder = join(import.meta.dirname, "..", "www", "locales");
const text = (language) => readFileSync(join(folder, `${language}.json`), "utf8");
const files = readdirSync(folder).sort();
const languages = files.map((name) => name.replace(/\.json$/, ""));
const others = languages.filter((language) => language !== "en");
const tables = new Map(languages.map((language) => [language, JSON.parse(text(language))]));
const english = tables.get("en");

/** Every text of a language, as [group.key, text]. */
const entries = (language) => Object.entries(tables.get(language)).filter(([group]) => group !== "money").flatMap(([group, words]) => Object.entries(words).map(([key, value]) => [`${group}.${key}`, value]));
const words = new Map(languages.map((language) => [language, new Map(entries(language))]));
const sentences = (value) => value.split(/(?<=。)|(?<=\.)\s/);
const placeholders = (value) => (value.match(/\{[^}]*\}?|\}/g) ?? []).sort();

/** Fails with all that is wrong, not with the first of it. */
function none(wrong) {
  assert.deepEqual(wrong, []);
}
const every = (language, isWrong) => none(entries(language).filter(([key, value]) => isWrong(value, key)));

/** Left out where English has nothing to say. */
const SILENT = ["more.choose-wallet"];

/** What is said of money, by which a reader decides whether to pay again. */
const PROMISES = {
  en: [/nothing was charged(?! again)/i, /nothing was charged again/i, /you will not be charged twice/i],
  ar: ["لم يُخصم أي مبلغ.", "لم يُخصم أي مبلغ مرة أخرى.", "لن يُخصم المبلغ مرتين."],
  de: ["Es wurde nichts abgebucht.", "Es wurde nicht erneut abgebucht.", "Es wird nicht zweimal abgebucht."],
  es: ["No se le ha cobrado nada.", "No se le ha vuelto a cobrar nada.", "No se le cobrará dos veces."],
  fr: ["Aucun montant n’a été débité.", "Aucun montant n’a été débité de nouveau.", "Aucun montant ne sera débité deux fois."],
  ja: ["引き落としは行われていません。", "再度の引き落としは行われていません。", "二重に引き落とされることはありません。"],
  pt: ["Nada foi cobrado.", "Nada foi cobrado de novo.", "Nada será cobrado duas vezes."],
  zh: ["未扣款。", "未再次扣款。", "不会重复扣款。"],
};

/** How each of them is written: the first letter of a text, once placeholders are taken out. */
const SCRIPTS = {
  ar: /^\p{Script=Arabic}/u,
  de: /^\p{Script=Latin}/u,
  en: /^\p{Script=Latin}/u,
  es: /^\p{Script=Latin}/u,
  fr: /^\p{Script=Latin}/u,
  ja: /^[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u,
  pt: /^\p{Script=Latin}/u,
  zh: /^\p{Script=Han}/u,
};

/** The one word for it, wherever English says "wallet". */
const WALLET = { ar: "محفظ", de: "wallet", es: "billetera", fr: "portefeuille", ja: "ウォレット", pt: "carteira", zh: "钱包" };

/** Marks that belong to another language's typography. */
const FOREIGN = {
  ar: /[,;?]/,
  de: /[^\s]…|[“”]/,
  en: /[\u00a0\u202f]/,
  es: /^[^¿]*\?|^[^¡]*!|\s…/,
  // before these a narrow space that does not break
  fr: /(?<!\u202f)[:;!?]|\s…/,
  ja: /[,.;:?!()]|\s/,
  pt: /\s…/,
  zh: /[,.;:?!()]|(?<!…)…(?!…)|[\p{Script=Han}][A-Za-z0-9{]|[}A-Za-z0-9][\p{Script=Han}]/u,
};

const BUTTONS = ["card.do-pay", "card.do-see", "card.do-wait", "card.do-link", "card.do-reload", "card.already", "card.about", "more.do-retry", "more.do-choose", "more.do-check", "more.do-other", "more.cancel", "more.stop", "receipt.download", "receipt.print"];
/** What a phone of 320 px shows in one line. */
const BUTTON = 24;

test("the languages are those that are promised", () => {
  assert.deepEqual(files, ["ar.json", "de.json", "en.json", "es.json", "fr.json", "ja.json", "pt.json", "zh.json"]);
});

for (const language of languages) {
  test(`${language}: groups of texts, each named once`, () => {
    assert.deepEqual(Object.keys(tables.get(language)), Object.keys(english));
    for (const [key, value] of entries(language)) assert.equal(typeof value, "string", key);
    // JSON.parse takes the last of two without a word
    const named = text(language).match(/^\s*"[^"]+"\s*:/gm).length;
    assert.equal(named, Object.values(tables.get(language)).reduce((sum, group) => sum + Object.keys(group).length, Object.keys(english).length));
  });

  test(`${language}: no markup, no space at an end, no mark of a typewriter`, () => {
    every(language, (value) => /[<>&]/.test(value));
    every(language, (value) => value !== value.trim() || /\s\s/.test(value));
    every(language, (value) => /\p{L}'\p{L}/u.test(value) || /['"]|\.\.\./.test(value));
    // nor a character that turns the direction or is not seen
    every(language, (value) => /[\p{Cc}\p{Cf}\ufffd]/u.test(value) || value !== value.normalize("NFC"));
  });

  test(`${language}: written as the language is`, () => {
    every(language, (value, key) => !SILENT.includes(key) && !SCRIPTS[language].test(value.replace(/\{\w+\}/g, "").replace(/^\P{L}+/u, "")));
    every(language, (value) => FOREIGN[language].test(value));
  });
}

for (const language of others) {
  const mine = words.get(language);

  test(`${language}: no key that English does not have`, () => {
    none([...mine.keys()].filter((key) => !words.get("en").has(key)));
  });

  test(`${language}: complete`, () => {
    none([...words.get("en").keys()].filter((key) => !mine.has(key)));
    for (const [key, value] of mine) assert.equal(value === "", SILENT.includes(key), key);
  });

  test(`${language}: each placeholder of the English text once, and no other`, () => {
    for (const [key, value] of mine) assert.deepEqual(placeholders(value), placeholders(words.get("en").get(key)), key);
  });

  test(`${language}: promises about money stand where English makes them, always in the same words`, () => {
    PROMISES[language].forEach((promise, index) => {
      for (const [key, value] of mine) {
        const made = sentences(value).filter((sentence) => sentence === promise).length;
        assert.equal(made, PROMISES.en[index].test(words.get("en").get(key)) ? 1 : 0, `${key}: ${promise}`);
      }
    });
  });

  test(`${language}: one word for the wallet`, () => {
    for (const [key, value] of mine) {
      if (/wallet/i.test(words.get("en").get(key))) assert.ok(value.toLowerCase().includes(WALLET[language]), `${key}: ${value}`);
    }
  });
}

for (const language of languages.filter((language) => SCRIPTS[language].test("a"))) {
  test(`${language}: buttons fit a small phone`, () => {
    const price = new Intl.NumberFormat(language, { style: "currency", currency: "USD" }).format(0.05);
    none(BUTTONS.map((key) => words.get(language).get(key).replace("{price}", price)).filter((label) => [...label].length > BUTTON));
  });
}

for (const language of languages) {
  test(`${language}: the page writes a price as its script will`, () => {
    const { dollars, point } = tables.get(language).money;
    const format = new Intl.NumberFormat(language, { style: "currency", currency: "USD", maximumFractionDigits: 6 });
    for (const amount of ["0.05", "0.50", "0.005", "12.00"]) {
      // marks of direction aside: ours keep a price together wherever it stands
      const plain = (text) => text.replace(/[\u200e\u200f\u2066-\u2069]/g, "");
      assert.equal(plain(dollars.replace("{amount}", amount.replace(".", point))), plain(format.format(amount)));
    }
  });
}

test("buttons are buttons of the card", () => {
  none(BUTTONS.filter((key) => !words.get("en").has(key)));
  none([...words.get("en").keys()].filter((key) => /\.do-/.test(key) && !BUTTONS.includes(key)));
});
