// A tenant's signing keys (docs/protocol.md section 4).
import { importKey, type PublicKey } from "./jwk.js";
import { ProtocolError } from "./errors.js";
import { open, payloadOf, type MessageType } from "./jws.js";
import type { Json } from "./json.js";

/** A tenant's signing key. A retired one verifies what was issued before `retiredAt`, in seconds. */
export interface TenantKey extends PublicKey {
  readonly retiredAt?: number;
}

/** The signing keys of one tenant of one server, by their ids. */
export interface TenantKeys {
  readonly issuer: string;
  readonly tenant: string;
  readonly keys: ReadonlyMap<string, TenantKey>;
}

const most = 64;

/**
 * readKeys reads the members of a JWK set. Keys of another kind may be added one day and are passed over (RFC 7517 section
 * 5). The id is computed, so that a set cannot give one key another's name. A retired key without its time verifies nothing.
 */
export async function readKeys(set: readonly unknown[]): Promise<Map<string, TenantKey>> {
  const keys = new Map<string, TenantKey>();
  for (const jwk of set.slice(0, most)) {
    const key = await importKey(jwk).catch(() => undefined);
    if (!key) continue;
    const { status = "active", retired_at: at = 0 } = jwk as { status?: unknown; retired_at?: unknown };
    if (status === "active") keys.set(key.kid, key);
    if (status === "retired" && Number.isSafeInteger(at)) keys.set(key.kid, { ...key, retiredAt: at as number });
  }
  return keys;
}

/**
 * statement verifies a message that a tenant key signs and reads its payload: the signature, then that it is of this server and
 * tenant, and that its key was not retired when it was issued.
 */
export async function statement<T extends { iss: string; tenant: string; iat: number }>(
  raw: string,
  type: MessageType,
  keys: TenantKeys,
  readPayload: (payload: { [member: string]: Json }) => T | Promise<T>,
): Promise<T> {
  const envelope = open(raw, type);
  const key = keys.keys.get(envelope.kid);
  const message = await readPayload(await payloadOf(envelope, key));
  if (message.iss !== keys.issuer) throw new ProtocolError("mismatch", "iss", "is another server");
  if (message.tenant !== keys.tenant) throw new ProtocolError("mismatch", "tenant", "is another tenant");
  if (key?.retiredAt !== undefined && message.iat >= key.retiredAt) {
    throw new ProtocolError("unknown_key", "kid", "was retired before this was signed");
  }
  return message;
}
