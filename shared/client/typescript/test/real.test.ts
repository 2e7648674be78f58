import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { AlreadyUsedError, NotApprovedError, ProblemError, ProtocolError } from "@nod-auth/client";
import { watchChallenge, type BrowserChallenge } from "@nod-auth/client/browser";
import { missing, open, type World } from "./world.js";

const skip = missing("nodd", "nodsim");
let world: World;
before(async () => {
  if (!skip) world = await open("https://www.example.com");
});
after(() => world?.close());

const ask = (transaction: string) => world.nod.createChallenge({ user_ref: "ada", transaction, action: { kind: "sign_in" }, ttl_seconds: 60 });

test("create, watch, approve, wait, verify", { skip }, async () => {
  const transaction = randomUUID();
  const c = await ask(transaction);
  assert.match(c.match.number!, /^\d\d$/);
  const seen: string[] = [];
  const watching = watchChallenge({ url: world.url, id: c.id, token: c.browser_token, onStatus: (s: BrowserChallenge) => seen.push(s.status) });
  const waiting = world.nod.wait(c.id);
  await world.answer("--approve", "--number", c.match.number!);
  const final = await waiting;
  assert.equal(final.status, "approved");
  const r = await world.nod.verify(final.result, { subject: "ada", transaction });
  assert.equal(r.acr, "urn:nod:acr:number-verified"); // the simulated device has a PIN
  assert.equal((await watching).status, "approved");
  assert.deepEqual(seen, ["pending", "approved"]);

  // A result is minted at each read, and the approval is used.
  await assert.rejects(world.nod.verify((await world.nod.challenge(c.id)).result, { subject: "ada", transaction }), AlreadyUsedError);
  await assert.rejects(world.nod.verify(final.result, { subject: "ada", transaction: "another" }), ProtocolError);
});

test("a wrong number lets nobody in", { skip }, async () => {
  const transaction = randomUUID();
  const c = await ask(transaction);
  await world.answer("--wrong-number", "--number", c.match.number!).catch(() => {}); // its exit code says so
  const final = await world.nod.wait(c.id);
  assert.equal(final.status, "failed");
  await assert.rejects(world.nod.verify(final.result, { subject: "ada", transaction }), (err) => err instanceof NotApprovedError && err.result.status === "failed");
});

test("what is canceled is closed for the page, and no approval", { skip }, async () => {
  const transaction = randomUUID();
  const c = await ask(transaction);
  const watching = watchChallenge({ url: world.url, id: c.id, token: c.browser_token });
  const waiting = world.nod.wait(c.id);
  assert.equal((await world.nod.cancel(c.id)).status, "canceled");
  assert.equal((await watching).status, "closed");
  await assert.rejects(world.nod.verify((await waiting).result, { subject: "ada", transaction }), NotApprovedError);
});

test("a browser token sees its own challenge only", { skip }, async () => {
  const [a, b] = [await ask(randomUUID()), await ask(randomUUID())];
  const foreign = watchChallenge({ url: world.url, id: a.id, token: b.browser_token });
  await assert.rejects(foreign, (err) => err instanceof ProblemError && err.code === "unauthorized");
  await Promise.all([a, b].map((c) => world.nod.cancel(c.id)));
});

test("bad input is named by its member", { skip }, async () => {
  const bad = world.nod.createChallenge({ user_ref: "ada", transaction: "", action: { kind: "Sign In" } });
  await assert.rejects(bad, (err) => {
    assert.ok(err instanceof ProblemError);
    assert.equal(err.code, "validation_failed");
    assert.match(err.errors.map((e) => e.pointer).join(), /#\/(transaction|action\/kind)/);
    return true;
  });
  await assert.rejects(world.nod.createChallenge({ user_ref: "nobody", transaction: randomUUID(), action: { kind: "sign_in" } }), (err) => {
    return err instanceof ProblemError && err.code === "user_has_no_device";
  });
  await assert.rejects(world.nod.challenge("chl_AAAAAAAAAAAAAAAAAAAAAA"), (err) => err instanceof ProblemError && err.code === "not_found");
});

test("devices are listed, audited and removed", { skip }, async () => {
  const [device] = await world.nod.devices("ada");
  assert.equal(device!.status, "active");
  assert.equal(device!.levels.approval.proven, false);
  assert.deepEqual(await world.nod.devices("nobody"), []);
  assert.ok(Array.isArray(await world.nod.auditEvents(0, 10)));
  await world.nod.removeDevice("ada", device!.id);
  assert.ok((await world.nod.devices("ada")).every((d) => d.status === "revoked"));
});
