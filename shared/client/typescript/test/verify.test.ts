import assert from "node:assert/strict";
import { createPrivateKey, sign } from "node:crypto";
import { test } from "node:test";
import { AlreadyUsedError, MemoryReplay, NoAnswerError, NotApprovedError, ProblemError, ProtocolError } from "@nod-auth/client";
import { client, expected, fixtures, json, jwks, problem, result, serve } from "./support.js";

const good = result("evidence.json", "approved with two digits and a fingerprint");

test("an approval is accepted", async (t) => {
  const server = await serve(t, json(200, jwks("current")));
  const r = await client(server.url).verify(good, expected);
  assert.equal(r.status, "approved");
  assert.equal(r.sub, expected.subject);
  assert.equal(r.acr, "urn:nod:acr:number-verified");
  assert.deepEqual(r.amr, ["pop", "hwk", "user", "mfa"]);
  assert.equal(r.device?.name, "Ada's phone");
  assert.deepEqual(server.asked.map((a) => a.url), [`/.well-known/nod/${fixtures.tenant}/jwks.json`]);
  assert.equal(server.asked[0]!.headers.authorization, undefined, "the key is not for this address");
});

test("T5 an approval is used once, also when many ask at once", async (t) => {
  const server = await serve(t, json(200, jwks("current")));
  const nod = client(server.url);
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => nod.verify(good, expected)));
  assert.equal(all.filter((r) => r.status === "fulfilled").length, 1);
  assert.ok(all.every((r) => r.status === "fulfilled" || r.reason instanceof AlreadyUsedError));
  assert.equal(server.asked.length, 1, "many callers cause one request for keys");
  // Another result of the same challenge is the same approval.
  await assert.rejects(nod.verify(result("result.json", "a member that is not known is ignored"), expected), AlreadyUsedError);
});

test("T25 every other user, transaction, application or word of a browser is refused", async (t) => {
  const server = await serve(t, json(200, jwks("current")));
  const nod = client(server.url);
  const refused = (code: string, member: string) => (err: unknown) => err instanceof ProtocolError && err.code === code && err.member === member;
  await assert.rejects(nod.verify(good, { ...expected, transaction: "login-other" }), refused("mismatch", "transaction"));
  await assert.rejects(nod.verify(good, { ...expected, subject: "u-1" }), refused("mismatch", "sub"));
  await assert.rejects(nod.verify(good, { ...expected, subject: "" }), refused("invalid", "expectation"));
  await assert.rejects(nod.verify(good, { transaction: expected.transaction } as typeof expected), refused("invalid", "expectation"));
  await assert.rejects(client(server.url, { application: "app_AAAAAAAAAAAAAAAAAAAAAA" }).verify(good, expected), refused("mismatch", "aud"));
  for (const word of ["approved", "true", "a.b.c", "..", "x".repeat(40_000)]) await assert.rejects(nod.verify(word, expected), ProtocolError);
  await assert.rejects(nod.verify({ status: "approved" } as unknown as string, expected), ProtocolError);
  for (const none of [undefined, ""]) await assert.rejects(nod.verify(none, expected), (err) => err instanceof ProblemError && err.code === "result_withheld");
  assert.equal((await nod.verify(good, expected)).status, "approved", "a refusal does not use an approval up");
});

test("every other end of a challenge is genuine and not an approval", async (t) => {
  const server = await serve(t, json(200, jwks("current")));
  const nod = client(server.url);
  const ends = { denied: "denied", reported: "reported", expired: "expired", canceled: "canceled", superseded: "superseded", "failed by a wrong number": "failed" };
  for (const [name, status] of Object.entries(ends)) {
    await assert.rejects(nod.verify(result("evidence.json", name), expected), (err) => err instanceof NotApprovedError && err.result.status === status, name);
  }
});

test("a key that is not known is fetched, and made-up ones cause one request in ten seconds", async (t) => {
  let now = fixtures.now * 1000;
  const next = result("result.json", "signed by a key that is not announced yet");
  const server = await serve(t, json(200, jwks("current")));
  const nod = client(server.url, { now: () => now });
  await nod.verify(good, expected);
  now += 10_000;
  for (let i = 0; i < 5; i++) await assert.rejects(nod.verify(next, expected), (err) => err instanceof ProtocolError && err.code === "unknown_key");
  assert.equal(server.asked.length, 2);
  now += 10_000;
  await assert.rejects(nod.verify(next, expected), ProtocolError);
  assert.equal(server.asked.length, 3);
});

test("after a rotation the new keys count, and a retired one signs nothing new", async (t) => {
  let now = fixtures.now * 1000;
  const own = { ...fixtures.keys.tenant.jwk, status: "retired", retired_at: fixtures.now - 60 };
  const server = await serve(t, json(200, jwks("current")), json(200, { keys: [own, fixtures.keys.next.jwk] }));
  const nod = client(server.url, { now: () => now });
  await nod.verify(good, expected);
  now += 5 * 60_000;
  await assert.rejects(nod.verify(good, expected), (err) => err instanceof ProtocolError && err.code === "unknown_key");
  assert.equal(server.asked.length, 2);
});

test("keys are used while they cannot be renewed, for an hour at most", async (t) => {
  let now = fixtures.now * 1000;
  const server = await serve(t, json(200, jwks("current")), problem(404, "not_found"));
  const nod = client(server.url, { now: () => now });
  await nod.verify(good, expected);
  now += 59 * 60_000;
  await assert.rejects(nod.verify(good, expected), (err) => err instanceof ProtocolError && err.code === "expired");
  now += 2 * 60_000;
  await assert.rejects(nod.verify(good, expected), (err) => err instanceof ProblemError && err.code === "not_found");
  now += 1_000;
  await assert.rejects(nod.verify(good, expected), /too old/);
});

test("without keys nobody is let in", async (t) => {
  await assert.rejects(client("http://127.0.0.1:1").verify(good, expected), NoAnswerError);
  for (const set of [{ keys: [] }, {}, null, { keys: [{ kty: "RSA", n: "AQAB", e: "AQAB" }, 7, null] }]) {
    const server = await serve(t, json(200, set));
    await assert.rejects(client(server.url).verify(good, expected), JSON.stringify(set));
  }
});

test("a wrong clock is named", async (t) => {
  const ahead = new Date((fixtures.now + 3600) * 1000).toUTCString();
  const server = await serve(t, json(200, jwks("current"), { Date: ahead }));
  const nod = client(server.url, { now: () => (fixtures.now + 1000) * 1000 });
  await assert.rejects(nod.verify(good, expected), /clock and the server's differ by 2\d\d\d s/);
});

test("an approval whose use cannot be remembered is refused", async (t) => {
  const server = await serve(t, json(200, jwks("current")));
  const replay = { use: () => Promise.reject(new Error("the table is away")) };
  await assert.rejects(client(server.url, { replay }).verify(good, expected), /the table is away/);
});

test("T5 a result that is minted afresh does not make an old approval usable", async (t) => {
  const [head, body] = good.split(".");
  const payload = JSON.parse(Buffer.from(body!, "base64url").toString());
  const ended = JSON.parse(Buffer.from(payload.evidence.challenge.split(".")[1], "base64url").toString()).exp;
  const server = await serve(t, json(200, jwks("current")));
  const at = async (iat: number) => {
    const fresh = Buffer.from(JSON.stringify({ ...payload, iat, exp: iat + 120 })).toString("base64url");
    const key = createPrivateKey({ key: { ...fixtures.keys.tenant.jwk, d: fixtures.keys.tenant.d }, format: "jwk" });
    const mark = sign("sha256", Buffer.from(`${head}.${fresh}`), { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
    return client(server.url, { now: () => iat * 1000 }).verify(`${head}.${fresh}.${mark}`, expected);
  };
  assert.equal((await at(ended + 149)).status, "approved");
  await assert.rejects(at(ended + 150), (err) => err instanceof ProtocolError && err.code === "expired" && err.member === "evidence");
});

test("the memory of used approvals forgets what is over, and refuses when it is full", async () => {
  let now = 0;
  const memory = new MemoryReplay(2, () => now);
  const at = (ms: number) => new Date(ms);
  assert.equal(await memory.use("a", at(100)), true);
  assert.equal(await memory.use("a", at(100)), false);
  assert.equal(await memory.use("b", at(200)), true);
  await assert.rejects(memory.use("c", at(300)), /full/);
  now = 100;
  assert.equal(await memory.use("c", at(300)), true);
  assert.equal(await memory.use("b", at(200)), false);
});
