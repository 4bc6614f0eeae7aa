// TypeScript for the config, made from its JSON Schema, so that both say the same.

const quoted = (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name));
const comment = (text, indent) => (text ? `${indent}/** ${text} */\n` : "");

function members({ properties, required = [] }, indent) {
  return Object.entries(properties).map(([name, schema]) => {
    const text = schema.description ?? "";
    return `${comment(text, indent)}${indent}${quoted(name)}${required.includes(name) ? "" : "?"}: ${typeOf(schema, indent)};`;
  }).join("\n");
}

const typeName = (ref) => {
  const name = ref.split("/").at(-1);
  return name[0].toUpperCase() + name.slice(1);
};

function typeOf(schema, indent) {
  if (schema.$ref) return typeName(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const either = schema.oneOf ?? schema.anyOf;
  // an object's alternatives say which of its members go together, and all of them are told
  if (either && !schema.properties) return either.map((one) => typeOf(one, indent)).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type }, indent)).join(" | ");
  switch (schema.type) {
    case "string": return "string";
    case "boolean": return "boolean";
    case "integer": case "number": return "number";
    case "array": return `Array<${schema.items ? typeOf(schema.items, indent) : "unknown"}>`;
    case "object": {
      const others = typeof schema.additionalProperties === "object" ? `\n${indent}  [name: string]: ${typeOf(schema.additionalProperties, indent)} | undefined;` : "";
      if (schema.properties) return `{\n${members(schema, `${indent}  `)}${others}\n${indent}}`;
      return `Record<string, ${typeof schema.additionalProperties === "object" ? typeOf(schema.additionalProperties, indent) : "unknown"}>`;
    }
    default: return "unknown";
  }
}

/** The text of `export interface Config` and of what it refers to. */
export function typesOf(schema) {
  const definitions = Object.entries(schema.definitions ?? {}).map(([name, one]) =>
    `${comment(one.description, "")}export type ${typeName(name)} = ${typeOf(one, "")};\n`);
  return `${comment(schema.description, "")}export interface Config {\n${members(schema, "  ")}\n}\n\n${definitions.join("\n")}`;
}
