import type { Http } from "./http.js";
import { readKeys, type TenantKey, type TenantKeys } from "./protocol/keys.js";
import type { JWKSet } from "./types.js";

const maxSet = 64 << 10; // bytes
const lifetime = 5 * 60_000; // after this the set is fetched again before use
const ceiling = 60 * 60_000; // the longest that a set is used while fetching it fails
const refetch = 10_000; // the least time between two fetches, whatever key ids arrive

/**
 * KeySet caches a tenant's signing keys. It is fetched again when it is old, and when a key id is not in it, but not more often
 * than every ten seconds: made-up key ids must not become requests.
 */
export class KeySet {
  private keys: Map<string, TenantKey> | undefined;
  private fetched = 0;
  private tried = -Infinity;
  private fetching: Promise<void> | undefined;

  constructor(
    private readonly http: Http,
    private readonly issuer: string,
    private readonly tenant: string,
    private readonly now: () => number,
  ) {}

  /** with returns keys that hold kid if the server publishes it. */
  async with(kid: string): Promise<TenantKeys> {
    const age = () => (this.keys ? this.now() - this.fetched : Infinity);
    const fresh = age() >= 0 && age() < lifetime && this.keys!.has(kid);
    if (!fresh) await this.renew();
    if (!this.keys || age() < 0 || age() >= ceiling) throw new Error("the tenant's keys are too old and could not be renewed");
    return { issuer: this.issuer, tenant: this.tenant, keys: this.keys };
  }

  /** renew fetches, once for all who ask meanwhile. It fails only when there is nothing older to use. */
  private async renew(): Promise<void> {
    const since = this.now() - this.tried;
    if (!this.fetching && this.keys && since >= 0 && since < refetch) return;
    this.tried = this.fetching ? this.tried : this.now();
    this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
    try {
      await this.fetching;
    } catch (err) {
      const age = this.now() - this.fetched;
      if (!this.keys || age < 0 || age >= ceiling) throw err;
    }
  }

  private async fetch(): Promise<void> {
    const set = await this.http.json<JWKSet>({ path: `/.well-known/nod/${encodeURIComponent(this.tenant)}/jwks.json`, max: maxSet });
    const keys = await readKeys(Array.isArray(set?.keys) ? set.keys : []);
    if (keys.size === 0) throw new Error("the tenant's key set has no P-256 key");
    this.keys = keys;
    this.fetched = this.now();
  }
}
