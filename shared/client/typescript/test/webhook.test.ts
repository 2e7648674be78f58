import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { verifyWebhook, WebhookError } from "@nod-auth/client";

const now = 1_795_428_000_000;
const stamp = String(now / 1000);
const body = '{"type":"challenge.approved"}';
const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const pair = generateKeyPairSync("ed25519");
const raw = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
const key = `whpk_${raw.toString("base64")}`;

const hmac = (content: string, with_ = secret) => `v1,${createHmac("sha256", Buffer.from(with_.slice(6), "base64")).update(content).digest("base64")}`;
const ed = (content: string) => `v1a,${sign(null, Buffer.from(content), pair.privateKey).toString("base64")}`;
const headers = (signature: string, more = {}) => ({ "webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature, ...more });
const content = `msg_1.${stamp}.${body}`;
const refused = (p: Promise<unknown>, name?: string) => assert.rejects(p, WebhookError, name);

test("the example of Standard Webhooks holds", async () => {
  const at = 1614265330;
  const given = headers("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", { "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": String(at) });
  const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  assert.equal(await verifyWebhook('{"test": 2432232314}', given, key, { now: at * 1000 }), "msg_p5jXN8AQM9LWM0D4loKWxJek");
});

test("an event with an HMAC or an Ed25519 signature is accepted", async () => {
  assert.equal(await verifyWebhook(body, headers(hmac(content)), secret, { now }), "msg_1");
  assert.equal(await verifyWebhook(Buffer.from(body), headers(ed(content)), key, { now }), "msg_1");
  assert.equal(await verifyWebhook(body, new Headers(headers(ed(content))), [key], { now }), "msg_1");
});

test("T22 while a key changes, any one of them is enough, and afterwards the old one is not", async () => {
  const old = `whsec_${Buffer.alloc(32, 8).toString("base64")}`;
  const both = headers(`${hmac(content)} ${hmac(content, old)}`);
  assert.ok(await verifyWebhook(body, both, old, { now }));
  assert.ok(await verifyWebhook(body, both, [key, secret], { now }));
  await refused(verifyWebhook(body, headers(hmac(content)), old, { now }));
});

test("T22 what was changed, or is too old or too new, is refused", async () => {
  const good = headers(hmac(content));
  await refused(verifyWebhook(`${body} `, good, secret, { now }), "body");
  await refused(verifyWebhook(body, { ...good, "webhook-id": "msg_2" }, secret, { now }), "id");
  await refused(verifyWebhook(body, { ...good, "webhook-timestamp": String(now / 1000 + 1) }, secret, { now }), "timestamp");
  for (const shift of [301_000, -301_000]) await refused(verifyWebhook(body, good, secret, { now: now + shift }), String(shift));
  for (const shift of [300_000, -300_000]) assert.ok(await verifyWebhook(body, good, secret, { now: now + shift }));
  await refused(verifyWebhook(body, good, secret), "the platform's clock counts");
  for (const bad of ["NaN", "", "1e3", "-1", "0x1"]) await refused(verifyWebhook(body, { ...good, "webhook-timestamp": bad }, secret, { now }), bad);
});

test("a public key is not taken for a secret", async () => {
  const forged = createHmac("sha256", raw).update(content).digest("base64");
  await refused(verifyWebhook(body, headers(`v1,${forged} v1a,${forged}`), key, { now }));
  await refused(verifyWebhook(body, headers(hmac(content).replace("v1,", "v1a,")), secret, { now }));
  await refused(verifyWebhook(body, headers(ed(content).replace("v1a,", "v1,")), key, { now }));
});

test("headers that are missing, empty or twice are refused", async () => {
  const good = headers(hmac(content));
  for (const name of Object.keys(good)) {
    await refused(verifyWebhook(body, { ...good, [name]: undefined }, secret, { now }), name);
    await refused(verifyWebhook(body, { ...good, [name]: [good[name as keyof typeof good]] }, secret, { now }), name);
  }
  for (const odd of ["", "v1", "v1,", "v1,!!", `v1,${"A".repeat(43)}=`, " ".repeat(1000)]) await refused(verifyWebhook(body, headers(odd), secret, { now }), odd);
  const late = headers(`${"v1,AAAA ".repeat(16)}${hmac(content)}`);
  await refused(verifyWebhook(body, late, secret, { now }), "only sixteen are looked at");
});

test("what is no key is refused without repeating it", async () => {
  const bad = ["", "canary", "whsec_", "whsec_canary", `whsec_${Buffer.alloc(16).toString("base64")}`, `whpk_${Buffer.alloc(31).toString("base64")}`, `whsk_${Buffer.alloc(32).toString("base64")}`];
  for (const one of [...bad, []]) {
    await assert.rejects(verifyWebhook(body, headers(hmac(content)), one, { now }), (err) => err instanceof TypeError && !err.message.includes("canary"));
  }
});
