// The custom elements manifest (schema 1.0.0), for editors and documentation tools, from the comments and members of js/src/element.ts.
import ts from "typescript";
import { Plain } from "./run.mjs";

const textOf = (comment) => (ts.getTextOfJSDocComment(comment) ?? "").replace(/\s+/g, " ").trim();

/** `{type} name - description`, as far as it is there. */
function parse(comment) {
  const [, type, name, description] = /^(?:\{(.*?)\}\s+)?(\S+)(?:\s+-\s+(.*))?$/.exec(textOf(comment)) ?? [];
  if (!name || !description) throw new Plain(`element.ts: "${textOf(comment)}" is not {type} name - description`);
  return { name, ...(type && { type: { text: type } }), description };
}

const TAGS = { attr: "attributes", slot: "slots", csspart: "cssParts", cssprop: "cssProperties", fires: "events" };

const isHidden = (node) => ts.isPrivateIdentifier(node.name ?? node) || ts.getJSDocTags(node).some(({ tagName }) => tagName.text === "internal");
const describe = (node) => {
  const description = textOf(ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)?.comment);
  return description ? { description } : {};
};
const typed = (node) => (node ? { type: { text: node.getText() } } : {});

function memberOf(node) {
  if (!node.name || isHidden(node)) return [];
  const name = node.name.getText();
  if (ts.isPropertyDeclaration(node)) return [{ kind: "field", name, ...typed(node.type), ...describe(node) }];
  if (ts.isGetAccessor(node)) return [{ kind: "field", name, readonly: true, ...typed(node.type), ...describe(node) }];
  if (ts.isMethodDeclaration(node)) return [{ kind: "method", name, ...(node.type && { return: { type: { text: node.type.getText() } } }), ...describe(node) }];
  return [];
}

/** @param {string} text of element.ts */
export function manifest(text) {
  const source = ts.createSourceFile("element.ts", text, ts.ScriptTarget.ES2022, true);
  const classes = new Map();
  for (const node of source.statements.filter(ts.isClassDeclaration)) {
    const tags = ts.getJSDocTags(node);
    const tagName = textOf(tags.find((tag) => tag.tagName.text === "tag")?.comment);
    if (!tagName) throw new Plain(`element.ts: ${node.name.text} names no @tag`);
    const parent = node.heritageClauses[0].types[0].expression.getText();
    const made = { kind: "class", name: node.name.text, customElement: true, tagName, ...describe(node), members: node.members.flatMap(memberOf) };
    for (const key of Object.values(TAGS)) made[key] = [];
    for (const tag of tags) if (TAGS[tag.tagName.text]) made[TAGS[tag.tagName.text]].push(parse(tag.comment));
    const base = classes.get(parent);
    if (base) {
      // tools that follow no inheritance see all the same what is there
      for (const key of ["members", ...Object.values(TAGS)]) made[key].unshift(...base[key].map((one) => ({ ...one, inheritedFrom: { name: parent, module: "dist/farthing.js" } })));
    }
    made.superclass = base ? { name: parent, module: "dist/farthing.js" } : { name: parent };
    classes.set(made.name, made);
  }
  const declarations = [...classes.values()];
  const declaration = ({ name }) => ({ name, module: "dist/farthing.js" });
  return {
    schemaVersion: "1.0.0",
    modules: [{
      kind: "javascript-module", path: "dist/farthing.js", declarations,
      exports: [
        ...declarations.map((one) => ({ kind: "js", name: one.name, declaration: declaration(one) })),
        ...declarations.map((one) => ({ kind: "custom-element-definition", name: one.tagName, declaration: declaration(one) })),
      ],
    }],
  };
}
