import assert from "node:assert/strict";
import { test } from "node:test";
import { ProblemError, UnexpectedAnswerError, watchChallenge, type ChallengeID } from "@nod-auth/client/browser";
import { readEvents } from "../dist/sse.js";
import { json, problem, serve, type Answer } from "./support.js";

const id = "chl_Yb0k4mP2rT6vXz8AcEgIkA" as ChallengeID;
const token = "nod_bt_canary";
const state = (status: string, expires = Date.now() + 90_000) => ({ id, status, expires_at: new Date(expires).toISOString() });
const stream =
  (...parts: string[]): Answer =>
  (_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (const part of parts) response.write(part);
    response.end();
  };
const event = (status: string, expires?: number) => `event: status\ndata: ${JSON.stringify(state(status, expires))}\n\n`;
const watch = (url: string, more = {}) => watchChallenge({ url, id, token, ...more });

test("a stream is followed to its end, with the token in a header and not in the URL", async (t) => {
  const seen: string[] = [];
  const server = await serve(t, stream(": hello\n\n", event("pending"), event("pending"), "event: other\ndata: {}\n\n", event("approved")));
  const final = await watch(server.url, { onStatus: (c: { status: string }) => seen.push(c.status) });
  assert.equal(final.status, "approved");
  await Promise.resolve();
  assert.deepEqual(seen, ["pending", "approved"]);
  assert.equal(server.asked[0]!.url, `/browser/v1/challenges/${id}/events`);
  assert.equal(server.asked[0]!.headers.authorization, `Bearer ${token}`);
});

test("a stream that ends, or a server that restarts, is asked again", async (t) => {
  const server = await serve(t, stream(event("pending")), problem(503, "server_shutting_down"), (_, r) => r.destroy(), json(200, state("closed")));
  assert.equal((await watch(server.url)).status, "closed");
  assert.equal(server.asked.length, 4);
});

test("where streams do not get through, long polls do", async (t) => {
  const page: Answer = (_, r) => r.writeHead(200, { "Content-Type": "text/html" }).end("<p>no");
  const server = await serve(t, page, json(200, state("pending")), json(200, state("approved")));
  assert.equal((await watch(server.url)).status, "approved");
  assert.deepEqual(server.asked.map((a) => a.url.split("?")[1]), [undefined, "wait=0", "wait=25"]);
});

test("a stream that is held back is given up for long polls", async (t) => {
  const held: Answer = (_, r) => void r.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders();
  const server = await serve(t, held, json(200, state("approved")));
  assert.equal((await watch(server.url)).status, "approved");
});

test("a token that is over closes what was pending, and is refused at the beginning", async (t) => {
  const known = await serve(t, stream(event("pending")), problem(401, "unauthorized"));
  assert.equal((await watch(known.url)).status, "closed");
  const unknown = await serve(t, problem(401, "unauthorized"));
  await assert.rejects(watch(unknown.url), (err) => err instanceof ProblemError && err.code === "unauthorized");
});

test("what cannot be reached any more is closed when its token must be over", async (t) => {
  const server = await serve(t, stream(event("pending", Date.now() - 61_000)), (_, r) => r.destroy());
  assert.equal((await watch(server.url)).status, "closed");
});

test("a state of something else is no state", async (t) => {
  for (const other of [{ ...state("approved"), id: "chl_AAAAAAAAAAAAAAAAAAAAAA" }, { ...state("approved"), status: "yes" }, { id, status: "approved" }, null]) {
    const server = await serve(t, stream(`event: status\ndata: ${JSON.stringify(other)}\n\n`), json(200, other));
    await assert.rejects(watch(server.url), UnexpectedAnswerError, JSON.stringify(other));
  }
});

test("a watch ends with its signal, in a stream and in a pause", async (t) => {
  for (const answer of [((_, r) => void r.writeHead(200, { "Content-Type": "text/event-stream" }).write(event("pending"))) as Answer, problem(503, "database_busy", { "Retry-After": "9" })]) {
    const leave = new AbortController();
    const server = await serve(t, answer);
    const watching = watch(server.url, { signal: leave.signal });
    while (server.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    leave.abort(new Error("left"));
    await assert.rejects(watching, /left/);
  }
});

test("bad input is refused before anything is called", async () => {
  await assert.rejects(watch("http://nod.example.com"), TypeError);
  await assert.rejects(watch("https://nod.example.com", { token: "" }), TypeError);
  await assert.rejects(watch("https://nod.example.com", { id: ".." }), TypeError);
});


const read = async (...pieces: (string | Uint8Array)[]) => {
  const body = new ReadableStream<Uint8Array>({
    start(c) {
      for (const p of pieces) c.enqueue(typeof p === "string" ? new TextEncoder().encode(p) : p);
      c.close();
    },
  });
  const found: string[] = [];
  for await (const e of readEvents(body, () => {})) found.push(`${e.type}=${e.data}`);
  return found;
};

test("streams are read as the standard says, whatever pieces they come in", async () => {
  const text = "\ufeff: c\r\nevent: a\r\ndata: 1\r\ndata:2\r\n\r\ndata:  x\rid: 7\r\revent: none\n\ndata\n\ndata: ü\n\nevent: cut\ndata: off\n";
  const want = ["a=1\n2", "message= x", "message=", "message=ü"];
  assert.deepEqual(await read(text), want);
  assert.deepEqual(await read(...Array.from(new TextEncoder().encode(text), (b) => Uint8Array.of(b))), want);
});

test("T19 what a stream can make the page hold is bounded", async () => {
  await assert.rejects(read(...Array.from({ length: 70 }, () => "x".repeat(1024))), /too large/);
  await assert.rejects(read(...Array.from({ length: 70 }, () => `data: ${"x".repeat(1024)}\n`)), /too large/);
});
