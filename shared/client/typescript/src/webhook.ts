import { utf8, type Bytes } from "./protocol/encoding.js";

/** An event that is not genuine, or too old. Answer 401 and do nothing. */
export class WebhookError extends Error {
  override readonly name = "WebhookError";
}

/** The headers of a request, as Node, Express or fetch give them. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** What {@link verifyWebhook} takes. */
export interface WebhookOptions {
  /** Milliseconds since 1970; default is the platform's clock. */
  now?: number;
}

const tolerance = 5 * 60; // seconds, both ways (T22)
const mostSignatures = 16;

/**
 * Checks an event as its receiver (Standard Webhooks 1.0): one of the signatures holds under one of the keys, and the timestamp is
 * within five minutes. `keys` are the endpoint's, whpk_... (Ed25519, v1a) or whsec_... (HMAC, v1): the current one, and the one
 * before it while it changes. `body` is the raw body, before any parser. Resolves to the event's id: remember it for as long and
 * drop repeated ones.
 */
export async function verifyWebhook(body: string | Uint8Array, headers: WebhookHeaders, keys: string | readonly string[], options: WebhookOptions = {}): Promise<string> {
  const header = (name: string): string => readHeader(headers, name);
  const [id, timestamp, signatures] = [header("webhook-id"), header("webhook-timestamp"), header("webhook-signature")];
  const imported = await Promise.all([keys].flat().map(importKey));
  if (imported.length === 0) throw new TypeError("a webhook key is missing");
  const age = (options.now ?? Date.now()) / 1000 - Number(timestamp);
  if (!/^[0-9]{1,12}$/.test(timestamp) || Math.abs(age) > tolerance) throw new WebhookError("the timestamp is missing or too far from now");
  const content = contentOf(id, timestamp, body);
  for (const part of signatures.split(" ", mostSignatures)) {
    const [version, encoded = ""] = part.split(",", 2);
    const signature = decodeBase64(encoded);
    if (!signature) continue;
    for (const key of imported) {
      // The version must be that of the key, so that a public key cannot be taken for a secret. WebCrypto compares in constant time.
      if (key.version === version && (await crypto.subtle.verify(key.algorithm, key.key, signature, content).catch(() => false))) return id;
    }
  }
  throw new WebhookError("no signature holds");
}

/** readHeader takes one value of a header; more of them are none. Names of a plain object are in lower case, as Node gives them. */
function readHeader(headers: WebhookHeaders, name: string): string {
  const value = typeof (headers as Headers).get === "function" ? (headers as Headers).get(name) : (headers as Record<string, unknown>)[name];
  if (typeof value !== "string" || value === "") throw new WebhookError(`the header ${name} is missing`);
  return value;
}

function contentOf(id: string, timestamp: string, body: string | Uint8Array): Bytes {
  const head = utf8(`${id}.${timestamp}.`);
  const tail = typeof body === "string" ? utf8(body) : body;
  const content = new Uint8Array(head.length + tail.length);
  content.set(head);
  content.set(tail, head.length);
  return content;
}

/** importKey reads the text form of a key. Its error never repeats the text. */
async function importKey(text: string): Promise<{ version: string; key: CryptoKey; algorithm: string }> {
  const at = text.indexOf("_") + 1;
  const raw = decodeBase64(text.slice(at));
  const prefix = text.slice(0, at);
  if (prefix === "whsec_" && raw && raw.length >= 24 && raw.length <= 64) {
    const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    return { version: "v1", key, algorithm: "HMAC" };
  }
  if (prefix === "whpk_" && raw?.length === 32) {
    return { version: "v1a", key: await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]), algorithm: "Ed25519" };
  }
  throw new TypeError("not a webhook key: want whpk_... or whsec_...");
}

function decodeBase64(text: string): Bytes | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)$/.test(text)) return undefined;
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
