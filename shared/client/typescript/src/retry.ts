// Safe repetition: only calls that cannot do something twice come here.
import { NoAnswerError, ProblemError, UnexpectedAnswerError } from "./errors.js";

const firstPause = 250; // milliseconds
const longestPause = 5_000;

/** How long a call that keeps failing is repeated, in milliseconds. */
export const patience = 10_000;
/** The same inside a wait: a server may restart meanwhile. */
export const waitPatience = 60_000;

/** Problems that go away by themselves, and at which nothing was changed or the idempotency key protects. */
const passing = ["rate_limited", "server_shutting_down", "database_busy", "idempotency_in_progress", "internal"];

/** What a platform calls a certificate that it does not trust: asking again does not help. */
const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|^ERR_TLS/;

/** retry calls f until it succeeds, fails in a way that repeating cannot help, or has failed for longer than limit. */
export async function retry<T>(limit: number, signal: AbortSignal | undefined, f: () => Promise<T>): Promise<T> {
  const started = Date.now();
  for (let next = firstPause; ; next = Math.min(2 * next, longestPause)) {
    try {
      return await f();
    } catch (err) {
      const after = repeatable(err);
      const delay = Math.max(after ?? 0, jitter(next));
      if (after === undefined || signal?.aborted || Date.now() + delay - started > limit) throw err;
      await pause(delay, signal);
    }
  }
}

/** repeatable is undefined when sending the same request again cannot help, else the milliseconds the server asked to wait. */
export function repeatable(err: unknown): number | undefined {
  if (err instanceof ProblemError) return passing.includes(err.code) ? err.retryAfter * 1000 : undefined;
  if (err instanceof UnexpectedAnswerError) return [429, 500, 502, 503, 504].includes(err.status) ? err.retryAfter * 1000 : undefined;
  if (!(err instanceof NoAnswerError)) return undefined;
  const cause = err.cause as { code?: unknown; cause?: { code?: unknown } } | undefined;
  return untrusted.test(String(cause?.cause?.code ?? cause?.code ?? "")) ? undefined : 0;
}

/** jitter spreads a pause, so that clients do not come back in step. */
export function jitter(milliseconds: number): number {
  return milliseconds / 2 + (Math.random() * milliseconds) / 2;
}

/** pause waits, or rejects with the signal's reason. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}
