import type { FieldError, ProblemCode } from "./types.js";

export { ProtocolError, type ProtocolErrorCode } from "./protocol/errors.js";

/** The server refused a request (RFC 9457). Branch on `code`; docs/errors.md says what to do about each. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  /** A newer server may send codes that this build does not know. */
  readonly code: ProblemCode | (string & {});
  /** The HTTP status. */
  readonly status: number;
  /** Safe to show to a developer; not meant for end users, and not translated. */
  readonly detail: string;
  /** Quote it when you report a fault; "" when there is none. */
  readonly requestID: string;
  /** With `validation_failed`: each member or parameter that is wrong. */
  readonly errors: readonly FieldError[];
  /** Seconds to wait before the same request can succeed; 0 when the server did not say. */
  readonly retryAfter: number;

  constructor(p: { code: string; status: number; detail?: string; requestID?: string; errors?: readonly FieldError[]; retryAfter?: number }) {
    const fields = (p.errors ?? []).map((e) => ` ${e.pointer} ${e.detail}.`).join("");
    super(p.code + (p.detail ? `: ${p.detail}` : "") + fields + (p.requestID ? ` (request ${p.requestID})` : ""));
    this.code = p.code;
    this.status = p.status;
    this.detail = p.detail ?? "";
    this.requestID = p.requestID ?? "";
    this.errors = p.errors ?? [];
    this.retryAfter = p.retryAfter ?? 0;
  }
}

/** An answer that is not Nod's: a redirect, a proxy's error page, a body over the cap. */
export class UnexpectedAnswerError extends Error {
  override readonly name = "UnexpectedAnswerError";

  constructor(
    readonly status: number,
    reason: string,
    /** Seconds; 0 when the answer did not say. */
    readonly retryAfter = 0,
  ) {
    super(`the answer is not Nod's: status ${status}, ${reason}`);
  }
}

/** There was no answer: the network, the time limit, a server that is not there. The cause is the platform's error. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}
