/**
 * `<nod-challenge>`: what a page shows while the user answers on the phone. It shows the number, counts down, watches the challenge,
 * and says when to go on. It decides nothing: after `nod-continue` the backend reads the result and verifies it.
 *
 * ```html
 * <nod-challenge server="https://nod.example.com" challenge="chl_..." token="nod_bt_..." number="47"
 *   expires-at="2026-11-23T10:01:30Z"></nod-challenge>
 * ```
 *
 * Attributes: `server`, `challenge` and `token` to watch (without them it shows a button to go on); `mode` (enter, choose,
 * compare, none) and `number` (for compare the code); `expires-at` and `created-at`; `theme` (light, dark; default is the system's);
 * `actions`, the buttons to offer, default "fallback cancel retry". Slots: `logo`, and the default one below the number.
 *
 * Events, which bubble: `nod-continue` with `detail.status` "approved" or "unknown", `nod-closed`, `nod-fallback`, `nod-cancel`,
 * `nod-retry`, and `nod-error` with `detail.error`.
 *
 * @packageDocumentation
 */
import { watchChallenge, type ChallengeID } from "./browser.js";
import { style } from "./element-style.js";

/** The words. Give your own through the property `texts`; what is left out stays English. */
export interface ChallengeTexts {
  title: string;
  enter: string;
  choose: string;
  compare: string;
  none: string;
  /** When the page cannot tell whether the user answered. */
  unknown: string;
  approved: string;
  closed: string;
  closedHint: string;
  left: (seconds: number) => string;
  number: (digits: string) => string;
  fallback: string;
  cancel: string;
  retry: string;
  go: string;
}

const english: ChallengeTexts = {
  title: "Check your phone",
  enter: "Open your authenticator and type this number.",
  choose: "Open your authenticator and tap this number.",
  compare: "Open your authenticator and check that it shows this code.",
  none: "Open your authenticator and answer there.",
  unknown: "This page cannot see your answer. Answer on your phone, then go on.",
  approved: "Approved",
  closed: "This request has ended",
  closedHint: "It was not approved, or the time is over.",
  left: (seconds) => (seconds === 1 ? "1 second left" : `${seconds} seconds left`),
  number: (digits) => `The number is ${digits}.`,
  fallback: "Use a code instead",
  cancel: "Cancel",
  retry: "Try again",
  go: "Go on",
};

type State = "waiting" | "approved" | "closed";
type Action = "continue" | "fallback" | "cancel" | "retry";

const soon = 15; // seconds: the countdown turns to the color of a warning
const spoken = [60, 30, 10]; // seconds left that a screen reader says

// On a server, where pages are rendered, there is no HTMLElement, and importing this must not fail.
const Base = (globalThis as { HTMLElement?: typeof HTMLElement }).HTMLElement ?? (class {} as typeof HTMLElement);

/** NodChallengeElement is `<nod-challenge>`. */
export class NodChallengeElement extends Base {
  static readonly observedAttributes = ["server", "challenge", "token", "mode", "number", "expires-at", "created-at", "actions"];

  #texts = english;
  #token = "";
  #state: State = "waiting";
  #blind = false; // nothing watches, or watching failed
  #watch: AbortController | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #planned = false;
  #total = 0;
  #said = Infinity;
  #view: View | undefined;

  /** The words of this element. */
  get texts(): ChallengeTexts {
    return this.#texts;
  }

  set texts(texts: Partial<ChallengeTexts>) {
    this.#texts = { ...english, ...texts };
    this.#render();
  }

  /** waiting, approved or closed: for showing, never for letting in. */
  get state(): State {
    return this.#state;
  }

  connectedCallback(): void {
    this.#view ??= new View(this.attachShadow({ mode: "open" }), (action) => this.#act(action));
    this.#plan();
  }

  disconnectedCallback(): void {
    this.#stop();
  }

  attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    if (name === "token" && value) {
      // Out of the document: it has no business in a recording of the page.
      this.#token = value;
      this.removeAttribute("token");
    }
    if (old !== value && !(name === "token" && value === null)) this.#plan();
  }

  /** plan starts over, once for all attributes that change together. */
  #plan(): void {
    if (this.#planned || !this.#view) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      if (this.isConnected) this.#start();
    });
  }

  #start(): void {
    this.#stop();
    const url = this.getAttribute("server");
    const id = this.getAttribute("challenge") as ChallengeID | null;
    this.#state = "waiting";
    this.#blind = !url || !id || !this.#token;
    this.#said = Infinity;
    const life = (this.#time("expires-at") - this.#time("created-at")) / 1000;
    this.#total = Number.isNaN(life) ? this.#secondsLeft() : life;
    this.#render();
    this.#timer = setInterval(() => this.#tick(), 500);
    if (this.#blind) return;
    const watch = new AbortController();
    this.#watch = watch;
    watchChallenge({ url: url!, id: id!, token: this.#token, signal: watch.signal }).then(
      (c) => this.#end(c.status === "approved" ? "approved" : "closed"),
      (error: unknown) => {
        if (watch.signal.aborted) return;
        this.#blind = true;
        this.#render();
        this.#emit("nod-error", { error });
      },
    );
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#watch?.abort();
  }

  #end(state: "approved" | "closed"): void {
    this.#stop();
    this.#state = state;
    this.#render();
    if (state === "approved") this.#emit("nod-continue", { status: "approved" });
    else this.#emit("nod-closed", {});
  }

  #act(action: Action): void {
    this.#emit(`nod-${action}`, action === "continue" ? { status: "unknown" } : {});
  }

  #emit(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /** time reads an attribute, in milliseconds; NaN without one. */
  #time(name: string): number {
    return Date.parse(this.getAttribute(name) ?? "");
  }

  /** secondsLeft is NaN when the end is not known. A clock that stands before the challenge's creation is wrong, and not used. */
  #secondsLeft(): number {
    const created = this.#time("created-at");
    const now = Math.max(Date.now(), Number.isNaN(created) ? 0 : created);
    return Math.max(0, Math.ceil((this.#time("expires-at") - now) / 1000));
  }

  #tick(): void {
    const left = this.#secondsLeft();
    this.#view?.count(left, this.#total, this.#texts.left(left), left <= soon);
    const say = spoken.find((s) => left <= s && left > s - 5 && this.#said > s && this.#total > s);
    if (say !== undefined) {
      this.#said = say;
      this.#view?.say(this.#texts.left(left));
    }
    // Whoever watches waits for the server's word: this clock may be wrong.
    if (left === 0 && this.#blind) this.#end("closed");
  }

  #render(): void {
    if (!this.#view) return;
    const t = this.#texts;
    const mode = this.getAttribute("mode") ?? (this.hasAttribute("number") ? "enter" : "none");
    const wanted = (this.getAttribute("actions") ?? "fallback cancel retry").split(/\s+/);
    const waiting = this.#state === "waiting";
    const number = waiting && mode !== "none" ? (this.getAttribute("number") ?? "") : "";
    const hidden: Record<Action, boolean> = {
      continue: !(waiting && this.#blind),
      fallback: this.#state === "approved" || !wanted.includes("fallback"),
      cancel: !waiting || !wanted.includes("cancel"),
      retry: this.#state !== "closed" || !wanted.includes("retry"),
    };
    const how = mode === "choose" || mode === "compare" || mode === "none" ? t[mode] : t.enter;
    const title = this.#state === "waiting" ? t.title : t[this.#state];
    const hint = { waiting: this.#blind ? `${how} ${t.unknown}` : how, approved: "", closed: t.closedHint }[this.#state];
    const heard = number && t.number(/^[0-9]+$/.test(number) ? [...number].join(" ") : number);
    this.#view.show({
      state: this.#state,
      title,
      hint,
      number,
      heard,
      labels: { continue: t.go, fallback: t.fallback, cancel: t.cancel, retry: t.retry },
      hidden,
      counts: waiting && !Number.isNaN(this.#total),
    });
    this.#view.say(`${title}. ${hint} ${heard}`.trim());
    if (waiting) this.#tick();
  }
}

interface Shown {
  state: State;
  title: string;
  hint: string;
  number: string;
  heard: string;
  labels: Record<Action, string>;
  hidden: Record<Action, boolean>;
  counts: boolean;
}

const marks = { approved: "M19 33l9 9 17-20", closed: "M23 23l18 18M41 23L23 41" };

/** View is the shadow tree. Text is set as text; there is no markup in a string. */
class View {
  private readonly card = element("div", { class: "card", role: "group", "aria-labelledby": "title" });
  private readonly title = element("h2", { id: "title" });
  private readonly hint = element("p", { class: "hint" });
  private readonly number = element("p", { class: "number" });
  private readonly progress = element("progress", { "aria-hidden": "true" });
  private readonly left = element("p", { class: "left", "aria-hidden": "true" });
  private readonly status = element("p", { class: "heard", role: "status", "aria-live": "polite" });
  private readonly mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  private readonly path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  private readonly buttons: Record<Action, HTMLButtonElement>;

  constructor(root: ShadowRoot, act: (action: Action) => void) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
    const button = (action: Action, kind: string): HTMLButtonElement => {
      const b = element("button", { type: "button", class: kind, part: action });
      b.addEventListener("click", () => act(action));
      return b;
    };
    this.buttons = { continue: button("continue", "strong"), retry: button("retry", "strong"), fallback: button("fallback", "main"), cancel: button("cancel", "") };
    const actions = element("div", { class: "actions" });
    actions.append(...Object.values(this.buttons));
    this.mark.setAttribute("viewBox", "0 0 64 64");
    this.mark.setAttribute("aria-hidden", "true");
    this.mark.append(this.path);
    const logo = element("slot", { name: "logo" });
    this.card.append(logo, this.mark, this.title, this.hint, this.number, this.progress, this.left, element("slot", {}), actions, this.status);
    root.append(this.card);
  }

  show(s: Shown): void {
    this.card.className = `card ${s.state}`;
    this.title.textContent = s.title;
    this.hint.textContent = s.hint;
    this.hint.hidden = s.hint === "";
    this.showNumber(s.number, s.heard);
    this.mark.toggleAttribute("hidden", s.state === "waiting");
    if (s.state !== "waiting") {
      this.mark.setAttribute("class", `mark ${s.state}`);
      this.path.setAttribute("d", marks[s.state]);
    }
    this.progress.hidden = this.left.hidden = !s.counts;
    for (const [action, b] of Object.entries(this.buttons) as [Action, HTMLButtonElement][]) {
      b.textContent = s.labels[action];
      b.hidden = s.hidden[action];
    }
  }

  /** showNumber shows the digits in two groups when there are six, and lets a screen reader say them one by one. */
  private showNumber(number: string, heard: string): void {
    this.number.hidden = number === "";
    const seen = element("span", { "aria-hidden": "true" });
    const half = number.length === 6 ? 3 : number.length;
    seen.append(number.slice(0, half));
    if (half < number.length) seen.append(element("span", { class: "gap" }), number.slice(half));
    const said = element("span", { class: "heard" });
    said.textContent = heard;
    this.number.replaceChildren(seen, said);
  }

  count(left: number, total: number, text: string, isSoon: boolean): void {
    this.progress.max = Math.max(1, total);
    this.progress.value = Math.min(left, total);
    this.left.textContent = text;
    this.card.classList.toggle("soon", isSoon);
  }

  say(text: string): void {
    this.status.textContent = text;
  }
}

function element<K extends keyof HTMLElementTagNameMap>(name: K, attributes: Record<string, string>): HTMLElementTagNameMap[K] {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  return e;
}

declare global {
  interface HTMLElementTagNameMap {
    "nod-challenge": NodChallengeElement;
  }
}

if (typeof customElements !== "undefined" && !customElements.get("nod-challenge")) customElements.define("nod-challenge", NodChallengeElement);
