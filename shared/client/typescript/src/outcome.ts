import type { Result } from "./protocol/result.js";

/** A genuine result that is not an approval: the user said no, or nobody answered. */
export class NotApprovedError extends Error {
  override readonly name = "NotApprovedError";

  constructor(readonly result: Result) {
    super(`not approved: ${result.status}`);
  }
}

/** The approval was used before. */
export class AlreadyUsedError extends Error {
  override readonly name = "AlreadyUsedError";

  constructor() {
    super("the approval was used before");
  }
}
