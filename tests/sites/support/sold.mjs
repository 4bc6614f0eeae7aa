// Whether any of what the sites sell can be read in a text, in whatever disguise.
import { searchFor } from "../../support/disguises.mjs";
import { ARTICLES, OPEN, SENTENCES } from "./content.mjs";

export const { soldIn, size } = searchFor({ open: OPEN, sold: ARTICLES.map(({ sold }) => sold.join("\n")), sentences: SENTENCES });
