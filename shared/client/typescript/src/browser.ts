/**
 * What the waiting page needs: {@link watchChallenge} tells when to go on. It never tells that the user may come in: the backend
 * reads the result and verifies it.
 *
 * @packageDocumentation
 */
import { ProblemError, UnexpectedAnswerError } from "./errors.js";
import { checkBase, Http, segment, type Fetch } from "./http.js";
import { readEvents } from "./sse.js";
import { jitter, pause, repeatable } from "./retry.js";
import type { BrowserChallenge, ChallengeID } from "./types.js";

export { NoAnswerError, ProblemError, UnexpectedAnswerError } from "./errors.js";
export type { BrowserChallenge, ChallengeID } from "./types.js";

/** What {@link watchChallenge} takes. */
export interface WatchOptions {
  /** The server. The page's origin must be one of the application's. */
  url: string;
  id: ChallengeID;
  /** The challenge's `browser_token`. It is sent in a header, never in a URL. */
  token: string;
  /** Called with the first state and with each change. */
  onStatus?: (challenge: BrowserChallenge) => void;
  signal?: AbortSignal;
  /** Default is the platform's. */
  fetch?: Fetch;
}

// In milliseconds.
const firstEvent = 6_000; // a stream that says nothing for so long is held back by a proxy: ask with long polls instead
const silence = 60_000; // the server sends a comment every 25 s
const streamLife = 16 * 60_000; // a minute over the server's
const pollLife = 40_000;
const grace = 60_000; // that a token outlives its challenge
const strangerPatience = 20_000; // of failures before any answer
const firstPause = 500;
const longestPause = 8_000;
const pollSeconds = 25;

/**
 * Watches a challenge until it is `approved` or `closed`, with a stream or, where a proxy holds streams back, with long polls. It
 * survives a sleeping laptop and a restart of the server. It rejects when the signal ends it, when the server refuses, or when it
 * cannot be reached from the start. What ends without a word, with its token, is `closed`.
 */
export async function watchChallenge(o: WatchOptions): Promise<BrowserChallenge> {
  const watch = new Watch(o);
  const began = Date.now();
  for (let next = firstPause; ; next = Math.min(2 * next, longestPause)) {
    const seen = watch.heard;
    try {
      const final = await watch.once();
      if (final) return final;
      await pause(jitter(firstPause), o.signal); // whatever ended, the next one is not asked for at once
    } catch (err) {
      o.signal?.throwIfAborted();
      const last = watch.last;
      const unauthorized = err instanceof ProblemError && err.code === "unauthorized";
      if (last && (unauthorized || Date.now() > Date.parse(last.expires_at) + grace)) return watch.tell({ ...last, status: "closed" });
      if (!(err instanceof HeldBack) && repeatable(err) === undefined) throw err;
      if (!last && Date.now() - began > strangerPatience) throw err;
      await pause(Math.max(repeatable(err) ?? 0, err instanceof HeldBack ? 0 : jitter(next)), o.signal);
    }
    if (watch.heard > seen) next = firstPause / 2; // it was good for a while
  }
}

/** The stream was silent for too long. */
class HeldBack extends Error {}

class Watch {
  last: BrowserChallenge | undefined;
  heard = 0; // states
  private streaming = true;
  private readonly http: Http;
  private readonly path: string;

  constructor(private readonly o: WatchOptions) {
    if (!o.token) throw new TypeError("the browser token is missing");
    this.path = `/browser/v1/challenges/${segment(o.id)}`;
    this.http = new Http(checkBase(o.url), o.fetch ?? ((url, init) => fetch(url, init)), Date.now);
  }

  /** once opens the stream or asks, and returns the final state; undefined when there is none yet. */
  once(): Promise<BrowserChallenge | undefined> {
    return this.streaming ? this.stream() : this.poll();
  }

  /** tell hands a state to the page when it is news. */
  tell(c: BrowserChallenge): BrowserChallenge {
    const news = c.status !== this.last?.status;
    this.last = c;
    this.heard++;
    if (news) queueMicrotask(() => this.o.onStatus?.(c)); // an error of the page is not an error of the connection
    return c;
  }

  private async poll(): Promise<BrowserChallenge | undefined> {
    const wait = this.last ? pollSeconds : 0;
    const c = await this.http.json<unknown>({ path: `${this.path}?wait=${wait}`, headers: this.headers(), timeout: pollLife, signal: this.o.signal });
    return this.take(c);
  }

  private async stream(): Promise<BrowserChallenge | undefined> {
    const quiet = new AbortController();
    const end = () => quiet.abort(this.o.signal?.aborted ? this.o.signal.reason : new HeldBack("the stream is silent"));
    let timer = setTimeout(end, firstEvent);
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(end, silence);
    };
    this.o.signal?.addEventListener("abort", end);
    const request = { path: `${this.path}/events`, headers: this.headers(), accept: "text/event-stream", timeout: streamLife, signal: quiet.signal };
    const before = this.heard;
    try {
      this.o.signal?.throwIfAborted();
      return await this.http.send(request, async (response) => {
        for await (const event of readEvents(response.body!, heard)) {
          const final = event.type === "status" ? this.take(parse(event.data)) : undefined;
          if (final) return final;
        }
        return undefined;
      });
    } catch (err) {
      // A stream that never brought anything may be one that something on the way does not let through.
      if (this.heard === before && !(err instanceof ProblemError)) {
        this.streaming = false;
        throw err instanceof UnexpectedAnswerError ? new HeldBack("the stream did not get through", { cause: err }) : err;
      }
      throw err;
    } finally {
      clearTimeout(timer);
      this.o.signal?.removeEventListener("abort", end);
    }
  }

  /** take checks a state, and returns it when it is final. */
  private take(value: unknown): BrowserChallenge | undefined {
    const c = (value ?? {}) as BrowserChallenge;
    if (c.id !== this.o.id || !["pending", "approved", "closed"].includes(c.status) || Number.isNaN(Date.parse(c.expires_at))) {
      throw new UnexpectedAnswerError(200, "this is not the state of the challenge");
    }
    this.tell(c);
    return c.status === "pending" ? undefined : c;
  }

  private headers(): Record<string, string> {
    return { Authorization: `Bearer ${this.o.token}` };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
