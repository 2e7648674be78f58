// Written by scripts/types.mjs from docs/openapi.yaml and docs/errors.md. Do not edit.

export type TenantID = `ten_${string}`;

export type ApplicationID = `app_${string}`;

export type DeviceID = `dev_${string}`;

export type EnrollmentID = `enr_${string}`;

export type ChallengeID = `chl_${string}`;

/** The application's own stable name for the user. Printable, no control characters. */
export type UserRef = string;

/** A compact JWS. */
export type JWS = string;

/** Where a private key lives, strongest first. */
export type KeyLevel = "strongbox" | "secure_enclave" | "tee" | "tpm" | "os_keystore" | "software";

/**
 * `enter`: the user types the number. `choose`: picks it out of three. `compare`: the server cannot check it, so
 * it counts as `none`.
 */
export type MatchMode = "enter" | "choose" | "compare" | "none";

/** All but `pending` are final and never change. */
export type ChallengeStatus = "pending" | "approved" | "denied" | "reported" | "expired" | "canceled" | "superseded" | "failed";

/** `active`, `failed` and `expired` are final. */
export type EnrollmentStatus = "invited" | "registered" | "awaiting_approval" | "active" | "failed" | "expired";

export type DeviceStatus = "unconfirmed" | "active" | "revoked";

export interface EnrollmentCreate {
  user_ref: UserRef;
  /** What the authenticator shows as the account's name. Default is `user_ref`. */
  user_label?: string;
}

export interface EnrollmentConfirm {
  /** The six digits the new device shows. */
  code: string;
}

export interface Enrollment {
  id: EnrollmentID;
  status: EnrollmentStatus;
  user_ref: UserRef;
  /** For a QR code. Given at creation only. */
  invitation_uri?: string;
  /** For a link. Given at creation only. */
  invitation_url?: string;
  expires_at: string;
  device?: Device;
  approval?: EnrollmentApproval;
}

/** The approval that one of the user's active devices must give. */
export interface EnrollmentApproval {
  challenge_id: ChallengeID;
  match: Match;
  expires_at: string;
}

export interface ChallengeCreate {
  user_ref: UserRef;
  /**
   * Your name for what is approved, unique to this attempt. It comes back inside the signed result: check it there,
   * so that a result for one attempt cannot be used for another.
   */
  transaction: string;
  /** The browser session that asks. A new challenge supersedes only one of the same session. */
  session?: string;
  action: Action;
  context?: Context;
  details?: Detail[];
  match?: MatchRequest;
  requirements?: Requirements;
  ttl_seconds?: number;
}

export interface Action {
  /** What is approved, for policy and translation, for example `sign_in`. `add_device` is the server's own. */
  kind: string;
  title?: string;
  message?: string;
}

/** Where the request comes from. The user sees it and judges by it, so never invent it. */
export interface Context {
  /** The browser's address as your backend sees it. */
  ip?: string;
  user_agent?: string;
  location?: string;
  /** The trusted-browser token. */
  browser?: string;
}

export interface Detail {
  label: string;
  value: string;
  kind?: "text" | "amount" | "payee" | "account" | "reference" | "place";
}

export interface MatchRequest {
  mode?: MatchMode;
  /** For `enter` only. */
  digits?: 2 | 6;
}

/** What to show beside "open your authenticator". */
export interface Match {
  mode: MatchMode;
  digits?: 2 | 6;
  /** The number to show, for `enter` and `choose`. Keep leading zeros. */
  number?: string;
  /** The code to show, for `compare`. */
  code?: string;
}

/** Asks for more than policy does. It cannot ask for less. */
export interface Requirements {
  /** A PIN or biometric on the device. */
  user_verification?: boolean;
  key_level?: KeyLevel;
}

export interface Challenge {
  id: ChallengeID;
  status: ChallengeStatus;
  user_ref: UserRef;
  transaction: string;
  created_at: string;
  expires_at: string;
  decided_at?: string;
  /** Why it was denied or reported, as the device sent it. */
  reason?: string;
  /** The user reported the request, maybe after the decision. No result is given any more. */
  reported?: boolean;
  result?: JWS;
}

export interface ChallengeCreated {
  id: ChallengeID;
  status: ChallengeStatus;
  user_ref: UserRef;
  transaction: string;
  match: Match;
  created_at: string;
  expires_at: string;
  /** For the waiting page and the browser API. It sees this challenge only. */
  browser_token: string;
}

export interface BrowserChallenge {
  id: ChallengeID;
  status: "pending" | "approved" | "closed";
  expires_at: string;
}

export interface Device {
  id: DeviceID;
  name: string;
  model: string;
  platform: string;
  app_version: string;
  status: DeviceStatus;
  levels: DeviceLevels;
  created_at: string;
  last_seen_at?: string;
}

export interface DeviceLevels {
  device: ProvenLevel;
  approval: ProvenLevel;
}

export interface ProvenLevel {
  level: KeyLevel;
  /** True when an attestation was checked; false when the device only says so. */
  proven: boolean;
}

export interface DeviceList {
  devices: Device[];
}

export interface AuditEvent {
  /** Position in the chain. Grows by one. */
  seq: number;
  at: string;
  type: string;
  /** Who did it: an application, device or operator id. */
  actor?: string;
  user_ref?: string;
  /** What it was done to: a challenge, enrollment or device id. */
  subject?: string;
  request_id?: string;
  data: Record<string, string>;
  /** The chain's hash up to and with this event. */
  hash: string;
}

export interface AuditEventList {
  events: AuditEvent[];
}

export interface JWKSet {
  keys: JWK[];
}

export interface JWK {
  kty: "EC";
  crv: "P-256";
  x: string;
  y: string;
  /** The RFC 7638 thumbprint. */
  kid: string;
  alg: "ES256";
  use: "sig";
  /** A retired key checks what it signed before and signs nothing new. */
  status?: "active" | "retired";
  /** Of a retired key: seconds since 1970. What says that it was issued at or after this time is refused. */
  retired_at?: number;
}

/** RFC 9457. Branch on `code`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  request_id: string;
  /** With `validation_failed` only. */
  errors?: FieldError[];
}

export interface FieldError {
  /** A JSON pointer into the body, `#/details/0/label`, or a parameter, `query/wait`, `header/Idempotency-Key`. */
  pointer: string;
  detail: string;
}

/** What went wrong. Branch on it. docs/errors.md says what to do about each. */
export type ProblemCode =
  | "unauthorized"
  | "device_unauthorized"
  | "use_dpop_nonce"
  | "clock_skew"
  | "forbidden_scope"
  | "not_found"
  | "method_not_allowed"
  | "unsupported_media_type"
  | "not_acceptable"
  | "body_too_large"
  | "malformed_request"
  | "validation_failed"
  | "idempotency_key_reused"
  | "idempotency_in_progress"
  | "signature_invalid"
  | "replayed"
  | "invitation_invalid"
  | "confirm_code_wrong"
  | "confirm_not_possible"
  | "enrollment_not_pending"
  | "device_limit"
  | "device_inactive"
  | "key_already_known"
  | "key_level_too_low"
  | "user_locked"
  | "user_disabled"
  | "user_has_no_device"
  | "transaction_in_use"
  | "too_many_pending"
  | "denied_recently"
  | "result_withheld"
  | "challenge_already_decided"
  | "challenge_expired"
  | "challenge_hash_mismatch"
  | "requirement_not_met"
  | "counter_regressed"
  | "number_wrong"
  | "locked_out"
  | "rate_limited"
  | "server_shutting_down"
  | "database_busy"
  | "storage_full"
  | "internal";
