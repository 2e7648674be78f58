// Limits of members (docs/protocol.md sections 2 and 12).
import { isCanonical } from "./encoding.js";
import { check, ProtocolError } from "./errors.js";

/** The longest life of a result, in seconds. */
export const resultLifetime = 120;
/** The longest life of a challenge, in seconds. */
export const challengeLifetime = 600;
/** How far the clocks of a server and an application may be apart, in seconds. */
export const leeway = 30;

// Unicode's Other_Default_Ignorable_Code_Point, which regular expressions have no name for, and U+FFFD.
const ignorable =
  /[\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\ufff0-\ufff8\ufffd\u{e0000}\u{e0002}-\u{e001f}\u{e0080}-\u{e00ff}\u{e01f0}-\u{e0fff}]/u;
const unsafe = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** text refuses what a person cannot be shown safely: too long, blank, invisible, reordering or broken characters. */
export function text(member: string, value: string, required: boolean, max: number): void {
  if (value === "") return check(!required, member, "is required");
  check(value.length <= 2 * max && [...value].length <= max, member, `is over ${max} characters`);
  check(!unsafe.test(value) && !ignorable.test(value), member, "has a control or invisible character");
  check(/\P{White_Space}/u.test(value), member, "is blank");
}

/** reference checks a user_ref or transaction. */
export function reference(member: string, value: string): void {
  text(member, value, true, 128);
}

/** isID tells whether value is a prefix and 16 bytes. */
export function isID(prefix: string, value: string): boolean {
  return value.startsWith(prefix) && isCanonical(value.slice(prefix.length), 16);
}

/** id checks an identifier. */
export function id(member: string, prefix: string, value: string): void {
  check(isID(prefix, value), member, "is not an identifier");
}

/** hash checks the base64url of 32 bytes. */
export function hash(member: string, value: string): void {
  check(isCanonical(value, 32), member, "is not the base64url of 32 bytes");
}

/** token checks 22 to 128 characters of base64url. */
export function token(member: string, value: string): void {
  check(/^[A-Za-z0-9_-]{22,128}$/.test(value), member, "is not a token");
}

/** isDigits tells whether value has exactly n digits. */
export function isDigits(value: string, n: number): boolean {
  return value.length === n && /^[0-9]+$/.test(value);
}

/** time checks a NumericDate. */
export function time(member: string, value: number): void {
  check(value >= 1 && value <= 2 ** 40, member, "is not a time");
}

/** period checks that exp is after iat, by at most longest seconds. */
export function period(iat: number, exp: number, longest: number): void {
  time("iat", iat);
  time("exp", exp);
  check(exp > iat && exp - iat <= longest, "exp", `is not within ${longest} seconds after iat`);
}

/** server checks a server address in its one form. */
export function server(member: string, value: string): void {
  let one = "";
  try {
    one = parseServer(value);
  } catch {
    // it has no form at all
  }
  check(one === value && value !== "", member, "is not a server address in its one form");
}

/**
 * parseServer checks a server's address and returns its one form: scheme and host in lower case, no default port, no
 * slash behind. Only https is accepted, or http to this machine.
 */
export function parseServer(address: string): string {
  const malformed = new ProtocolError("malformed", "server", "is not a server address");
  const insecure = new ProtocolError("insecure", "server", "wants https://host, or http:// to this machine");
  const parts = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?\/\/([^/?#]+)(\/*)(.*)$/.exec(address);
  if (address.length > 255 || !/^[!-[\]-~]*$/.test(address) || !parts) throw malformed;
  const scheme = (parts[1] ?? "").toLowerCase();
  const authority = parts[2]!;
  if (authority.includes("@") || parts[4] !== "") throw insecure;
  const target = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]*))?$/.exec(authority);
  if (!target || target[1] === "" || (target[1]!.includes("%") && !target[1]!.startsWith("["))) throw malformed;
  const loopback = parseLoopback(target[1]!.toLowerCase());
  const host = loopback ?? target[1]!.toLowerCase();
  if (scheme !== "https" && !(scheme === "http" && loopback !== undefined)) throw insecure;
  if (loopback === undefined && !isHostName(host)) throw insecure;
  const port = target[2] ?? "";
  if (port === "" || (scheme === "https" ? port === "443" : port === "80")) return `${scheme}://${host}`;
  if (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65535) throw malformed;
  return `${scheme}://${host}:${port}`;
}

/** parseLoopback returns a loopback host as it stands in an address, or undefined. */
function parseLoopback(host: string): string | undefined {
  if (host === "localhost") return host;
  const numbers = host.split(".");
  if (numbers[0] === "127" && numbers.length === 4 && numbers.every((n) => /^(0|[1-9][0-9]{0,2})$/.test(n) && Number(n) < 256)) return host;
  if (!/^\[[0-9a-f:]+\]$/.test(host)) return undefined; // with a dot it is IPv4 in IPv6, with "%" it has a zone
  const [head, tail, more] = host.slice(1, -1).split("::");
  const groups = [...head!.split(":"), ...(tail ?? "").split(":")].filter((g) => g !== "");
  const whole = tail === undefined ? groups.length === 8 : groups.length < 8;
  const sound = more === undefined && whole && groups.every((g) => /^[0-9a-f]{1,4}$/.test(g)) && !/^\[:[^:]|[^:]:\]$/.test(host) && !host.includes(":::");
  const last = tail === "" ? undefined : groups.pop();
  return sound && last !== undefined && Number.parseInt(last, 16) === 1 && groups.every((g) => /^0+$/.test(g)) ? "[::1]" : undefined;
}

/** isHostName tells whether host has two labels or more and is no address in any spelling. */
function isHostName(host: string): boolean {
  const labels = host.split(".");
  return (
    labels.length >= 2 && labels.every((l) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(l)) && !/^[0-9]/.test(labels.at(-1)!)
  );
}

