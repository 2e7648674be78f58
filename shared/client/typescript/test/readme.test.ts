import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { dark, light } from "../dist/element-style.js";
import { fixtures } from "./support.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the login of the README is the one that is compiled, and has fifteen lines", async () => {
  const block = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
  assert.equal(block, readFileSync(new URL("../test/login.ts", import.meta.url), "utf8"));
  assert.ok(block.split("\n").filter((line) => line.trim() !== "").length <= 15);
  Object.assign(process.env, { NOD_URL: "http://127.0.0.1:1", NOD_API_KEY: "k", NOD_TENANT: fixtures.tenant, NOD_APPLICATION: fixtures.application });
  const { secondFactor } = await import("./login.js");
  await assert.rejects(secondFactor("", "", () => assert.fail("nothing is shown without a challenge")), "no server, nobody comes in");
});

test("the README names every color", () => {
  for (const name of Object.keys({ ...light, ...dark })) assert.ok(readme.includes(`--nod-${name}:`), name);
});
