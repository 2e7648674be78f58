// A server for tests, and the protocol's fixtures.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { NodClient, type NodClientOptions } from "@nod-auth/client";

const vectors = new URL("../../../protocol/testdata/vectors/", import.meta.url);

/** vectorsOf reads a file of the protocol's test vectors. */
export function vectorsOf(file: string): any {
  return JSON.parse(readFileSync(new URL(file, vectors), "utf8"));
}

export const fixtures = vectorsOf("fixtures.json");

/** What the vectors were made for. */
export const expected = { subject: "u-1842", transaction: "login-7f3a9c" };

/** result returns the text of a vector. */
export function result(file: string, name: string): string {
  const found = vectorsOf(file).vectors.find((v: { name: string }) => v.name === name);
  if (!found) throw new Error(`no vector ${name} in ${file}`);
  return found.jws;
}

/** jwks returns the key set of a fixture statement, as the server publishes it. */
export function jwks(statement: string): { keys: Record<string, unknown>[] } {
  const said = JSON.parse(Buffer.from(fixtures.statements[statement].jws.split(".")[1], "base64url").toString());
  return { keys: said.keys.map((k: any) => ({ ...k.jwk, alg: "ES256", use: "sig", kid: "not looked at", status: k.status, retired_at: k.retired_at })) };
}

/** Asked is a request that a test server got. */
export interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  body: any;
}

/** Answer writes one answer. */
export type Answer = (request: Asked, response: ServerResponse) => void;

/** json answers with JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (_, response) => response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** problem answers with a problem document. */
export function problem(status: number, code: string, headers: Record<string, string> = {}): Answer {
  const body = { type: `urn:nod:problem:${code}`, title: "Title", status, detail: "Detail.", code, request_id: "r-1" };
  return json(status, body, { "Content-Type": "application/problem+json", ...headers });
}

/** serve starts a server that gives its answers in order, the last one again and again. */
export async function serve(t: TestContext, ...answers: Answer[]): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const one = { method: request.method!, url: request.url!, headers: request.headers, body: text && JSON.parse(text) };
    asked.push(one);
    (answers.length > 1 ? answers.shift()! : answers[0]!)(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** The canary must never be seen in an error. */
export const apiKey = "nod_sk_canary";

/** client returns one at the time of the vectors. */
export function client(url: string, more: Partial<NodClientOptions> = {}): NodClient {
  const { tenant, application, server, now } = fixtures;
  return new NodClient({ url, key: apiKey, tenant, application, issuer: server, now: () => now * 1000, ...more });
}
