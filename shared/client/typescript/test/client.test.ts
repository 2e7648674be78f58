import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";
import { NoAnswerError, NodClient, ProblemError, UnexpectedAnswerError, type ChallengeID } from "@nod-auth/client";
import { apiKey, client, fixtures, json, problem, serve, type Answer } from "./support.js";

const id = "chl_Yb0k4mP2rT6vXz8AcEgIkA" as ChallengeID;
const pending = { id, status: "pending" };
const approved = { id, status: "approved", result: "a.b.c" };
const create = { user_ref: "u-1842", transaction: "login-1", action: { kind: "sign_in" } };

test("a create is authorized, is JSON and has an idempotency key", async (t) => {
  const server = await serve(t, json(201, pending));
  assert.deepEqual(await client(server.url).createChallenge(create), pending);
  const [asked] = server.asked;
  assert.equal(`${asked!.method} ${asked!.url}`, "POST /v1/challenges");
  assert.equal(asked!.headers.authorization, `Bearer ${apiKey}`);
  assert.match(String(asked!.headers["idempotency-key"]), /^[A-Za-z0-9_-]{22}$/);
  assert.deepEqual(asked!.body, create);
});

test("a create that is sent again keeps its key, and two creates have two", async (t) => {
  const server = await serve(t, problem(503, "database_busy"), json(201, pending));
  const nod = client(server.url);
  await nod.createChallenge(create);
  await nod.createChallenge(create);
  const [first, again, other] = server.asked.map((a) => a.headers["idempotency-key"]);
  assert.equal(first, again);
  assert.notEqual(first, other);
  await nod.createEnrollment({ user_ref: "u" }, { idempotencyKey: "mine" });
  assert.equal(server.asked.at(-1)!.headers["idempotency-key"], "mine");
});

test("Retry-After is waited for", async (t) => {
  const server = await serve(t, problem(429, "rate_limited", { "Retry-After": "1" }), json(201, pending));
  const began = performance.now();
  await client(server.url).createChallenge(create);
  assert.ok(performance.now() - began >= 990);
});

test("a Retry-After over the patience is told and not waited for", async (t) => {
  const server = await serve(t, problem(429, "rate_limited", { "Retry-After": "60" }));
  await assert.rejects(client(server.url).createChallenge(create), (err) => err instanceof ProblemError && err.retryAfter === 60);
  assert.equal(server.asked.length, 1);
});

test("what repeating cannot help is asked once", async (t) => {
  for (const [status, code] of [[409, "user_has_no_device"], [409, "denied_recently"], [429, "too_many_pending"], [401, "unauthorized"]] as const) {
    const server = await serve(t, problem(status, code));
    await assert.rejects(client(server.url).createChallenge(create), (err) => err instanceof ProblemError && err.code === code && err.requestID === "r-1");
    assert.equal(server.asked.length, 1, code);
  }
});

test("T10 a confirmation is never sent twice by itself", async (t) => {
  const server = await serve(t, problem(503, "database_busy"), json(200, {}));
  await assert.rejects(client(server.url).confirm("enr_x", "123456"), ProblemError);
  assert.deepEqual(server.asked.map((a) => a.body), [{ code: "123456" }]);
});

test("a wait asks with long polls until the end, over a restart of the server", async (t) => {
  const cut: Answer = (_, response) => response.destroy();
  const server = await serve(t, json(200, pending), cut, problem(503, "server_shutting_down"), json(200, approved));
  assert.deepEqual(await client(server.url).wait(id), approved);
  assert.deepEqual([...new Set(server.asked.map((a) => a.url))], [`/v1/challenges/${id}?wait=30`]);
  assert.equal(server.asked.length, 4);
});

test("a wait ends with its signal", async (t) => {
  const server = await serve(t, () => {});
  const leave = new AbortController();
  const waiting = client(server.url).wait(id, { signal: leave.signal });
  leave.abort(new Error("the user left"));
  await assert.rejects(waiting, /the user left/);
  await assert.rejects(client(server.url).wait(id, { signal: leave.signal }), /the user left/);
});

test("a wait for an enrollment ends when the status is another one", async (t) => {
  const server = await serve(t, json(200, { status: "invited" }), json(200, { status: "registered" }));
  const e = await client(server.url).waitEnrollment("enr_Yb0k4mP2rT6vXz8AcEgIkA", "invited");
  assert.equal(e.status, "registered");
  assert.ok(server.asked.every((a) => a.url.endsWith("?wait=30&status=invited")));
});

test("devices are listed and removed under the escaped name of the user", async (t) => {
  const server = await serve(t, json(200, { devices: [] }), (_, r) => r.writeHead(204).end());
  const nod = client(server.url);
  assert.deepEqual(await nod.devices("a/b c"), []);
  assert.equal(await nod.removeDevice("a/b c", "dev_1"), undefined);
  assert.deepEqual(server.asked.map((a) => `${a.method} ${a.url}`), ["GET /v1/users/a%2Fb%20c/devices", "DELETE /v1/users/a%2Fb%20c/devices/dev_1"]);
});

test("a name of dots does not lead to another path", async (t) => {
  const server = await serve(t, json(200, {}));
  for (const name of ["..", ".", ""]) await assert.rejects(client(server.url).devices(name), TypeError);
  assert.equal(server.asked.length, 0);
});

test("canceling and reading", async (t) => {
  const server = await serve(t, json(200, { id, status: "canceled" }), json(200, pending), json(200, { events: [] }));
  const nod = client(server.url);
  assert.equal((await nod.cancel(id)).status, "canceled");
  assert.equal((await nod.challenge(id)).status, "pending");
  assert.deepEqual(await nod.auditEvents(7, 10), []);
  assert.equal(server.asked.at(-1)!.url, "/v1/audit-events?after=7&limit=10");
});

test("an answer that is not Nod's is an error, and redirects are not followed", async (t) => {
  const other = await serve(t, json(200, pending));
  const cases: [string, Answer][] = [
    ["a redirect", (_, r) => r.writeHead(307, { Location: other.url }).end()],
    ["a portal's page", (_, r) => r.writeHead(200, { "Content-Type": "text/html" }).end("<h1>Welcome</h1>")],
    ["no JSON", (_, r) => r.writeHead(200, { "Content-Type": "application/json" }).end("{")],
    ["an error page", (_, r) => r.writeHead(404, { "Content-Type": "text/html" }).end("gone")],
    ["a problem of another status", (_, r) => r.writeHead(403, { "Content-Type": "application/problem+json" }).end('{"type":"urn:nod:problem:x","code":"x","status":200}')],
    ["too much", (_, r) => r.writeHead(200, { "Content-Type": "application/json" }).end(`"${"x".repeat(2 << 20)}"`)],
  ];
  for (const [name, answer] of cases) {
    const server = await serve(t, answer);
    await assert.rejects(client(server.url).confirm("enr_x", "1"), UnexpectedAnswerError, name);
  }
  assert.equal(other.asked.length, 0);
});

test("a server that is not there is named as such", async () => {
  await assert.rejects(client("http://127.0.0.1:1").confirm("enr_x", "1"), NoAnswerError);
});

test("T31 the API key is in no error and no dump", async (t) => {
  for (const answer of [problem(401, "unauthorized"), json(500, {}), ((_, r) => r.destroy()) as Answer]) {
    const server = await serve(t, answer);
    const nod = client(server.url);
    const err = await nod.confirm("enr_x", "1").catch((e: unknown) => e);
    assert.ok(err instanceof Error);
    assert.ok(!inspect([err, nod], { depth: 9, showHidden: true }).includes(apiKey));
  }
});

test("what is not sound is refused before anything is called", () => {
  const good = { url: "https://nod.example.com", key: "k", tenant: fixtures.tenant, application: fixtures.application };
  assert.ok(new NodClient(good));
  const cases = [
    { url: "http://nod.example.com" },
    { url: "https://nod.example.com/path" },
    { url: "https://a:b@nod.example.com" },
    { url: "https://nod.example.com?" },
    { url: "nod.example.com" },
    { url: undefined },
    { key: "" },
    { tenant: fixtures.application },
    { tenant: undefined },
    { application: "app_short" },
    { issuer: "http://nod.example.com" },
    { url: "https://nod" }, // a name inside a network needs the issuer beside it
  ];
  for (const bad of cases) assert.throws(() => new NodClient({ ...good, ...(bad as {}) }), JSON.stringify(bad));
  assert.ok(new NodClient({ ...good, url: "https://nod", issuer: "https://nod.example.com" }));
});
