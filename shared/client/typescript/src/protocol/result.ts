// The result and its evidence (docs/protocol.md section 12).
import type { ApplicationID, ChallengeID, ChallengeStatus, DeviceID, KeyLevel, TenantID } from "../types.js";
import { isChecked, opens, readChallenge, type SignedChallenge } from "./challenge.js";
import { verifyDecision, type Decision } from "./decision.js";
import { decode, same, sha256, utf8, type Bytes } from "./encoding.js";
import { check, ProtocolError } from "./errors.js";
import type { Json } from "./json.js";
import { importKey, type PublicKey } from "./jwk.js";
import { statement, type TenantKeys } from "./keys.js";
import { acrOf, amrOf, meets, rank } from "./level.js";
import { id, leeway, period, reference, resultLifetime, server, text, token } from "./limits.js";
import { optional, read, type Read } from "./shape.js";

/** A genuine result, as the tenant signed it. Times are seconds since 1970. */
export interface Result {
  iss: string;
  tenant: TenantID;
  aud: ApplicationID;
  /** The user_ref. */
  sub: string;
  jti: string;
  iat: number;
  exp: number;
  challenge_id: ChallengeID;
  status: Exclude<ChallengeStatus, "pending">;
  /** Why it was denied or reported, as the device sent it; "" for none. */
  reason: string;
  transaction: string;
  /** What was met, with `approved` only, else "". */
  acr: string;
  /** With `approved` only, else empty. */
  amr: string[];
  /** The device that decided. */
  device?: { id: DeviceID; name: string; platform: string };
  /** Of the key that signed the decision; "" when nobody decided. It counts when it is proven. */
  key_level: KeyLevel | "";
  key_level_proven: boolean;
  /** What proves the result without the server. Keep the whole text of the result as a receipt. */
  evidence: { challenge: string; decision: string; salt: string };
}

/** What a verifier knows by itself. All of it is required. */
export interface Expectation {
  issuer: string;
  tenant: string;
  audience: string;
  subject: string;
  transaction: string;
  /** Seconds since 1970, or "receipt" for an archived one, whose own expiry is not checked. */
  now: number | "receipt";
}

const shape = {
  iss: "string",
  tenant: "string",
  aud: "string",
  sub: "string",
  jti: "string",
  iat: "number",
  exp: "number",
  challenge_id: "string",
  status: "string",
  reason: "string",
  transaction: "string",
  acr: "string",
  amr: ["string"],
  device: optional({ id: "string", name: "string", platform: "string" }),
  key_level: "string",
  key_level_proven: "boolean",
  cnf: optional({ jwk: "key" }),
  evidence: { challenge: "string", decision: "string", salt: "string" },
} as const;

type Payload = Omit<Read<typeof shape>, "cnf"> & { cnf: PublicKey | undefined };

const finals = ["approved", "denied", "reported", "expired", "canceled", "superseded", "failed"];

/**
 * verifyResult checks a result and its evidence offline, in the order of section 12.1, all but the last two steps: the result
 * may say no, and it may have been used before. It also returns the challenge of the evidence.
 */
export async function verifyResult(raw: string, keys: TenantKeys, want: Expectation): Promise<{ result: Result; challenge: SignedChallenge }> {
  for (const value of [want.issuer, want.tenant, want.audience, want.subject, want.transaction]) {
    check(typeof value === "string" && value !== "", "expectation", "has an empty member");
  }
  const r = await statement(raw, "nod-result+jwt", keys, readResult);
  const pairs = { iss: want.issuer, tenant: want.tenant, aud: want.audience, sub: want.subject, transaction: want.transaction };
  for (const [member, value] of Object.entries(pairs)) {
    if (!same(r[member as keyof typeof pairs], value)) throw new ProtocolError("mismatch", member, "is not the expected one");
  }
  if (want.now !== "receipt" && !(want.now < r.exp + leeway && want.now >= r.iat - leeway)) {
    throw new ProtocolError("expired", "exp", "the result is for immediate use");
  }
  const challenge = await verifyEvidence(r, keys);
  const { cnf: _, device, ...rest } = r;
  return { result: { ...rest, ...(device && { device }) } as Result, challenge };
}

async function readResult(payload: { [member: string]: Json }): Promise<Payload> {
  const r = read(payload, shape, "ignore");
  const cnf = r.cnf?.jwk && (await importKey(r.cnf.jwk));
  check(finals.includes(r.status), "status", "is not a final status");
  check((cnf === undefined) === (r.evidence.decision === ""), "cnf", "stands exactly with a decision");
  check(r.key_level === "" || rank(r.key_level) > 0, "key_level", "is not a key level");
  server("iss", r.iss);
  id("tenant", "ten_", r.tenant);
  id("aud", "app_", r.aud);
  reference("sub", r.sub);
  token("jti", r.jti);
  period(r.iat, r.exp, resultLifetime);
  id("challenge_id", "chl_", r.challenge_id);
  reference("transaction", r.transaction);
  text("reason", r.reason, false, 40);
  if (r.device) {
    id("device.id", "dev_", r.device.id);
    text("device.name", r.device.name, false, 80);
    text("device.platform", r.device.platform, false, 20);
  }
  return { ...r, cnf };
}

/** verifyEvidence checks that challenge and decision prove what the result says (step 4 of section 12.1). */
async function verifyEvidence(r: Payload, keys: TenantKeys): Promise<SignedChallenge> {
  const c = await statement(r.evidence.challenge, "nod-challenge+jwt", keys, readChallenge).catch(inEvidence("challenge"));
  const its = c.iss === r.iss && c.tenant === r.tenant && c.jti === r.challenge_id && c.application.id === r.aud && c.user.ref === r.sub;
  prove(its && c.transaction_hash === (await sha256(utf8(r.transaction))), "challenge", "is not the one of the result");
  prove(r.status === "approved" || (r.acr === "" && r.amr.length === 0), "acr", "claims something else than was met");
  if (!r.cnf) {
    prove(["expired", "canceled", "superseded"].includes(r.status), "decision", "is missing");
    return c;
  }
  const d = await verifyDecision(r.evidence.decision, r.cnf).catch(inEvidence("decision"));
  const answers = d.challenge_id === c.jti && d.challenge_hash === (await sha256(utf8(r.evidence.challenge))) && d.aud === c.iss && d.tenant === c.tenant;
  prove(answers && c.aud.includes(d.iss) && r.device?.id === d.iss, "decision", "answers another challenge");
  const salt = decode(r.evidence.salt);
  prove(salt !== undefined, "salt", "is not base64url");
  await checkOutcome(r, c, d, salt!);
  return c;
}

/** checkOutcome holds the status and the claims of the result against what was signed. */
async function checkOutcome(r: Payload, c: SignedChallenge, d: Decision, salt: Bytes): Promise<void> {
  const number = await opens(c.match, salt, c.jti, d.number);
  const checked = isChecked(c.match);
  const follows =
    (r.status === "approved" && d.decision === "approve" && (number || !checked)) ||
    (r.status === "failed" && d.decision === "approve" && checked && !number) ||
    (r.status === "denied" && d.decision === "deny") ||
    (r.status === "reported" && d.decision === "report");
  prove(follows, "status", "does not follow from the decision");
  if (r.status !== "approved") return;
  prove(!c.requirements.user_verification || d.user_verification !== "", "user_verification", "was required");
  prove(meets(c.requirements.key_level, r.key_level, r.key_level_proven), "key_level", "is lower than required, or not proven");
  prove(r.acr === acrOf(number, d.user_verification !== ""), "acr", "claims something else than was met");
  const met = amrOf(r.key_level, r.key_level_proven, d.user_verification);
  prove(r.amr.every((method) => met.includes(method)), "amr", "claims something else than was met");
}

function prove(ok: boolean, member: string, detail: string): void {
  if (!ok) throw new ProtocolError("evidence", member, detail);
}

function inEvidence(member: string): (err: unknown) => never {
  return (err) => {
    throw new ProtocolError("evidence", member, err instanceof Error ? err.message : "does not hold");
  };
}
