// Compact JWS with ES256 (docs/protocol.md section 3). The checks come in the order of section 3.2.
import { decode, isCanonical, utf8, type Bytes } from "./encoding.js";
import { ProtocolError } from "./errors.js";
import { parseObject, type Json } from "./json.js";
import type { PublicKey } from "./jwk.js";

/** The message types that an application reads, and the cap on each in bytes. */
const caps = { "nod-result+jwt": 32768, "nod-challenge+jwt": 8192, "nod-decision+jwt": 4096 };

export type MessageType = keyof typeof caps;

const longestHeader = 2048; // characters: it is read before the signature is checked
const signatureBytes = 64; // r and s of ES256 (RFC 7518 section 3.4)

/** A message whose size, shape and header, but not yet its signature, were checked. */
export interface Envelope {
  readonly kid: string;
  readonly signed: Bytes;
  readonly payload: Bytes;
  readonly signature: Bytes;
}

/** open checks size, shape, algorithm, "crit", "b64", "typ" and the form of "kid". */
export function open(raw: string, type: MessageType): Envelope {
  if (raw.length > caps[type]) throw new ProtocolError("too_large", "", `is over ${caps[type]} bytes`);
  const [head, body, mark, more] = raw.split(".").map((part) => ({ part, bytes: part === "" ? undefined : decode(part) }));
  if (!head?.bytes || !body?.bytes || mark?.bytes?.length !== signatureBytes || more || head.part.length > longestHeader) {
    throw new ProtocolError("malformed", "", "is not a compact JWS");
  }
  const kid = readHeader(parseObject(head.bytes), type);
  return { kid, payload: body.bytes, signature: mark.bytes, signed: utf8(`${head.part}.${body.part}`) };
}

/** readHeader returns the "kid". No key is taken from a header. */
function readHeader(header: { [member: string]: Json } | undefined, type: MessageType): string {
  const text = (member: string): string => {
    const value = header?.[member] ?? "";
    if (!header || typeof value !== "string") throw new ProtocolError("malformed", "header", "is not the header of a JWS");
    return value;
  };
  const [alg, typ, kid] = [text("alg"), text("typ"), text("kid")];
  if (alg !== "ES256") throw new ProtocolError("algorithm", "alg", "is not ES256");
  for (const member of ["crit", "b64"]) if (member in header!) throw new ProtocolError("critical", member, "is not supported");
  if (typ !== type) throw new ProtocolError("type", "typ", `is not ${type}`);
  if (!isCanonical(kid, 32)) throw new ProtocolError("unknown_key", "kid", "is not a thumbprint");
  return kid;
}

/** payloadOf checks the signature and returns the payload. key is the one of the receiver's record, or undefined. */
export async function payloadOf(envelope: Envelope, key: PublicKey | undefined): Promise<{ [member: string]: Json }> {
  if (!key || key.kid !== envelope.kid) throw new ProtocolError("unknown_key", "kid", "has no key here");
  const holds = await crypto.subtle
    .verify({ name: "ECDSA", hash: "SHA-256" }, key.key, envelope.signature, envelope.signed)
    .catch(() => false);
  if (!holds) throw new ProtocolError("signature", "", "does not verify");
  const payload = parseObject(envelope.payload);
  if (!payload) throw new ProtocolError("malformed", "payload", "is not a JSON object in UTF-8");
  return payload;
}
