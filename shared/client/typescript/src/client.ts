import { AlreadyUsedError, NotApprovedError } from "./outcome.js";
import { ProblemError, ProtocolError } from "./errors.js";
import { checkBase, Http, segment, type Fetch, type Request } from "./http.js";
import { KeySet } from "./keyset.js";
import { encode } from "./protocol/encoding.js";
import { open } from "./protocol/jws.js";
import { isID, leeway, parseServer, resultLifetime } from "./protocol/limits.js";
import { verifyResult, type Result } from "./protocol/result.js";
import { MemoryReplay, type Replay } from "./replay.js";
import { patience, pause, retry, waitPatience } from "./retry.js";
import type {
  AuditEvent,
  AuditEventList,
  Challenge,
  ChallengeCreate,
  ChallengeCreated,
  ChallengeID,
  Device,
  DeviceID,
  DeviceList,
  Enrollment,
  EnrollmentCreate,
  EnrollmentID,
  EnrollmentStatus,
} from "./types.js";

/** What a {@link NodClient} needs. The first four are required; the server prints them at its first start. */
export interface NodClientOptions {
  /** The server, such as https://nod.example.com; http is for this machine only. */
  url: string;
  /** The API key, nod_sk_... It belongs in a backend, never in a page. */
  key: string;
  /** The tenant whose keys sign results, ten_... */
  tenant: string;
  /** This application, app_...: a result for another one is refused. */
  application: string;
  /** The server's public address when `url` is an internal one. */
  issuer?: string;
  /** What was used already; default is a memory of this process. */
  replay?: Replay;
  /** Default is the platform's. */
  fetch?: Fetch;
  /** Milliseconds since 1970; default is the platform's. */
  now?: () => number;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call with the signal's reason. */
  signal?: AbortSignal;
}

/** What a create takes. */
export interface CreateOptions extends CallOptions {
  /** One of your own, to repeat this create after a restart; default is a random one. */
  idempotencyKey?: string;
}

/**
 * What the application knows by itself about the approval it waits for. Take it from your own session, never from the result or
 * from the browser.
 */
export interface Expect {
  /** The user_ref that is signing in. */
  subject: string;
  /** The transaction of the challenge. */
  transaction: string;
}

const longPoll = 30; // seconds of one request of a wait
const slack = 15; // seconds over that, before a request counts as lost
const leastBetweenPolls = 250; // milliseconds: a server that ignores the wait is not hammered
const maxAudit = 16 << 20; // bytes of 1000 audit events

/** NodClient calls the application API of one server. Make one and keep it. Its errors never hold the API key. */
export class NodClient {
  readonly #http: Http;
  readonly #key: string;
  readonly #want: { issuer: string; tenant: string; audience: string };
  readonly #keys: KeySet;
  readonly #replay: Replay;
  readonly #now: () => number;

  /** It checks the options and calls nothing. */
  constructor(o: NodClientOptions) {
    if (!o.key) throw new TypeError("the API key is missing");
    if (!isID("ten_", o.tenant ?? "")) throw new TypeError("tenant: want ten_ and 22 characters");
    if (!isID("app_", o.application ?? "")) throw new TypeError("application: want app_ and 22 characters");
    this.#now = o.now ?? Date.now;
    this.#http = new Http(checkBase(o.url ?? ""), o.fetch ?? ((url, init) => fetch(url, init)), this.#now);
    this.#key = o.key;
    this.#want = { issuer: parseServer(o.issuer ?? this.#http.base), tenant: o.tenant, audience: o.application };
    this.#keys = new KeySet(this.#http, this.#want.issuer, o.tenant, this.#now);
    this.#replay = o.replay ?? new MemoryReplay(undefined, this.#now);
  }

  /** Invites a user who is signed in to enroll a device. Show `invitation_uri` as a QR code or `invitation_url` as a link. */
  createEnrollment(request: EnrollmentCreate, options: CreateOptions = {}): Promise<Enrollment> {
    return this.#create("/v1/enrollments", request, options);
  }

  /** Resolves as soon as the enrollment's status is not `known` any more; final ones at once. Pass the status that you have shown last. */
  async waitEnrollment(id: EnrollmentID, known?: EnrollmentStatus, options: CallOptions = {}): Promise<Enrollment> {
    const query = known ? `&status=${known}` : "";
    const done = (e: Enrollment) => e.status !== known || ["active", "failed", "expired"].includes(e.status);
    return this.#wait(`/v1/enrollments/${segment(id)}`, query, options, done);
  }

  /**
   * Passes on the six digits that the user read from the new device and typed in the session that invited it. There is one try: a
   * wrong code is the problem `confirm_code_wrong` and ends the enrollment. It is never sent twice by itself.
   */
  async confirm(id: EnrollmentID, code: string, options: CallOptions = {}): Promise<Enrollment> {
    return this.#send({ method: "POST", path: `/v1/enrollments/${segment(id)}/confirm`, body: { code }, signal: options.signal });
  }

  /** Asks a user to approve. Show `match.number`, then {@link wait}. */
  createChallenge(request: ChallengeCreate, options: CreateOptions = {}): Promise<ChallengeCreated> {
    return this.#create("/v1/challenges", request, options);
  }

  /** Reads a challenge as it is now. */
  async challenge(id: ChallengeID, options: CallOptions = {}): Promise<Challenge> {
    return this.#repeat({ path: `/v1/challenges/${segment(id)}`, signal: options.signal });
  }

  /** Resolves when the status is final. It survives a restart of the server. The status is no proof: pass `result` to {@link verify}. */
  async wait(id: ChallengeID, options: CallOptions = {}): Promise<Challenge> {
    return this.#wait(`/v1/challenges/${segment(id)}`, "", options, (c: Challenge) => c.status !== "pending");
  }

  /** Ends a pending challenge, for example when the user leaves the page. */
  async cancel(id: ChallengeID, options: CallOptions = {}): Promise<Challenge> {
    return this.#repeat({ method: "POST", path: `/v1/challenges/${segment(id)}/cancel`, signal: options.signal });
  }

  /** Lists a user's devices, oldest first. */
  async devices(userRef: string, options: CallOptions = {}): Promise<Device[]> {
    return (await this.#repeat<DeviceList>({ path: `/v1/users/${segment(userRef)}/devices`, signal: options.signal })).devices;
  }

  /** Revokes a device at once. */
  async removeDevice(userRef: string, id: DeviceID, options: CallOptions = {}): Promise<void> {
    const path = `/v1/users/${segment(userRef)}/devices/${segment(id)}`;
    return this.#repeat({ method: "DELETE", path, accept: "", signal: options.signal });
  }

  /** Returns up to `limit` (1 to 1000) sealed events with a sequence number over `after`, in order. */
  async auditEvents(after: number, limit: number, options: CallOptions = {}): Promise<AuditEvent[]> {
    const path = `/v1/audit-events?after=${after}&limit=${limit}`;
    return (await this.#repeat<AuditEventList>({ path, max: maxAudit, signal: options.signal })).events;
  }

  /**
   * Checks a result in one call: signature by the tenant, type, issuer, audience, user, transaction, expiry, the device's own
   * signature over exactly what it was shown, and that the approval was not used before. It resolves only if the user approved.
   * Other genuine answers are a {@link NotApprovedError}; a withheld result is the problem `result_withheld`; a second use is an
   * {@link AlreadyUsedError}; anything else is a {@link ProtocolError} or a failure to fetch keys. Treat every error as "no".
   */
  async verify(result: string | undefined, expect: Expect): Promise<Result> {
    if (!result) throw new ProblemError({ code: "result_withheld", status: 403, detail: "The challenge has ended and its result may not be used." });
    if (typeof result !== "string") throw new ProtocolError("malformed", "", "is not a compact JWS");
    const keys = await this.#keys.with(open(result, "nod-result+jwt").kid);
    const now = this.#now() / 1000;
    const { subject, transaction } = expect;
    const found = await verifyResult(result, keys, { ...this.#want, subject, transaction, now }).catch((err) => this.#hint(err));
    if (found.result.status !== "approved") throw new NotApprovedError(found.result);
    // Results are minted at each read, so it is the challenge that is used once; and a memory of that must be able to end.
    const until = found.challenge.exp + resultLifetime + leeway;
    if (now >= until) throw new ProtocolError("expired", "evidence", "the challenge ended too long ago");
    if (!(await this.#replay.use(found.result.challenge_id, new Date((until + 1) * 1000)))) throw new AlreadyUsedError();
    return found.result;
  }

  /** A result is for two minutes, so a wrong clock refuses all of them: say so. */
  #hint(err: unknown): never {
    const offset = Math.abs(this.#http.offset ?? 0) / 1000;
    if (err instanceof ProtocolError && err.code === "expired" && offset > leeway) {
      throw new ProtocolError(err.code, err.member, `this machine's clock and the server's differ by ${Math.floor(offset)} s`);
    }
    throw err;
  }

  #send<T>(r: Request): Promise<T> {
    return this.#http.json({ ...r, headers: { ...r.headers, Authorization: `Bearer ${this.#key}` } });
  }

  #repeat<T>(r: Request): Promise<T> {
    return retry(patience, r.signal, () => this.#send<T>(r));
  }

  /** A create goes under an idempotency key, so that sending it again cannot create twice. */
  #create<T>(path: string, body: unknown, { idempotencyKey, signal }: CreateOptions): Promise<T> {
    const key = idempotencyKey ?? encode(crypto.getRandomValues(new Uint8Array(16)));
    return this.#repeat({ method: "POST", path, body, signal, headers: { "Idempotency-Key": key } });
  }

  /** wait asks with a long poll until done. */
  async #wait<T>(path: string, query: string, { signal }: CallOptions, done: (value: T) => boolean): Promise<T> {
    for (;;) {
      const asked = Date.now();
      const request = { path: `${path}?wait=${longPoll}${query}`, timeout: (longPoll + slack) * 1000, signal };
      const value = await retry(waitPatience, signal, () => this.#send<T>(request));
      if (done(value)) return value;
      if (Date.now() - asked < leastBetweenPolls) await pause(leastBetweenPolls, signal);
    }
  }
}
