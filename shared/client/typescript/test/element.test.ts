// The component in a real browser, on a page with a strict content security policy, against a real server.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { dark, light, type Tokens } from "../dist/element-style.js";
import { find, missing, open, type World } from "./world.js";

const skip = missing("nodd", "nodsim", "chromium");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const dist = new URL("../dist/", import.meta.url);
const shots = fileURLToPath(new URL("../.test/shots/", import.meta.url));

let world: World;
let browser: Browser;
let site: Server;
let origin = "";
const pages = new Map<string, string>(); // what the site shows, by its path

const script = `
import "/dist/element.js";
window.seen = [];
for (const name of ["continue", "closed", "fallback", "cancel", "retry", "error"]) {
  document.addEventListener("nod-" + name, (e) => window.seen.push([name, e.detail.status ?? e.detail.error?.name ?? ""]));
}
document.addEventListener("securitypolicyviolation", (e) => window.seen.push(["csp", e.violatedDirective]));
`;

before(async () => {
  if (skip) return;
  site = createServer((request, response) => {
    const path = request.url!.split("?")[0]!;
    const policy = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ${world?.url ?? ""}; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'`;
    const send = (status: number, type: string, body: string) => response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": policy }).end(body);
    if (path.startsWith("/dist/") && /^[\w/.-]+\.js$/.test(path) && !path.includes("..")) return send(200, "text/javascript", readFileSync(new URL(path.slice(6), dist), "utf8"));
    if (path === "/page.js") return send(200, "text/javascript", script);
    if (path === "/page.css") return send(200, "text/css", "html{color-scheme:light dark}body{margin:0;padding:20px;background:Canvas;font-family:Inter,sans-serif}h1{font-size:1rem;margin:0} .brand{--nod-primary:#0b6e6e;--nod-radius:0}");
    if (path.startsWith("/browser/")) {
      const body = { type: "urn:nod:problem:unauthorized", title: "t", status: 401, code: "unauthorized", request_id: "r" };
      return send(401, "application/problem+json", JSON.stringify(body));
    }
    const body = pages.get(path);
    if (body === undefined) return send(404, "text/plain", "");
    send(200, "text/html; charset=utf-8", body);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  mkdirSync(shots, { recursive: true });
  world = await open(origin);
  browser = await chromium.launch({ executablePath: find("chromium"), args: ["--no-sandbox"] });
});
after(async () => {
  await browser?.close();
  world?.close();
  site?.close();
});

interface Options extends BrowserContextOptions {
  html?: string;
  inside?: string;
  /** Of the document. */
  root?: string;
}

/** show opens a page with the element. */
async function show(attributes: Record<string, string>, o: Options = {}): Promise<Page> {
  const { html, inside = "", root = 'lang="en"', ...context } = o;
  const list = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`).join("");
  const path = `/${randomUUID()}`;
  const element = html ?? `<nod-challenge${list}>${inside}</nod-challenge>`;
  pages.set(path, `<!doctype html><html ${root}><head><meta name="viewport" content="width=device-width"><title>Sign in</title><link rel="stylesheet" href="/page.css"><script type="module" src="/page.js"></script></head><body><main><h1>Example Bank</h1>${element}</main></body></html>`);
  const page = await browser.newPage({ viewport: { width: 480, height: 460 }, ...context });
  await page.goto(origin + path);
  await page.locator("nod-challenge h2").waitFor();
  return page;
}

const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
const seen = (page: Page): Promise<[string, string][]> => page.evaluate("window.seen");

/** until waits for an event. The page's policy forbids what Playwright would do for it. */
async function until(page: Page, name: string): Promise<void> {
  for (let i = 0; !(await seen(page)).some(([n]) => n === name); i++) {
    assert.ok(i < 200, `no nod-${name}: ${JSON.stringify(await seen(page))}`);
    await page.waitForTimeout(50);
  }
}

/** accessible asserts that axe finds nothing. */
async function accessible(page: Page): Promise<void> {
  await page.evaluate(`${axe};0`);
  const found = (await page.evaluate("axe.run().then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html + n.failureSummary).join()))")) as string[];
  assert.deepEqual(found, []);
}

const ask = (transaction: string) => world.nod.createChallenge({ user_ref: "ada", transaction, action: { kind: "sign_in" }, ttl_seconds: 60 });
const attributesOf = (c: Awaited<ReturnType<typeof ask>>) => ({
  server: world.url,
  challenge: c.id,
  token: c.browser_token,
  mode: c.match.mode,
  number: c.match.number!,
  "created-at": c.created_at,
  "expires-at": c.expires_at,
});

test("T25 a page goes on after the approval, and its backend decides", { skip }, async () => {
  const transaction = randomUUID();
  const c = await ask(transaction);
  const page = await show(attributesOf(c));
  const element = page.locator("nod-challenge");
  assert.equal(await element.locator(".number > span").first().innerText(), c.match.number);
  assert.match(await element.locator(".number .heard").innerText(), new RegExp(`The number is ${[...c.match.number!].join(" ")}`));
  assert.match(await element.locator(".left").innerText(), /^\d\d seconds left$/);
  assert.ok(!(await page.content()).includes(c.browser_token), "the token is out of the document");
  await accessible(page);
  await page.screenshot({ path: `${shots}waiting-light.png` });
  await world.answer("--approve", "--number", c.match.number!);
  await until(page, "continue");
  assert.deepEqual(await seen(page), [["continue", "approved"]]);
  assert.equal(await element.locator("h2").innerText(), "Approved");
  await accessible(page);
  await page.screenshot({ path: `${shots}approved-light.png` });
  assert.equal((await world.nod.verify((await world.nod.challenge(c.id)).result, { subject: "ada", transaction })).status, "approved");
  await page.close();
});

test("what ends otherwise is closed, and the buttons are events", { skip }, async () => {
  const c = await ask(randomUUID());
  const page = await show(attributesOf(c), { colorScheme: "dark" });
  await page.screenshot({ path: `${shots}waiting-dark.png` });
  await accessible(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  assert.deepEqual(await seen(page), [["fallback", ""], ["cancel", ""]]);
  await world.nod.cancel(c.id);
  await until(page, "closed");
  await page.getByRole("button", { name: "Try again" }).click();
  assert.deepEqual((await seen(page)).slice(2), [["closed", ""], ["retry", ""]]);
  assert.equal(await page.locator("nod-challenge .number").isVisible(), false);
  await accessible(page);
  await page.screenshot({ path: `${shots}closed-dark.png` });
  await page.close();
});

test("a page that cannot watch keeps the number and offers to go on", { skip }, async () => {
  const page = await show({ server: origin, challenge: "chl_AAAAAAAAAAAAAAAAAAAAAA", token: "nod_bt_x", number: "07", "expires-at": soon(60) });
  await until(page, "error");
  assert.equal(await page.locator("nod-challenge .number > span").first().innerText(), "07");
  await page.getByRole("button", { name: "Go on" }).click();
  assert.deepEqual(await seen(page), [["error", "ProblemError"], ["continue", "unknown"]]);
  await accessible(page);
  await page.screenshot({ path: `${shots}blind-light.png` });
  await page.close();
});

test("without a server to watch, the time closes it", { skip }, async () => {
  const page = await show({ number: "42", "expires-at": soon(2), "created-at": soon(-58) });
  await page.locator("nod-challenge .soon").waitFor();
  await page.screenshot({ path: `${shots}soon-light.png` });
  await until(page, "closed");
  assert.equal(await page.locator("nod-challenge [role=status]").textContent(), "This request has ended. It was not approved, or the time is over.");
  await page.close();
});

test("six digits fit a narrow page, and a page's own colors and words count", { skip }, async () => {
  const page = await show({ number: "204816", "expires-at": soon(60), class: "brand" }, { viewport: { width: 280, height: 520 }, inside: "<p>Sent to Ada's phone</p>" });
  const fits = await page.evaluate(`(() => { const n = document.querySelector("nod-challenge").shadowRoot.querySelector(".number > span").getBoundingClientRect(); return n.left >= 20 && n.right <= 260 && document.documentElement.scrollWidth <= 280 })()`);
  assert.ok(fits);
  assert.equal(await page.locator("nod-challenge .number").evaluate((e) => (globalThis as any).getComputedStyle(e).color), "rgb(11, 110, 110)");
  await page.screenshot({ path: `${shots}narrow-brand.png` });
  await page.evaluate(`document.querySelector("nod-challenge").texts = { title: "בדקו את הטלפון", enter: "פתחו את האפליקציה והקלידו את המספר.", unknown: "", go: "המשך", number: (d) => d, left: (s) => "נותרו " + s + " שניות", cancel: "ביטול", fallback: "להשתמש בקוד" }`);
  await page.evaluate('document.documentElement.setAttribute("dir", "rtl"); document.documentElement.lang = "he"');
  assert.equal(await page.locator("nod-challenge h2").innerText(), "בדקו את הטלפון");
  assert.equal(await page.locator("nod-challenge .number > span").first().innerText(), "204816");
  await accessible(page);
  await page.screenshot({ path: `${shots}narrow-rtl.png` });
  await page.close();
});

test("each way of matching has its sentence, and markup is text", { skip }, async () => {
  for (const [mode, sentence] of Object.entries({ enter: "type this number", choose: "tap this number", compare: "shows this code", none: "answer there" })) {
    const page = await show({ mode, number: "&lt;img src=x&gt;", "expires-at": "not a time", actions: "" });
    assert.ok((await page.locator("nod-challenge .hint").innerText()).includes(sentence));
    assert.equal(await page.locator("nod-challenge img").count(), 0);
    assert.equal(await page.locator("nod-challenge progress").isVisible(), false, "without a time there is no countdown");
    assert.equal(await page.locator("nod-challenge button:visible").count(), 1, "going on is offered, the others were not wanted");
    assert.deepEqual(await seen(page), []);
    await page.close();
  }
});

test("a theme of the page's own wins over the system's", { skip }, async () => {
  const color = async (theme: string, colorScheme: "light" | "dark") => {
    const page = await show({ number: "42", theme }, { colorScheme });
    const found = await page.locator("nod-challenge .card").evaluate((e) => (globalThis as any).getComputedStyle(e).backgroundColor);
    await page.close();
    return found;
  };
  assert.deepEqual([await color("light", "dark"), await color("dark", "light")], ["rgb(255, 255, 255)", "rgb(26, 26, 38)"]);
});

test("an element that was taken out stops asking, and goes on when it is put back", { skip }, async () => {
  const c = await ask(randomUUID());
  const page = await show(attributesOf(c));
  await page.evaluate('window.kept = document.querySelector("nod-challenge"); kept.remove()');
  await page.waitForTimeout(100);
  await page.evaluate('document.querySelector("main").append(kept)');
  await world.nod.cancel(c.id);
  await until(page, "closed");
  await page.close();
});

/** contrast is that of WCAG 2.2 section 1.4.3. */
function contrast(a: string, b: string): number {
  const luminance = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

test("text has a contrast of 4.5:1 or more in both themes", () => {
  for (const tokens of [light, dark] as Tokens[]) {
    for (const name of ["ink", "secondary", "primary", "bad", "ok", "warn"] as const) {
      assert.ok(contrast(tokens[name], tokens.background) >= 4.5, `${name} ${tokens[name]} on ${tokens.background}`);
    }
    assert.ok(contrast(tokens.on, tokens.primary) >= 4.5);
  }
});

test("importing the element where there is no document does nothing", async () => {
  assert.ok((await import("@nod-auth/client/element")).NodChallengeElement);
});
