// Builds the server and the simulated device that the tests run against into .test/bin, when Go is there.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../.test/bin/", import.meta.url));
const cwd = fileURLToPath(new URL("../../../../", import.meta.url));
const built = spawnSync("go", ["build", "-o", bin, "./backend/cmd/nodd", "./mobile/cmd/nodsim"], { cwd, stdio: "inherit" });
if (built.error?.code === "ENOENT") console.error("Go is not here: the tests against a real server are left out.");
else process.exitCode = built.status ?? 1;
