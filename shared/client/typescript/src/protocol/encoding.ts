// Base64url, hashes and comparison (docs/protocol.md section 2).

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const values = new Map([...alphabet].map((c, i) => [c, i]));
const encoder = new TextEncoder();

/** Bytes whose buffer WebCrypto takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** utf8 returns the bytes of a text. */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** encode returns base64url without padding. */
export function encode(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out += alphabet[group >> 18]! + alphabet[(group >> 12) & 63]!;
    if (left > 1) out += alphabet[(group >> 6) & 63]!;
    if (left > 2) out += alphabet[group & 63]!;
  }
  return out;
}

/** decode reads base64url. It is undefined for every text that is not the only one for its bytes. */
export function decode(text: string): Bytes | undefined {
  const out = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const c of text) {
    const value = values.get(c);
    if (value === undefined) return undefined;
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  return bits === 6 || held !== 0 ? undefined : out;
}

/** isCanonical tells whether text is the base64url of exactly n bytes. */
export function isCanonical(text: string, n: number): boolean {
  return decode(text)?.length === n;
}

/** sha256 returns the digest in base64url: 43 characters. */
export async function sha256(...parts: Uint8Array[]): Promise<string> {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return encode(new Uint8Array(await crypto.subtle.digest("SHA-256", all)));
}

/** same compares in a time that depends on the lengths only. */
export function same(a: string, b: string): boolean {
  const x = utf8(a);
  const y = utf8(b);
  let difference = x.length ^ y.length;
  for (let i = 0; i < Math.max(x.length, y.length); i++) difference |= (x[i] ?? 0) ^ (y[i] ?? 0);
  return difference === 0;
}
