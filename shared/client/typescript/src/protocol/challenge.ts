// The challenge inside the evidence (docs/protocol.md sections 7 and 8).
import { isCanonical, same, sha256, utf8 } from "./encoding.js";
import { check } from "./errors.js";
import { challengeLifetime, hash, id, isDigits, period, reference, server, text, token } from "./limits.js";
import { read, type Read } from "./shape.js";
import { rank } from "./level.js";
import type { Json } from "./json.js";

const shape = {
  iss: "string",
  tenant: "string",
  aud: ["string"],
  jti: "string",
  nonce: "string",
  iat: "number",
  exp: "number",
  user: { ref: "string", name: "string" },
  application: { id: "string", name: "string" },
  action: { kind: "string", title: "string", message: "string" },
  context: { ip: "string", location: "string", browser: "string", network: "string" },
  details: [{ label: "string", value: "string", kind: "string" }],
  match: { mode: "string", digits: "number", options: ["string"], code: "string", commitment: "string" },
  requirements: { user_verification: "boolean", key_level: "string" },
  risk_reasons: [{ code: "string", about: "string" }],
  transaction_hash: "string",
} as const;

/** A challenge as it was signed. What it does not have is "", 0, false or []. */
export type SignedChallenge = Read<typeof shape>;

/** A challenge's number match. */
export type SignedMatch = SignedChallenge["match"];

/** readChallenge checks the members of a challenge. Ones that are not known are ignored, as evidence is read. */
export function readChallenge(payload: { [member: string]: Json }): SignedChallenge {
  const c = read(payload, shape, "ignore");
  check(c.aud.length >= 1 && c.aud.length <= 32, "aud", "is not 1 to 32 devices");
  for (const device of c.aud) id("aud", "dev_", device);
  check(c.risk_reasons.length <= 8, "risk_reasons", "are over 8");
  for (const reason of c.risk_reasons) {
    text("risk_reasons.code", reason.code, true, 40);
    text("risk_reasons.about", reason.about, false, 40);
  }
  server("iss", c.iss);
  id("tenant", "ten_", c.tenant);
  id("jti", "chl_", c.jti);
  token("nonce", c.nonce);
  period(c.iat, c.exp, challengeLifetime);
  reference("user.ref", c.user.ref);
  text("user.name", c.user.name, false, 80);
  id("application.id", "app_", c.application.id);
  text("application.name", c.application.name, true, 80);
  checkShown(c);
  checkMatch(c.match);
  const level = c.requirements.key_level;
  check(level === "" || rank(level) > 0, "requirements.key_level", "is not a key level");
  hash("transaction_hash", c.transaction_hash);
  return c;
}

function checkShown(c: SignedChallenge): void {
  check(/^[a-z0-9_.-]{1,40}$/.test(c.action.kind), "action.kind", "is not 1 to 40 of a-z, 0-9, _, . and -");
  text("action.title", c.action.title, false, 80);
  text("action.message", c.action.message, false, 300);
  text("context.ip", c.context.ip, false, 64);
  for (const member of ["location", "browser", "network"] as const) text(`context.${member}`, c.context[member], false, 80);
  check(c.details.length <= 16, "details", "are over 16 rows");
  for (const d of c.details) {
    check(["", "text", "amount", "payee", "account", "reference", "place"].includes(d.kind), "details.kind", "is not a kind of detail");
    text("details.label", d.label, true, 40);
    text("details.value", d.value, true, 200);
  }
}

function checkMatch(m: SignedMatch): void {
  switch (m.mode) {
    case "enter":
      check(m.digits === 2 || m.digits === 6, "match.digits", "is not 2 or 6");
      break;
    case "choose": {
      const sound = m.digits === 2 && m.options.length === 3 && new Set(m.options).size === 3 && m.options.every((o) => isDigits(o, 2));
      check(sound, "match.options", "are not 3 different numbers of 2 digits");
      break;
    }
    case "compare":
      text("match.code", m.code, true, 16);
      break;
    default:
      check(m.mode === "none", "match.mode", "is not a mode");
  }
  if (isChecked(m)) hash("match.commitment", m.commitment);
}

/** isChecked tells whether the server verifies a number in this mode. */
export function isChecked(m: { readonly mode: string }): boolean {
  return m.mode === "enter" || m.mode === "choose";
}

/** opens tells whether number is the one that the match commits to (section 8). */
export async function opens(
  m: { readonly mode: string; readonly digits: number; readonly commitment: string },
  salt: Uint8Array,
  challenge: string,
  number: string,
): Promise<boolean> {
  if (!isChecked(m) || salt.length !== 32 || !isDigits(number, m.digits) || !isCanonical(m.commitment, 32)) return false;
  return same(await sha256(salt, utf8(challenge + number)), m.commitment);
}
