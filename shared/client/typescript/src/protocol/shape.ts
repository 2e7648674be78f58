// Payloads by their shape: each member of its type, null counts as absent (docs/protocol.md section 3.2, steps 9 and 10).
import type { Json } from "./json.js";
import { ProtocolError } from "./errors.js";

/** What a member is: a basic type, `[items]`, `{members}`, or `optional({members})`. */
export type Shape = "string" | "number" | "boolean" | "key" | readonly [Shape] | Optional | Members;
interface Members {
  readonly [member: string]: Shape;
}
class Optional<M extends Members = Members> {
  constructor(readonly members: M) {}
}

/** What reading a shape gives. What is absent is "", 0, false, [] or an empty object; an optional object is undefined. */
export type Read<S> = S extends "string"
  ? string
  : S extends "number"
    ? number
    : S extends "boolean"
      ? boolean
      : S extends "key"
        ? { [member: string]: Json } | undefined
        : S extends readonly [infer I]
          ? Read<I>[]
          : S extends Optional<infer M>
            ? { [K in keyof M]: Read<M[K]> } | undefined
            : { [K in keyof S]: Read<S[K]> };

/** optional marks an object that may be absent. */
export function optional<const M extends Members>(members: M): Optional<M> {
  return new Optional(members);
}

/** read takes a payload apart. With `refuse`, a member that the shape does not have is an error, also within members. */
export function read<const S extends Shape>(value: Json | undefined, shape: S, unknown: "ignore" | "refuse"): Read<S> {
  const strange: string[] = [];
  const out = walk(value, shape, "", strange);
  if (unknown === "refuse" && strange.length > 0) {
    const name = [...strange.sort()[0]!.slice(0, 40)].join("").replace(/[^A-Za-z0-9_.-]/g, "?");
    throw new ProtocolError("unknown_member", name, "is not known here");
  }
  return out as Read<S>;
}

function walk(value: Json | undefined, shape: Shape, path: string, strange: string[]): unknown {
  const absent = value === undefined || value === null;
  if (typeof shape === "string" && shape !== "key") {
    if (absent) return { string: "", number: 0, boolean: false }[shape];
    if (typeof value !== shape || Number.isNaN(value)) throw malformed();
    return value;
  }
  if (shape instanceof Array) {
    if (absent) return [];
    if (!Array.isArray(value)) throw malformed();
    return value.map((item) => {
      if (item === null) throw malformed();
      return walk(item, shape[0]!, path, strange);
    });
  }
  if (absent && (shape === "key" || shape instanceof Optional)) return undefined;
  if (!absent && (typeof value !== "object" || Array.isArray(value))) throw malformed();
  if (shape === "key") return value;
  return members((value ?? {}) as { [member: string]: Json }, shape instanceof Optional ? shape.members : (shape as Members), path, strange);
}

function members(value: { [member: string]: Json }, shape: Members, path: string, strange: string[]): unknown {
  for (const name of Object.keys(value)) if (!Object.hasOwn(shape, name)) strange.push(path + name);
  const out: { [member: string]: unknown } = {};
  for (const [name, inner] of Object.entries(shape)) out[name] = walk(value[name], inner, `${path}${name}.`, strange);
  return out;
}

function malformed(): ProtocolError {
  return new ProtocolError("malformed", "payload", "has a member of another type");
}
