/**
 * Replay remembers which approvals were used. {@link MemoryReplay} is enough for one process; several that share sessions need a
 * shared one, such as a table with a unique key.
 */
export interface Replay {
  /** use records key until the given time. It is true exactly for the first call with a key. When it rejects, the approval is refused. */
  use(key: string, until: Date): Promise<boolean>;
}

/** MemoryReplay is a {@link Replay} in this process, with a bound. When it is full, approvals are refused: forgetting one would let it be used twice. */
export class MemoryReplay implements Replay {
  private readonly used = new Map<string, number>();

  constructor(
    private readonly limit = 100_000,
    private readonly now: () => number = Date.now,
  ) {}

  async use(key: string, until: Date): Promise<boolean> {
    const now = this.now();
    if ((this.used.get(key) ?? -Infinity) > now) return false;
    if (this.used.size >= this.limit) for (const [old, end] of this.used) if (end <= now) this.used.delete(old);
    if (this.used.size >= this.limit) throw new Error("the memory of used approvals is full");
    this.used.set(key, until.getTime());
    return true;
  }
}
