// The language that a card speaks.

const LANGUAGES = ["ar", "de", "es", "fr", "ja", "pt", "zh"];

/** The language around an element, through shadow trees; without any, the reader's own. */
export function languageOf(element: Element): string {
  for (let at: Element | undefined = element; at; ) {
    const lang: string | null | undefined = at.closest("[lang]")?.getAttribute("lang");
    if (lang) return main(lang) ?? "en";
    const root: Node = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : undefined;
  }
  return navigator.languages.map((lang) => (/^en\b/i.test(lang) ? "en" : main(lang))).find(Boolean) ?? "en";
}

const main = (lang: string) => LANGUAGES.find((name) => name === lang.toLowerCase().split("-")[0]);
