// The receiving side against the protocol's test vectors, those that were accepted and those that were refused.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isChecked, opens, readChallenge, type SignedMatch } from "../dist/protocol/challenge.js";
import { verifyDecision } from "../dist/protocol/decision.js";
import { decode, sha256, utf8 } from "../dist/protocol/encoding.js";
import { ProtocolError } from "../dist/protocol/errors.js";
import { parseObject } from "../dist/protocol/json.js";
import { importKey } from "../dist/protocol/jwk.js";
import { readKeys, statement, type TenantKeys } from "../dist/protocol/keys.js";
import { acrOf, amrOf } from "../dist/protocol/level.js";
import { isID, parseServer, text } from "../dist/protocol/limits.js";
import { verifyResult } from "../dist/protocol/result.js";

const folder = new URL("../../../protocol/testdata/vectors/", import.meta.url);
const load = (name: string): any => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
const fixtures = load("fixtures.json");

interface Message {
  name: string;
  type: string;
  jws: string;
  given: any;
  error?: string;
  member?: string;
  shows?: { hash: string };
}

async function keysOf(name: string): Promise<TenantKeys> {
  const said = parseObject(decode(fixtures.statements[name].jws.split(".")[1])!)! as any;
  const set = said.keys.map((k: any) => ({ ...k.jwk, status: k.status, retired_at: k.retired_at ?? undefined }));
  return { issuer: said.iss, tenant: said.tenant, keys: await readKeys(set) };
}

/** receive does what an application does with a message of this type. */
async function receive(m: Message): Promise<unknown> {
  const g = m.given;
  switch (m.type) {
    case "nod-result+jwt":
      return verifyResult(m.jws, await keysOf(g.keys), {
        issuer: g.expect.iss,
        tenant: g.expect.tenant,
        audience: g.expect.aud,
        subject: g.expect.sub,
        transaction: g.expect.transaction,
        now: g.expect.receipt ? "receipt" : g.now,
      });
    case "nod-challenge+jwt": {
      const c = await statement(m.jws, m.type, await keysOf(g.keys), readChallenge);
      if (!c.aud.includes(g.device)) throw new ProtocolError("mismatch", "aud", "the device's own check, which evidence makes with the decision");
      return c;
    }
    case "nod-decision+jwt":
      return verifyDecision(m.jws, await importKey(fixtures.keys[g.key].jwk));
  }
  throw new Error(`nothing receives ${m.type}`);
}

for (const [file, accepted, refused] of [
  ["result.json", 5, 32],
  ["evidence.json", 13, 55],
  ["challenge.json", 11, 47],
  ["decision.json", 6, 22],
  ["envelope.json", 8, 80],
] as const) {
  test(`every vector of ${file} is accepted or refused for the right reason`, async (t) => {
    const counts = { accepted: 0, refused: 0 };
    for (const m of load(file).vectors as Message[]) {
      await t.test(m.name, async () => {
        counts[m.error ? "refused" : "accepted"]++;
        if (!m.error) {
          assert.ok(await receive(m));
          assert.equal(await sha256(utf8(m.jws)), m.shows!.hash);
          return;
        }
        await assert.rejects(receive(m), (err) => {
          assert.ok(err instanceof ProtocolError, String(err));
          assert.deepEqual([err.code, err.member], [m.error, m.member ?? ""]);
          return true;
        });
      });
    }
    assert.ok(counts.accepted >= accepted && counts.refused >= refused, JSON.stringify(counts));
  });
}

/** gives runs f on the text of each vector of a file, and compares what comes out, or the error's code. */
function gives(file: string, f: (v: any) => unknown, want: (v: any) => unknown): void {
  test(`every vector of ${file}`, async (t) => {
    for (const v of load(file).vectors) {
      await t.test(v.name ?? v.text ?? JSON.stringify(v), async () => {
        const got = async () => f(v);
        if (v.error) return assert.rejects(got, (err) => err instanceof ProtocolError && err.code === v.error);
        assert.deepEqual(await got(), want(v));
      });
    }
  });
}

gives("servers.json", (v) => parseServer(v.text), (v) => v.server);
gives("texts.json", (v) => text("text", v.text, v.required, v.max), () => undefined);
gives("hashes.json", (v) => sha256(utf8(v.text)), (v) => v.hash);
gives("commitments.json", (v) => opens(v.match as SignedMatch, decode(v.salt)!, v.challenge_id, v.number), (v) => v.opens);
gives("claims.json", (v) => [acrOf(v.number, v.user_verification !== ""), amrOf(v.key_level, v.key_level_proven, v.user_verification)], (v) => [v.acr, v.amr]);
gives(
  "jwk.json",
  async (v) => {
    // The reader for messages is the strict one: JSON.parse would take a member twice.
    const jwk = parseObject(utf8(v.text)) ?? (v.text === "null" ? {} : undefined);
    return (await importKey(jwk)).kid;
  },
  (v) => v.thumbprint,
);
gives(
  "identifiers.json",
  (v) => {
    if (!isID(`${v.kind}_`, v.text)) throw new ProtocolError("invalid", "id", "is no identifier");
    return true;
  },
  () => true,
);

test("only modes with a number are checked", () => {
  assert.deepEqual(["enter", "choose", "compare", "none", ""].map((mode) => isChecked({ mode })), [true, true, false, false, false]);
});
