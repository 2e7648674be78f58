// Public P-256 keys (docs/protocol.md section 2).
import { isCanonical, sha256, utf8 } from "./encoding.js";
import { check, ProtocolError } from "./errors.js";

/** A public key and its id, the RFC 7638 thumbprint. */
export interface PublicKey {
  readonly kid: string;
  readonly key: CryptoKey;
}

const ecdsa = { name: "ECDSA", namedCurve: "P-256" };

/** importKey reads a JWK. Private keys, other curves and points off the curve are refused; other members are ignored. */
export async function importKey(jwk: unknown): Promise<PublicKey> {
  if (typeof jwk !== "object" || jwk === null || Array.isArray(jwk)) throw new ProtocolError("malformed", "jwk", "is not an object");
  const { kty, crv, x, y } = jwk as { [member: string]: unknown };
  check(!("d" in jwk), "jwk", "is a private key");
  const sound = kty === "EC" && crv === "P-256" && typeof x === "string" && typeof y === "string" && isCanonical(x, 32) && isCanonical(y, 32);
  check(sound, "jwk", "is not a P-256 key");
  try {
    const key = await crypto.subtle.importKey("jwk", { kty: "EC", crv: "P-256", x: x as string, y: y as string }, ecdsa, true, ["verify"]);
    return { key, kid: await sha256(utf8(`{"crv":"P-256","kty":"EC","x":"${x as string}","y":"${y as string}"}`)) };
  } catch {
    throw new ProtocolError("invalid", "jwk", "is not a point of P-256");
  }
}
