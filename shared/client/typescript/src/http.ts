// How the clients speak HTTP: no redirects, a time limit, a cap on answers, problem documents. An answer that is not Nod's is
// an error and is never read as one of Nod's.
import { NoAnswerError, ProblemError, UnexpectedAnswerError } from "./errors.js";
import type { FieldError } from "./types.js";

/** The part of the platform's fetch that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Request {
  method?: "GET" | "POST" | "DELETE";
  /** Escaped; begins with a slash. */
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
  /** The media type that the answer must have; "" when it has no body. Default is JSON. */
  accept?: string;
  /** Cap on the answer, in bytes. */
  max?: number;
  /** Milliseconds; default is 15 seconds. */
  timeout?: number;
  signal?: AbortSignal | undefined;
}

const defaultTimeout = 15_000;
const defaultMax = 1 << 20;
const maxProblem = 64 << 10;
const longestRetryAfter = 24 * 3600; // a lock-out doubles, and a day is as good as for ever

/** checkBase returns a server's origin. It refuses anything but https, or http to this machine, and all but scheme, host and port. */
export function checkBase(address: string): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new TypeError("server address: want https://host");
  }
  if (url.username || url.password || url.pathname !== "/" || /[?#]/.test(address)) throw new TypeError("server address: scheme, host and port only");
  const loopback = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback)) {
    throw new TypeError("server address: only https is accepted, or http to this machine");
  }
  return url.origin;
}

/** segment escapes a part of a path. Dots alone cannot be escaped in a URL, so they are refused. */
export function segment(value: string): string {
  if (typeof value !== "string" || /^\.{0,2}$/.test(value)) throw new TypeError("an identifier is missing or made of dots");
  return encodeURIComponent(value);
}

/** Http calls one server. */
export class Http {
  /** How far the server's clock is ahead of this one's, in milliseconds; undefined before the first answer that tells. */
  offset: number | undefined;

  constructor(
    readonly base: string,
    private readonly fetch: Fetch,
    private readonly now: () => number,
  ) {}

  /** json sends a request and returns the JSON of its answer. */
  async json<T>(r: Request): Promise<T> {
    return this.send(r, async (response) => {
      const body = await readCapped(response, r.max ?? defaultMax);
      if (r.accept === "") return undefined as T;
      try {
        return JSON.parse(body) as T;
      } catch {
        throw new UnexpectedAnswerError(response.status, "the JSON is not sound");
      }
    });
  }

  /** send hands a successful answer to read. The time limit covers both; errors are those of this package, or the signal's reason. */
  async send<T>(r: Request, read: (response: Response) => Promise<T>): Promise<T> {
    r.signal?.throwIfAborted();
    const limit = new AbortController();
    const end = () => limit.abort();
    const timer = setTimeout(end, r.timeout ?? defaultTimeout);
    r.signal?.addEventListener("abort", end);
    try {
      const sent = this.now();
      const response = await this.fetch(this.base + r.path, this.init(r, limit.signal));
      this.measure(sent, response.headers.get("Date"));
      await checkAnswer(response, r.accept ?? "application/json");
      return await read(response);
    } catch (err) {
      r.signal?.throwIfAborted();
      if (err instanceof ProblemError || err instanceof UnexpectedAnswerError) throw err;
      throw new NoAnswerError(limit.signal.aborted ? "no answer in time" : "no answer", { cause: err });
    } finally {
      clearTimeout(timer);
      r.signal?.removeEventListener("abort", end);
      limit.abort(); // what was not read is not wanted
    }
  }

  private init(r: Request, signal: AbortSignal): RequestInit {
    const accept = r.accept ?? "application/json";
    const headers: Record<string, string> = { ...r.headers, Accept: accept ? `${accept}, application/problem+json` : "application/problem+json" };
    const init: RequestInit = { method: r.method ?? "GET", headers, signal, redirect: "manual", credentials: "omit", cache: "no-store" };
    if (r.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(r.body);
    }
    return init;
  }

  /** measure learns the server's clock. A Date header has whole seconds, so half a second is added. */
  private measure(sent: number, date: string | null): void {
    const at = Date.parse(date ?? "");
    if (!Number.isNaN(at)) this.offset = at + 500 - (sent + this.now()) / 2;
  }
}

/** checkAnswer refuses every answer that is not a success of the accepted media type. */
async function checkAnswer(response: Response, accept: string): Promise<void> {
  const media = (response.headers.get("Content-Type") ?? "").split(";")[0]!.trim().toLowerCase();
  const seconds = response.headers.get("Retry-After") ?? "";
  const after = /^[0-9]{1,9}$/.test(seconds) ? Math.min(Number(seconds), longestRetryAfter) : 0;
  const { status } = response;
  if (status >= 200 && status < 300) {
    if (accept && (media !== accept || status === 204)) throw new UnexpectedAnswerError(status, `want ${accept}, got ${media.slice(0, 60)}`, after);
    return;
  }
  if (status < 400) throw new UnexpectedAnswerError(status, "a redirect is not followed", after);
  if (media !== "application/problem+json") throw new UnexpectedAnswerError(status, `no problem document but ${media.slice(0, 60)}`, after);
  throw parseProblem(await readCapped(response, maxProblem), status, after);
}

function parseProblem(body: string, status: number, retryAfter: number): Error {
  const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, 1000) : "");
  try {
    const p = JSON.parse(body) as { [member: string]: unknown };
    const code = text(p.code);
    if (/^[a-z_]{1,64}$/.test(code) && p.type === `urn:nod:problem:${code}` && p.status === status) {
      const list: unknown[] = Array.isArray(p.errors) ? p.errors.slice(0, 100) : [];
      const errors: FieldError[] = list.map((e) => {
        const { pointer, detail } = (e ?? {}) as { [member: string]: unknown };
        return { pointer: text(pointer), detail: text(detail) };
      });
      return new ProblemError({ code, status, detail: text(p.detail), requestID: text(p.request_id), errors, retryAfter });
    }
  } catch {
    // not sound either
  }
  return new UnexpectedAnswerError(status, "the problem document is not sound", retryAfter);
}

/** readCapped reads a body as UTF-8 and refuses one over the cap without holding more of it. */
async function readCapped(response: Response, max: number): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let text = "";
  for (let size = 0; reader; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > max) throw new UnexpectedAnswerError(response.status, `the body is over ${max} bytes`);
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}
