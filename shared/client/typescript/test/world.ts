// A real server and a real authenticator: nodd and nodsim, built from this repository by scripts/server.mjs.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NodClient } from "@nod-auth/client";

// Settings of the server also come from the environment: none of this machine's.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("NOD")));
const run = (file: string, args: string[]) => promisify(execFile)(file, args, { env });
const bin = fileURLToPath(new URL("../.test/bin/", import.meta.url));

/** find returns the path of a program; "" when there is none. */
export function find(program: string): string {
  const paths = [bin, ...(process.env.PATH ?? "").split(delimiter)].map((dir) => join(dir || ".", program));
  return paths.find((path) => existsSync(path)) ?? "";
}

/** missing says why tests with the real server cannot run here; false when they can. With NOD_REQUIRE_PLATFORMS they must. */
export function missing(...programs: string[]): string | false {
  const absent = programs.filter((p) => find(p) === "");
  if (absent.length > 0 && process.env.NOD_REQUIRE_PLATFORMS) throw new Error(`not here: ${absent.join(", ")}`);
  return absent.length > 0 ? `not here: ${absent.join(", ")}` : false;
}

/** World is a server with one user, ada, who has one device. */
export interface World {
  nod: NodClient;
  url: string;
  /** answer lets the device answer the next request, such as `--approve --number 47`. */
  answer(...args: string[]): Promise<void>;
  close(): void;
}

/** freePort finds a port that nothing listens on. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** open starts the server and enrolls. origin may use the browser API. */
export async function open(origin: string): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), "nod-typescript-"));
  const url = `http://127.0.0.1:${await freePort()}`;
  const data = ["--data", join(dir, "nod.db")];
  const server = spawn(join(bin, "nodd"), ["serve", ...data, "--listen", url.slice(7), "--public-url", url], { env, stdio: ["ignore", "pipe", "pipe"] });
  const close = () => {
    server.kill();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    let out = "";
    server.stdout.on("data", (chunk) => (out += chunk));
    await new Promise<void>((resolve, reject) => {
      let said = "";
      server.stderr.on("data", (chunk) => (said += chunk).includes("serving") && resolve());
      server.on("exit", (code) => reject(new Error(`nodd ended with ${code}: ${said}`)));
    });
    const tenant = /ten_[\w-]{22}/.exec(out)![0];
    const application = (await run(join(bin, "nodd"), ["application", "create", "Web", "--origin", origin, ...data])).stdout.trim();
    const scopes = "challenges,enrollments,users,audit";
    const key = (await run(join(bin, "nodd"), ["key", "create", "--application", application, "--scope", scopes, ...data])).stdout.trim();
    const nod = new NodClient({ url, key, tenant, application });
    const sim = (...args: string[]) => run(join(bin, "nodsim"), ["--json", "--state", join(dir, "device"), ...args]);
    const invited = await nod.createEnrollment({ user_ref: "ada", user_label: "ada@example.com" });
    const { stdout } = await sim("enroll", "--yes", "--wait", "0s", invited.invitation_uri!);
    assert.equal((await nod.waitEnrollment(invited.id, "invited")).status, "registered");
    assert.equal((await nod.confirm(invited.id, JSON.parse(stdout).confirm_code)).status, "active");
    return { nod, url, close, answer: async (...args) => void (await sim("answer", ...args)) };
  } catch (err) {
    close();
    throw err;
  }
}
