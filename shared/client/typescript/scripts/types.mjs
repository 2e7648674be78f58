// Writes src/types.ts from docs/openapi.yaml and the codes of docs/errors.md. Without --write it prints, for the test that
// compares. Only the schemas that the application and the browser API reach are written.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const root = new URL("../../../../", import.meta.url);

/** read returns a file of the repository. */
function read(path) {
  return readFileSync(new URL(path, root), "utf8");
}

/** doc formats a description as a comment with an indent. */
function doc(text, indent) {
  if (!text) return "";
  const words = text.trim().replaceAll("*/", "* /").split(/\s+/);
  const lines = [""];
  for (const word of words) {
    if (lines.at(-1).length + word.length > 110) lines.push("");
    lines[lines.length - 1] += (lines.at(-1) ? " " : "") + word;
  }
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((l) => `${indent} * ${l}\n`).join("")}${indent} */\n`;
}

/** type returns the TypeScript type of a schema, and reports each schema that it names. */
function type(schema, seen) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    seen(name);
    return name;
  }
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  switch (schema.type) {
    case "string":
      return /^\^[a-z]{3}_\[/.test(schema.pattern ?? "") ? `\`${schema.pattern.slice(1, 5)}\${string}\`` : "string";
    case "integer":
      return "number";
    case "boolean":
      return "boolean";
    case "array":
      return `${type(schema.items, seen)}[]`;
    case "object":
      if (schema.additionalProperties) return `Record<string, ${type(schema.additionalProperties, seen)}>`;
      return `{ ${Object.entries(schema.properties)
        .map(([k, v]) => `${k}${schema.required?.includes(k) ? "" : "?"}: ${type(v, seen)}`)
        .join("; ")} }`;
  }
  throw new Error(`no TypeScript for ${JSON.stringify(schema)}`);
}

/** declaration returns a named schema as an exported type. */
function declaration(name, schema, seen) {
  const head = doc(schema.description, "");
  if (schema.type !== "object") return `${head}export type ${name} = ${type(schema, seen)};\n`;
  const members = Object.entries(schema.properties).map(([key, value]) => {
    const optional = schema.required?.includes(key) ? "" : "?";
    return `${doc(value.description, "  ")}  ${key}${optional}: ${type(value, seen)};\n`;
  });
  return `${head}export interface ${name} {\n${members.join("")}}\n`;
}

/** schemasOf finds the schemas that the operations of some paths name. */
function schemasOf(value, found) {
  if (value === null || typeof value !== "object") return;
  if (typeof value.$ref === "string" && value.$ref.startsWith("#/components/schemas/")) found(value.$ref.split("/").at(-1));
  for (const inner of Object.values(value)) schemasOf(inner, found);
}

/** generate returns the text of src/types.ts. */
export function generate() {
  const api = parse(read("docs/openapi.yaml"));
  const wanted = new Set(["TenantID", "ApplicationID", "Problem"]);
  for (const [path, operations] of Object.entries(api.paths)) {
    if (path.startsWith("/v1/") || path.startsWith("/browser/") || path.endsWith("jwks.json")) schemasOf(operations, (n) => wanted.add(n));
  }
  const written = new Map();
  for (const name of wanted) {
    written.set(name, declaration(name, api.components.schemas[name], (n) => wanted.add(n)));
  }
  const order = Object.keys(api.components.schemas).filter((n) => written.has(n));
  const codes = [...read("docs/errors.md").matchAll(/^\| `([a-z_]+)` \|/gm)].map((m) => m[1]);
  return (
    "// Written by scripts/types.mjs from docs/openapi.yaml and docs/errors.md. Do not edit.\n\n" +
    order.map((n) => written.get(n)).join("\n") +
    `\n/** What went wrong. Branch on it. docs/errors.md says what to do about each. */\nexport type ProblemCode =\n${codes.map((c) => `  | "${c}"\n`).join("").trimEnd()};\n`
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--write")) writeFileSync(new URL("../src/types.ts", import.meta.url), generate());
  else process.stdout.write(generate());
}
