/** Why a signed message was refused (docs/protocol.md section 3.2). The test vectors name these codes. */
export type ProtocolErrorCode =
  | "too_large"
  | "malformed"
  | "algorithm"
  | "critical"
  | "type"
  | "unknown_key"
  | "signature"
  | "unknown_member"
  | "invalid"
  | "mismatch"
  | "expired"
  | "evidence"
  | "insecure";

/** A message that does not hold. Its text names the member, never its value: it is safe to log. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";

  /** `member` is the part at fault, such as "exp" or "match.digits"; it may be empty. */
  constructor(
    readonly code: ProtocolErrorCode,
    readonly member: string,
    detail: string,
  ) {
    super(`${code}${member && ` ${member}`}: ${detail}`);
  }
}

/** check throws an `invalid` error unless ok. */
export function check(ok: boolean, member: string, detail: string): void {
  if (!ok) throw new ProtocolError("invalid", member, detail);
}
