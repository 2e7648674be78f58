// A JSON reader that is as strict as docs/protocol.md section 3.2 asks: JSON.parse takes the last of two members of one
// name, and loses how a number was written.

/** A value of a message. Objects have no prototype. Numbers are integers without sign; other forms are NaN. */
export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

const deepest = 32; // far deeper than any message
const largest = 2 ** 53; // of any number member (docs/protocol.md section 9)

/** parseObject reads an object in UTF-8 that begins with "{". It is undefined for anything else, and for a member twice. */
export function parseObject(bytes: Uint8Array): { [member: string]: Json } | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith("{")) return undefined;
    return new Reader(text).whole() as { [member: string]: Json };
  } catch {
    return undefined; // every fault is the same one: not sound
  }
}

class Reader {
  private at = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  whole(): Json {
    const value = this.value();
    this.space();
    if (this.at !== this.text.length) throw new SyntaxError();
    return value;
  }

  private value(): Json {
    this.space();
    switch (this.text[this.at]) {
      case "{":
        return this.nested(() => this.object());
      case "[":
        return this.nested(() => this.array());
      case '"':
        return this.string();
    }
    const word = this.match(/true|false|null/y);
    if (word !== undefined) return JSON.parse(word) as Json;
    const number = this.match(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    if (number === undefined) throw new SyntaxError();
    if (!/^[0-9]+$/.test(number)) return NaN;
    // Over 2^53 the value is rounded, so it is moved out of every limit.
    return BigInt(number) > BigInt(largest) ? Infinity : Number(number);
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > deepest) throw new SyntaxError();
    this.at++;
    const value = read();
    this.depth--;
    return value;
  }

  private object(): Json {
    const members = Object.create(null) as { [member: string]: Json };
    if (this.next("}")) return members;
    do {
      this.space();
      const name = this.string();
      if (name in members || !this.next(":")) throw new SyntaxError();
      members[name] = this.value();
    } while (this.next(","));
    if (!this.next("}")) throw new SyntaxError();
    return members;
  }

  private array(): Json {
    const items: Json[] = [];
    if (this.next("]")) return items;
    do items.push(this.value());
    while (this.next(","));
    if (!this.next("]")) throw new SyntaxError();
    return items;
  }

  private string(): string {
    const raw = this.match(/"(?:[^"\\\u0000-\u001f]|\\.)*"/y);
    if (raw === undefined) throw new SyntaxError();
    return (JSON.parse(raw) as string).replace(/\p{Surrogate}/gu, "\ufffd"); // half of a pair stands for broken text
  }

  private next(char: string): boolean {
    this.space();
    const found = this.text[this.at] === char;
    if (found) this.at++;
    return found;
  }

  private space(): void {
    this.match(/[ \t\n\r]*/y);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }
}
