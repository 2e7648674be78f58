/** A page's stylesheet overrides these on the element, such as `nod-challenge { --nod-primary: #0b6e6e }`. */
export interface Tokens {
  background: string;
  line: string;
  ink: string;
  secondary: string;
  primary: string;
  weak: string;
  bad: string;
  ok: string;
  warn: string;
  /** Text on primary. */
  on: string;
}

/** The colors without a page's own. Text on background has a contrast of 4.5:1 or more. */
export const light: Tokens = {
  background: "#FFFFFF",
  line: "#E4E4EE",
  ink: "#14141F",
  secondary: "#63637A",
  primary: "#4338CA",
  weak: "#EEEDFB",
  bad: "#B42318",
  ok: "#0F7B4F",
  warn: "#9A5B00",
  on: "#FFFFFF",
};

/** The same for a dark page. */
export const dark: Tokens = {
  background: "#1A1A26",
  line: "#2C2C3D",
  ink: "#F2F2F8",
  secondary: "#A2A2B8",
  primary: "#A5A0FF",
  weak: "#24233B",
  bad: "#FF8A7A",
  ok: "#4CC38A",
  warn: "#F2B64A",
  on: "#14141F",
};

function colors(tokens: Tokens): string {
  return Object.entries(tokens)
    .map(([name, value]) => `--${name}:var(--nod-${name},${value as string})`)
    .join(";");
}

/** The element's stylesheet. It is constructed, so a strict content security policy does not refuse it. */
export const style = `
:host { display: block; container-type: inline-size; color-scheme: light dark }
:host([hidden]), [hidden] { display: none !important }
.card { ${colors(light)} }
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) .card { ${colors(dark)} } }
:host([theme="light"]) { color-scheme: light }
:host([theme="dark"]) { color-scheme: dark }
:host([theme="dark"]) .card { ${colors(dark)} }
.card {
  display: flex; flex-direction: column; align-items: center; box-sizing: border-box;
  padding: 24px 20px; border-radius: var(--nod-radius, 16px); text-align: center;
  background: var(--background); color: var(--ink);
  font: 400 1rem/1.45 var(--nod-font, Inter, system-ui, sans-serif);
}
h2, p { margin: 0; max-inline-size: 32em; overflow-wrap: anywhere; text-wrap: balance }
h2 { font: inherit; font-size: 1.625rem; font-weight: 700; line-height: 1.25 }
.hint { margin-block-start: 8px; color: var(--secondary) }
.number {
  margin-block: 16px 12px; color: var(--primary); font-weight: 700; line-height: 1.1;
  font-size: clamp(2.75rem, 19cqi, 6.5rem); font-variant-numeric: tabular-nums; letter-spacing: .03em;
  direction: ltr; overflow-wrap: normal; white-space: nowrap;
}
.number .gap { display: inline-block; inline-size: .22em }
progress { appearance: none; inline-size: min(100%, 17em); block-size: 6px; border: 0; border-radius: 3px; background: var(--line); color: var(--primary); overflow: hidden }
progress::-webkit-progress-bar { background: var(--line) }
progress::-webkit-progress-value { background: var(--primary); border-radius: 3px }
progress::-moz-progress-bar { background: var(--primary); border-radius: 3px }
.left { margin-block-start: 8px; color: var(--secondary); font-size: .875rem; font-variant-numeric: tabular-nums }
.soon .left { color: var(--warn) }
.soon progress { color: var(--warn) }
.soon progress::-webkit-progress-value { background: var(--warn) }
.soon progress::-moz-progress-bar { background: var(--warn) }
.mark { inline-size: 64px; block-size: 64px; margin-block: 4px 16px; border-radius: 50%; background: var(--weak); fill: none; stroke-width: 5; stroke-linecap: round; stroke-linejoin: round }
.mark.approved { stroke: var(--ok) }
.mark.closed { stroke: var(--bad) }
.actions { display: flex; inline-size: min(100%, 17em); flex-wrap: wrap; justify-content: center; gap: 4px 8px; margin-block-start: 16px }
button {
  min-block-size: 44px; padding: 8px 16px; border: 0; border-radius: 14px; background: none; color: var(--secondary);
  font: inherit; font-weight: 500; cursor: pointer;
}
button.main { color: var(--primary); font-weight: 600 }
button.strong { flex-basis: 100%; min-block-size: 52px; padding-inline: 28px; background: var(--primary); color: var(--on); font-weight: 600 }
button:focus-visible { outline: 3px solid var(--primary); outline-offset: 2px }
.heard { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
.waiting h2, .closed h2, .approved h2 { animation: appear 180ms ease-out }
@keyframes appear { from { opacity: 0 } }
@media (prefers-reduced-motion: reduce) { .card h2 { animation: none } }
@media (forced-colors: active) { progress { border: 1px solid CanvasText } button { border: 1px solid ButtonBorder } .mark { stroke: CanvasText } }
`;
