/**
 * The TypeScript SDK for applications: ask a user to approve, wait, and check the signed result.
 *
 * It owns: the application API of docs/openapi.yaml as calls, safe repetition, the tenant's key cache, the check of a result
 * including that it is used once, and the check of webhooks. It leaves to others: the first factor, and the session that starts
 * after an approval. The waiting page has `@nod-auth/client/browser` and `@nod-auth/client/element`.
 *
 * Invariants:
 * - {@link NodClient.verify} resolves only for an approval by the expected user of the expected transaction that was not used
 *   before. Everything else rejects, also what could not be checked.
 * - The API key is sent to the configured server only, and never stands in an error.
 * - A request is sent again only when that cannot do something twice.
 *
 * @packageDocumentation
 */
export { NodClient, type CallOptions, type CreateOptions, type Expect, type NodClientOptions } from "./client.js";
export { NoAnswerError, ProblemError, ProtocolError, UnexpectedAnswerError, type ProtocolErrorCode } from "./errors.js";
export { AlreadyUsedError, NotApprovedError } from "./outcome.js";
export { MemoryReplay, type Replay } from "./replay.js";
export { verifyWebhook, WebhookError, type WebhookHeaders, type WebhookOptions } from "./webhook.js";
export type { Result } from "./protocol/result.js";
export type * from "./types.js";
