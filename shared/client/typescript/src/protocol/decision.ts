// The device's decision inside the evidence (docs/protocol.md section 9).
import { check } from "./errors.js";
import type { PublicKey } from "./jwk.js";
import { open, payloadOf } from "./jws.js";
import { hash, id, isDigits, server, text, time, token } from "./limits.js";
import { read, type Read } from "./shape.js";

const shape = {
  iss: "string",
  aud: "string",
  tenant: "string",
  jti: "string",
  iat: "number",
  challenge_id: "string",
  challenge_hash: "string",
  decision: "string",
  number: "string",
  user_verification: "string",
  reason: "string",
  counter: "number",
} as const;

/** A decision as the device signed it. What it does not have is "" or 0. */
export type Decision = Read<typeof shape>;

/** verifyDecision checks a decision under the one key that may have signed it. */
export async function verifyDecision(raw: string, key: PublicKey): Promise<Decision> {
  const d = read(await payloadOf(open(raw, "nod-decision+jwt"), key), shape, "refuse");
  check(["approve", "deny", "report"].includes(d.decision), "decision", "is not an answer");
  check(d.number === "" || isDigits(d.number, 2) || isDigits(d.number, 6), "number", "is not 2 or 6 digits");
  check(d.counter >= 1 && d.counter <= 2 ** 53, "counter", "is not 1 to 2^53");
  id("iss", "dev_", d.iss);
  server("aud", d.aud);
  id("tenant", "ten_", d.tenant);
  token("jti", d.jti);
  time("iat", d.iat);
  id("challenge_id", "chl_", d.challenge_id);
  hash("challenge_hash", d.challenge_hash);
  check(["", "pin", "biometric", "device_credential"].includes(d.user_verification), "user_verification", "is not a method");
  text("reason", d.reason, false, 40);
  return d;
}
