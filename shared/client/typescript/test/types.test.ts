import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

test("src/types.ts is what the OpenAPI document and the list of errors say", async () => {
  const script = "../scripts/types.mjs";
  const { generate } = (await import(script)) as { generate(): string };
  const committed = readFileSync(new URL("../src/types.ts", import.meta.url), "utf8");
  assert.equal(committed, generate(), "run: npm run types");
});

test("nothing is needed at run time", () => {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
  const lock = readFileSync(new URL("../package-lock.json", import.meta.url), "utf8");
  assert.doesNotMatch(lock, /"resolved"/, "npm config set omit-lockfile-registry-resolved true");
});
