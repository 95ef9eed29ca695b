// swift-format-ignore-file
// Written by StatusPage/embed from the files beside it.

/// The status page: one document with its script and style in it.
enum StatusPageDocument {
  static let scriptHash = "sha256-8XHJfloJB1Ys1r4Ms9gy0p2ujz8Yc2AwT/elDR9jCvk="
  static let styleHash = "sha256-D/J55aGFlCQ4SToLNoo7l+73Hdlt+u9iYYbPDIrgGdk="
  static let html = ##"""
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>fednode</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cg fill='none' stroke='%231f6feb' stroke-width='1.6'%3E%3Cpath d='M4 4l8 2-5 7z'/%3E%3C/g%3E%3Cg fill='%231f6feb'%3E%3Ccircle cx='4' cy='4' r='2.6'/%3E%3Ccircle cx='12' cy='6' r='2.6'/%3E%3Ccircle cx='7' cy='13' r='2.6'/%3E%3C/g%3E%3C/svg%3E">
<style>
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --surface: #ffffff; --raised: #f7f9fb; --line: #d9dfe7; --line-strong: #8a95a5;
  --text: #1b2430; --muted: #566274; --accent: #1a5fc4; --accent-text: #ffffff;
  --good: #157347; --half: #2468c4; --warn: #8f5600; --bad: #b3261e; --bad-ground: #fdeceb; --warn-ground: #fff4e0;
  --bar-good: #3ba272; --bar-half: #7fb0ee; --bar-away: #e9a39e; --bar-other: #9aa8ba;
  --shadow: 0 1px 2px rgb(20 30 45 / 7%);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1419; --surface: #171d24; --raised: #1d242d; --line: #2c3540; --line-strong: #6d7a8b;
    --text: #e3e8ee; --muted: #9ba7b6; --accent: #7db4ff; --accent-text: #0b1726;
    --good: #55c98d; --half: #7db4ff; --warn: #e8b25c; --bad: #ff8b82; --bad-ground: #3a1d1c; --warn-ground: #33270f;
    --bar-good: #3f9c6d; --bar-half: #4d82c4; --bar-away: #99504b; --bar-other: #5d6b7d;
    --shadow: none;
  }
}

* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--ground); color: var(--text); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1, h2, h3, p, ul, ol, dl, dd { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h1 { font-size: 1.15rem; letter-spacing: -0.01em; }
h2 { font-size: 0.82rem; font-weight: 650; letter-spacing: 0.03em; color: var(--muted); }
h3 { font-size: 0.82rem; font-weight: 600; color: var(--muted); margin-bottom: 0.3rem; }
.mono { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.87em; }
.muted { color: var(--muted); }
.small { font-size: 0.85rem; }
.error { color: var(--bad); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.sprite { position: absolute; width: 0; height: 0; }
.icon { width: 0.95em; height: 0.95em; flex: none; vertical-align: -0.1em; }
.tag { border: 1px solid var(--line); border-radius: 4px; padding: 0 0.4em; font-size: 0.78rem; color: var(--muted); white-space: nowrap; }

:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
button, input, select { font: inherit; color: inherit; }
button {
  min-height: 2.1rem; padding: 0.25rem 0.8rem; border: 1px solid var(--line-strong); border-radius: 6px; background: var(--surface); cursor: pointer;
}
button:hover:not(:disabled) { background: var(--raised); border-color: var(--accent); }
button:disabled { opacity: 0.5; cursor: default; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--accent-text); font-weight: 600; }
button.main:hover:not(:disabled) { background: var(--accent); filter: brightness(1.08); }
button.danger { color: var(--bad); }
button.quiet { border-color: transparent; background: none; min-height: 0; padding: 0.15rem 0.4rem; }
button.quiet:hover:not(:disabled) { background: var(--raised); }
button.copy { color: var(--muted); padding: 0.1rem 0.3rem; }
input:not([type=checkbox]), select {
  width: 100%; min-height: 2.1rem; padding: 0.25rem 0.55rem; border: 1px solid var(--line-strong); border-radius: 6px; background: var(--surface);
}
input::placeholder { color: var(--muted); opacity: 0.8; }
.field { display: block; min-width: 0; }
.field > span:not(.unseen) { display: block; margin-bottom: 0.15rem; font-size: 0.82rem; color: var(--muted); }
.grow { flex: 1 1 14rem; }
.check { display: flex; align-items: center; gap: 0.4rem; white-space: nowrap; min-height: 2.1rem; }
.check input { width: 1rem; height: 1rem; accent-color: var(--accent); }
form { display: grid; gap: 0.7rem; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0.7rem; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }

.bar {
  display: flex; align-items: center; gap: 0.7rem; padding: 0.6rem 1.2rem; background: var(--surface); border-bottom: 1px solid var(--line);
  position: sticky; top: 0; z-index: 2;
}
.bar .link { margin-left: auto; display: flex; align-items: center; gap: 0.4rem; font-size: 0.87rem; color: var(--muted); white-space: nowrap; }
.bar .link::before { content: ""; width: 0.6rem; height: 0.6rem; border-radius: 50%; border: 2px solid currentColor; }
.link-live .bar .link { color: var(--good); }
.link-live .bar .link::before { background: currentColor; }
.link-lost .bar .link { color: var(--bad); font-weight: 600; }
.link-lost .bar .link::before { border-radius: 0; transform: rotate(45deg); }
.banner {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem 1rem; padding: 0.6rem 1.2rem; background: var(--bad-ground); color: var(--bad);
  border-bottom: 1px solid var(--bad); font-weight: 600; position: sticky; top: 3.3rem; z-index: 2;
}
.link-locked .banner { background: var(--warn-ground); color: var(--warn); border-color: var(--warn); }
.link-lost main, .link-locked main { filter: grayscale(0.9); opacity: 0.55; }

main {
  display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) minmax(0, 1.15fr); gap: 1rem; max-width: 90rem; margin: 0 auto; padding: 1rem 1.2rem 3rem;
}
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1rem; box-shadow: var(--shadow); min-width: 0; }
.card > h2 { margin-bottom: 0.6rem; }
.wide { grid-column: 1 / -1; }
.column { display: grid; gap: 1rem; align-content: start; min-width: 0; }
.log { grid-column: 2 / -1; }
.head { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem 0.9rem; margin-bottom: 0.7rem; }
.head h2 { margin: 0; }
.phone { display: none; }

.headline { display: flex; align-items: center; gap: 0.5rem; font-size: 1.35rem; font-weight: 650; margin-bottom: 0.6rem; }
.headline.small { font-size: 1rem; margin: 0; align-items: baseline; }
.is-pass, .is-agreed { color: var(--good); }
.is-connected, .is-connecting, .is-disconnecting { color: var(--half); }
.is-warn, .is-paused, .is-blocked { color: var(--warn); }
.is-fail, .is-failed { color: var(--bad); }
.is-idle { color: var(--muted); }
.checks { display: grid; gap: 0.35rem; font-size: 0.9rem; }
.checks li { display: grid; grid-template-columns: 1.1rem 1fr auto; gap: 0.35rem; align-items: baseline; }
.checks li > span { color: var(--text); }
.checks li > .muted { color: var(--muted); }
.checks strong { font-weight: 500; }
.detail { display: block; color: var(--muted); font-size: 0.85rem; }
.checks .is-fail .detail { color: var(--bad); }
.checks .is-warn .detail { color: var(--warn); }

.identity { display: flex; align-items: center; gap: 0.3rem; margin-bottom: 0.5rem; }
.identity .mono { font-size: 0.8rem; }
.facts { display: grid; align-content: start; grid-template-columns: max-content minmax(0, 1fr); gap: 0.2rem 0.9rem; font-size: 0.88rem; }
.facts dt { color: var(--muted); }
.facts dd { white-space: pre-line; }

.hour { display: block; width: 100%; height: 6.5rem; background: var(--raised); border-radius: 6px; }
.hour .is-good, .key.is-good { fill: var(--bar-good); background: var(--bar-good); }
.hour .is-half, .key.is-half { fill: var(--bar-half); background: var(--bar-half); }
.hour .is-away, .key.is-away { fill: var(--bar-away); background: var(--bar-away); }
.hour .is-other, .key.is-other { fill: var(--bar-other); background: var(--bar-other); }
.hour .is-pass, .key.is-pass { fill: var(--good); background: var(--good); }
.hour .is-warn { fill: var(--warn); }
.hour .is-fail, .key.is-fail { fill: var(--bad); background: var(--bad); }
.axis { display: flex; justify-content: space-between; font-size: 0.75rem; color: var(--muted); margin: 0.15rem 0 0.4rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 0.9rem; color: var(--muted); margin-top: 0.35rem; }
.key { display: inline-block; width: 0.7rem; height: 0.7rem; border-radius: 2px; margin-right: 0.35rem; }
.key.is-pass, .key.is-fail { height: 0.3rem; vertical-align: 0.2em; }

.chips { display: flex; flex-wrap: wrap; gap: 0.4rem; margin-bottom: 0.6rem; }
.chip { display: inline-flex; align-items: center; gap: 0.4rem; min-height: 1.9rem; padding: 0.1rem 0.7rem; border-radius: 1rem; border-color: var(--line); font-size: 0.87rem; }
.chip[aria-pressed=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.chip b { font-weight: 650; }
/* Rows are grids, so that those out of sight cost nothing. */
.peers, .peers thead, .peers tbody, .peers tr.details, .peers tr.details td { display: block; }
.peers { font-size: 0.9rem; }
.peers tr:not(.details) {
  display: grid; grid-template-columns: minmax(0, 1.3fr) 7.8rem 5.2rem 5rem 15rem minmax(0, 2fr) 7rem; gap: 0 0.6rem; align-items: center;
  border-bottom: 1px solid var(--line); content-visibility: auto; contain-intrinsic-size: auto 2.6rem; padding: 0.25rem 0;
}
.peers thead tr:not(.details) { padding-top: 0; }
.peers th { text-align: left; padding: 0; font-weight: 600; }
.peers th button { font-size: 0.8rem; color: var(--muted); font-weight: 600; text-align: left; padding-left: 0; }
.peers th[aria-sort] button { color: var(--text); }
.peers th[aria-sort=ascending] button::after { content: " ▲"; font-size: 0.7em; }
.peers th[aria-sort=descending] button::after { content: " ▼"; font-size: 0.7em; }
.peers td { padding: 0; color: var(--text); min-width: 0; }
.peers td.rtt, .peers td.since { white-space: nowrap; }
.peers td.act { text-align: right; }
.peers td.act button { min-height: 1.8rem; padding: 0.1rem 0.6rem; font-size: 0.85rem; }
.peers .small { display: block; }
.toggle { display: flex; align-items: center; gap: 0.5rem; text-align: left; padding-left: 0; max-width: 100%; }
.toggle > .icon { width: 0.65rem; height: 0.65rem; color: var(--muted); }
.toggle[aria-expanded=true] > .icon { transform: rotate(90deg); }
.toggle .name { font-weight: 600; }
.toggle .name:empty { display: none; }
.pin { color: var(--muted); font-size: 0.85em; }
span.state { display: inline-flex; align-items: center; gap: 0.4rem; white-space: nowrap; }
.peers .details td { background: var(--raised); padding: 0.8rem 1rem; border-bottom: 1px solid var(--line); }
.halves { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem 2rem; margin-bottom: 0.8rem; }
.addresses { display: grid; gap: 0.35rem; font-size: 0.88rem; }
#peers-note { margin-top: 0.5rem; }
#peers-note:empty { display: none; }

.result { display: grid; gap: 0.4rem; margin-top: 0.8rem; }
.result:empty { display: none; }
.attempts { display: grid; gap: 0.4rem; font-size: 0.88rem; }
.attempts li { display: grid; grid-template-columns: 1.1rem 1fr; gap: 0.3rem; align-items: baseline; }
.attempts .error { display: block; }
.entries { display: grid; margin-bottom: 0.8rem; }
.entries li { display: flex; align-items: center; justify-content: space-between; gap: 0.7rem; padding: 0.35rem 0; border-bottom: 1px solid var(--line); }
.entries button { min-height: 1.8rem; padding: 0.1rem 0.6rem; font-size: 0.85rem; flex: none; }

.log { display: flex; flex-direction: column; }
.lines { flex: 1 1 0; min-height: 24rem; overflow-y: auto; font-size: 0.86rem; border-top: 1px solid var(--line); }
.lines li { display: grid; grid-template-columns: 4.4rem 11.5rem minmax(0, 1fr); gap: 0.2rem 0.7rem; padding: 0.2rem 0; border-bottom: 1px solid var(--line); align-items: baseline; }
.lines time { color: var(--muted); }
.lines .kind { color: var(--muted); font-size: 0.95em; }
.lines .is-good .kind { color: var(--good); }
.lines .is-bad .kind { color: var(--bad); }
.lines strong { font-weight: 600; }
#log-note { margin-top: 0.4rem; min-height: 1.2em; }

.notices { position: fixed; right: 1rem; bottom: 1rem; z-index: 5; display: grid; gap: 0.5rem; max-width: min(30rem, calc(100vw - 2rem)); }
.notice {
  display: flex; gap: 0.6rem; align-items: flex-start; justify-content: space-between; padding: 0.55rem 0.5rem 0.55rem 0.9rem; border: 1px solid var(--line-strong);
  border-left: 4px solid var(--good); border-radius: 8px; background: var(--surface); box-shadow: 0 4px 16px rgb(0 0 0 / 18%); font-size: 0.92rem;
}
.notice.failure { border-left-color: var(--bad); }
dialog { width: min(28rem, calc(100vw - 2rem)); padding: 1.2rem; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); color: var(--text); box-shadow: 0 12px 40px rgb(0 0 0 / 30%); }
dialog::backdrop { background: rgb(10 15 25 / 45%); }
dialog h2 { font-size: 1.1rem; color: var(--text); letter-spacing: 0; }
dialog .error:empty { display: none; }

@media (max-width: 68rem) {
  main { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  main > section:nth-of-type(3) { grid-column: 1 / -1; }
  .log { grid-column: 2; }
  .lines li { grid-template-columns: 4.4rem minmax(0, 1fr); }
  .lines li > :last-child { grid-column: 1 / -1; }
  .peers tr:not(.details) { grid-template-columns: minmax(0, 1.3fr) 7.8rem 5.2rem 5rem 10rem minmax(0, 1.5fr) 7rem; }
}
/* Each peer is a card. */
@media (max-width: 60rem) {
  .phone { display: flex; align-items: center; gap: 0.5rem; }
  .phone > span { margin: 0 !important; white-space: nowrap; }
  .peers thead { display: none; }
  .peers tr:not(.details) { grid-template-columns: minmax(0, 1fr) auto; gap: 0.1rem 0.6rem; padding: 0.5rem 0; contain-intrinsic-size: auto 6rem; }
  .peers td.name { grid-column: 1; }
  .peers td.state { grid-column: 2; text-align: right; }
  .peers td.since, .peers td.rtt { font-size: 0.85rem; color: var(--muted); }
  .peers td.since::before, .peers td.rtt::before { content: attr(data-title) " "; }
  .peers td.rtt { text-align: right; }
  .peers td.rtt:has(span:empty)::before { content: ""; }
  .peers td.address, .peers td.trouble, .peers td.act { grid-column: 1 / -1; text-align: left; }
}
@media (max-width: 46rem) {
  main { grid-template-columns: minmax(0, 1fr); padding: 0.7rem 0.7rem 3rem; gap: 0.7rem; }
  .bar { padding: 0.5rem 0.7rem; gap: 0.5rem; }
  .banner { padding: 0.5rem 0.7rem; }
  #bar-id { display: none; }
  .log, main > section:nth-of-type(3) { grid-column: 1; }
  .lines { flex: none; height: 24rem; }
  .halves, .pair { grid-template-columns: minmax(0, 1fr); }
  button, .chip, input:not([type=checkbox]), select { min-height: 2.5rem; }
  button.quiet { min-height: 2.2rem; }
  .peers td.act button, .entries button { min-height: 2.3rem; }
}
@media (prefers-reduced-motion: no-preference) {
  .notice { animation: arrive 0.15s ease-out; }
  @keyframes arrive { from { opacity: 0; transform: translateY(0.4rem); } }
}
</style>
</head>
<body>
<svg class="sprite" aria-hidden="true" focusable="false">
  <symbol id="i-agreed" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="currentColor"/><path d="M4.6 8.3l2.3 2.3 4.5-4.8" fill="none" stroke="var(--surface)" stroke-width="1.8"/></symbol>
  <symbol id="i-connected" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/><circle cx="8" cy="8" r="3.2" fill="currentColor"/></symbol>
  <symbol id="i-connecting" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" fill="currentColor"/></symbol>
  <symbol id="i-disconnecting" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2.4 2.4"/></symbol>
  <symbol id="i-failed" viewBox="0 0 16 16"><path d="M3 3l10 10M13 3L3 13" fill="none" stroke="currentColor" stroke-width="2.4"/></symbol>
  <symbol id="i-idle" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/></symbol>
  <symbol id="i-paused" viewBox="0 0 16 16"><path d="M5.2 2.5v11M10.8 2.5v11" fill="none" stroke="currentColor" stroke-width="2.6"/></symbol>
  <symbol id="i-blocked" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M3.8 12.2l8.4-8.4" fill="none" stroke="currentColor" stroke-width="1.6"/></symbol>
  <symbol id="i-pass" viewBox="0 0 16 16"><path d="M2.5 8.5l3.6 3.8 7.4-8.4" fill="none" stroke="currentColor" stroke-width="2.2"/></symbol>
  <symbol id="i-warn" viewBox="0 0 16 16"><path d="M8 1.6L15 14H1z" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M8 6v4M8 11.2v1.4" stroke="currentColor" stroke-width="1.6"/></symbol>
  <symbol id="i-fail" viewBox="0 0 16 16"><path d="M3 3l10 10M13 3L3 13" fill="none" stroke="currentColor" stroke-width="2.4"/></symbol>
  <symbol id="i-pin" viewBox="0 0 16 16"><path d="M5.5 1.5h5l-.7 5.2 2.4 2.3H3.8l2.4-2.3z" fill="currentColor"/><path d="M8 9v5.6" stroke="currentColor" stroke-width="1.5"/></symbol>
  <symbol id="i-copy" viewBox="0 0 16 16"><path d="M5.5 5.5h8v8h-8zM2.5 10.5v-8h8" fill="none" stroke="currentColor" stroke-width="1.4"/></symbol>
  <symbol id="i-open" viewBox="0 0 16 16"><path d="M5.5 3l5 5-5 5" fill="none" stroke="currentColor" stroke-width="2"/></symbol>
</svg>

<header class="bar">
  <h1>fednode</h1>
  <span id="bar-network" class="tag" hidden></span>
  <span id="bar-id" class="mono muted"></span>
  <span id="link" class="link" role="status">connecting</span>
  <button id="token-open" type="button" class="quiet">Token…</button>
</header>
<div id="banner" class="banner" role="alert" hidden>
  <span id="banner-text"></span>
  <button id="banner-action" type="button"></button>
</div>

<main id="main">
  <section class="card" id="ready" aria-labelledby="ready-title">
    <h2 id="ready-title">Readiness</h2>
    <p id="ready-word" class="headline">…</p>
    <ul id="checks" class="checks"></ul>
  </section>

  <section class="card" aria-labelledby="hour-title">
    <h2 id="hour-title">Last hour</h2>
    <svg id="hour" class="hour" viewBox="0 0 60 40" preserveAspectRatio="none" role="img" aria-label="No history yet"></svg>
    <p class="axis" aria-hidden="true"><span>−60 min</span><span>−30</span><span>now</span></p>
    <p id="hour-text" class="small">&nbsp;</p>
    <p id="hour-legend" class="legend small"></p>
  </section>

  <section class="card" aria-labelledby="node-title">
    <h2 id="node-title">This node</h2>
    <p class="identity"><span id="node-id" class="mono">…</span> <span id="node-copy"></span></p>
    <dl id="node" class="facts"></dl>
  </section>

  <section class="card wide" aria-labelledby="peers-title">
    <div class="head">
      <h2 id="peers-title">Members and peers</h2>
      <label class="field grow"><span class="unseen">Filter by name, peer id, address or error</span>
        <input id="peers-text" type="search" placeholder="Filter by name, peer id, address, error" autocomplete="off" spellcheck="false"></label>
      <label class="check"><input id="peers-members" type="checkbox"> Members only</label>
      <label class="field phone"><span>Sort by</span><select id="peers-sort"></select></label>
    </div>
    <div id="peers-states" class="chips" role="group" aria-label="Filter by state"></div>
    <table class="peers" role="table" aria-labelledby="peers-title">
      <thead role="rowgroup"><tr id="peers-head" role="row"></tr></thead>
      <tbody id="peers" role="rowgroup"></tbody>
    </table>
    <p id="peers-note" class="small muted" role="status"></p>
  </section>

  <div class="column">
    <section class="card" aria-labelledby="dial-title">
      <h2 id="dial-title">Dial, or add a member</h2>
      <form id="dial" autocomplete="off">
        <label class="field"><span>Address or peer id</span>
          <input id="dial-target" required spellcheck="false" autocapitalize="off" placeholder="/ip4/192.0.2.7/udp/9000/quic-v1/p2p/12D3…"></label>
        <label class="field"><span>Name, for a member</span>
          <input id="dial-name" maxlength="64" spellcheck="false" placeholder="fed-02"></label>
        <p class="buttons">
          <button id="dial-go" type="submit" class="main">Dial</button>
          <button id="dial-add" type="button">Add as member and keep connected</button>
          <button id="dial-cancel" type="button" hidden>Cancel</button>
        </p>
      </form>
      <div id="dial-result" class="result" role="status"></div>
    </section>

    <section class="card" id="strangers" aria-labelledby="strangers-title" hidden>
      <h2 id="strangers-title">Refused at the door</h2>
      <p class="small muted">They knocked and are not on the list of members.</p>
      <ul id="strangers-list" class="entries"></ul>
    </section>

    <section class="card" aria-labelledby="block-title">
      <h2 id="block-title">Blocklist</h2>
      <ul id="block-list" class="entries"></ul>
      <form id="block" autocomplete="off">
        <label class="field"><span>Peer id, IP address or network</span>
          <input id="block-entry" required spellcheck="false" autocapitalize="off" placeholder="198.51.100.0/24"></label>
        <div class="pair">
          <label class="field"><span>Reason</span><input id="block-reason" maxlength="200"></label>
          <label class="field"><span>How long</span><select id="block-time"></select></label>
        </div>
        <p class="buttons"><button type="submit">Block</button></p>
      </form>
    </section>
  </div>

  <section class="card log" aria-labelledby="log-title">
    <div class="head">
      <h2 id="log-title">Events</h2>
      <label class="field"><span class="unseen">Kind of event</span><select id="log-kind"></select></label>
      <label class="field grow"><span class="unseen">Filter the events</span>
        <input id="log-text" type="search" placeholder="Filter" autocomplete="off" spellcheck="false"></label>
      <button id="log-pause" type="button" aria-pressed="false">Pause</button>
    </div>
    <ol id="log" class="lines" tabindex="0" aria-label="Events, the newest first"></ol>
    <p id="log-note" class="small muted"></p>
  </section>
</main>

<div id="notices" class="notices" role="status"></div>

<dialog id="token" aria-labelledby="token-title">
  <form id="token-form">
    <h2 id="token-title">Token</h2>
    <p id="token-why"></p>
    <label class="field"><span>Token of this node</span>
      <input id="token-input" type="password" autocomplete="off" spellcheck="false"></label>
    <p class="small muted">It stays in this tab until you close it. The read token is for looking, the admin token for everything.</p>
    <p id="token-error" class="error" role="alert"></p>
    <p class="buttons">
      <button type="submit" class="main">Use it</button>
      <button id="token-cancel" type="button">Cancel</button>
      <button id="token-forget" type="button" class="quiet">Forget the token</button>
    </p>
  </form>
</dialog>

<dialog id="ask" aria-labelledby="ask-title">
  <form id="ask-form">
    <h2 id="ask-title"></h2>
    <p id="ask-text"></p>
    <label class="field" id="ask-field"><span id="ask-label"></span><input id="ask-input" maxlength="120" autocomplete="off"></label>
    <p class="buttons">
      <button id="ask-yes" type="submit" class="danger"></button>
      <button id="ask-no" type="button">Cancel</button>
    </p>
  </form>
</dialog>
<noscript><p class="banner">This page needs JavaScript. The same is at <code>/v1/node</code>, <code>/v1/peers</code> and <code>/v1/health</code>.</p></noscript>
<script type="module">
// Elements, icons, times. Data becomes text only: nothing here or elsewhere makes markup of it.

const $ = (id) => document.getElementById(id);

/** An element. Of the attributes, `onclick` is a function; those that are null or false are left out. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "onclick") element.addEventListener("click", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function icon(name, label) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("class", `icon is-${name}`);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  svg.append(use);
  return svg;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Calls `render` once before the next frame, however often it is asked for. */
const scheduled = new Set();
function schedule(render) {
  if (scheduled.size === 0) {
    requestAnimationFrame(() => {
      const renders = [...scheduled];
      scheduled.clear();
      for (const each of renders) each();
    });
  }
  scheduled.add(render);
}

/** Term and description pairs; an array is one line each, null is left out. Elements that stay are kept. */
function showFacts(list, facts) {
  const shown = facts.filter(([, value]) => value !== null && value !== undefined && value.length !== 0);
  const terms = shown.map(([term]) => term).join("\n");
  if (list.dataset.terms !== terms) {
    list.dataset.terms = terms;
    list.replaceChildren(...shown.flatMap(([term]) => [make("dt", {}, term), make("dd")]));
  }
  shown.forEach(([, value], index) => {
    setText(list.children[2 * index + 1], Array.isArray(value) ? value.join("\n") : value);
  });
}

function copyButton(what, text) {
  const button = make("button", { type: "button", class: "quiet copy", title: `Copy ${what}`, "aria-label": `Copy ${what}` }, icon("copy"));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      notice(`Copied ${what}.`);
    } catch {
      // Browsers give the clipboard to encrypted pages and those of localhost only.
      notice(`The browser keeps the clipboard from this page. ${text}`, true);
    }
  });
  return button;
}

/** A line at the foot of the page: for a few seconds, or until it is closed where it tells of a failure. */
const noticesMax = 5;
function notice(text, isFailure = false) {
  const close = make("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => item.remove() }, "×");
  const item = make("div", { class: isFailure ? "notice failure" : "notice" }, make("span", {}, text), close);
  $("notices").append(item);
  while ($("notices").children.length > noticesMax) $("notices").firstChild.remove();
  if (!isFailure) setTimeout(() => item.remove(), 6_000);
}

// Times are the node's: what this machine's clock is ahead or behind is known from `GET /v1/node`.
let clockOffset = 0;
const nodeNow = () => Date.now() + clockOffset;

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dateFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const clock = (time) => clockFormat.format(new Date(time));

/** With the date where it is of another day. */
function moment(time) {
  const date = new Date(time);
  return date.toDateString() === new Date(nodeNow()).toDateString() ? clock(date) : `${dateFormat.format(date)}, ${clock(date)}`;
}

/** A length of time in milliseconds, in one or two units. */
function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

const ago = (time) => (time ? span(nodeNow() - Date.parse(time)) : "");

function roundTrip(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0)} ms`;
}

function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 1_000 && unit < units.length - 1) [count, unit] = [count / 1_000, unit + 1];
  return `${unit === 0 ? count : count.toFixed(1)} ${units[unit]}`;
}

const shortID = (id) => (id.length > 16 ? `${id.slice(0, 4)}…${id.slice(-8)}` : id);

/** `192.0.2.7:9000` of a multiaddr, which stays as it is where it is not so simple. */
function shortAddress(multiaddr) {
  const parts = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/udp\/(\d+)\/quic-v1(\/p2p\/[^/]+)?$/.exec(multiaddr ?? "");
  if (!parts) return multiaddr ?? "";
  return parts[1] === "ip6" ? `[${parts[2]}]:${parts[3]}` : `${parts[2]}:${parts[3]}`;
}
// Requests to the node, and the token that they carry.

/** What the node answered instead: a problem document (RFC 9457). */
class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? document.title ?? `The node answered with status ${status}.`);
    this.status = status;
    this.code = document.code;
    this.title = document.title ?? "";
    this.attempts = document.attempts ?? [];
  }
}

/** The node did not answer. */
class Unreachable extends Error {}

const tokenKey = "fednode.token";
let token = storedToken();
/** The reader does not want to be asked: only what they do themselves asks again. */
let tokenDeclined = false;
let tokenQuestion = null;
const tokenListeners = [];

function storedToken() {
  try {
    return sessionStorage.getItem(tokenKey);
  } catch {
    return null; // the browser keeps nothing for this page
  }
}

function useToken(text) {
  token = text;
  try {
    if (text === null) sessionStorage.removeItem(tokenKey);
    else sessionStorage.setItem(tokenKey, text);
  } catch {
    // It is kept until the page is closed.
  }
}

const authorization = () => (token === null ? {} : { Authorization: `Bearer ${token}` });

/**
 * The answer's JSON, null where it has no body. A request that lacks a token asks for one and is sent again.
 * `background`: nobody waits for it, so a reader who closed the question is left in peace.
 */
async function call(method, path, { body, signal, timeout = 15_000, background = false } = {}) {
  for (;;) {
    try {
      return await send(method, path, token, { body, signal, timeout });
    } catch (error) {
      const isAsked = error.code === "unauthorized" || error.code === "insufficient_scope";
      if (!isAsked || (background && tokenDeclined) || !(await askForToken(error))) throw error;
    }
  }
}

async function send(method, path, token, { body, signal, timeout }) {
  const headers = { Accept: "application/json, application/problem+json" };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const limits = [AbortSignal.timeout(timeout), ...(signal ? [signal] : [])];
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(path, { method, headers, body: content, signal: AbortSignal.any(limits), cache: "no-store" });
    heard();
    if (!response.ok) throw new Problem(response.status, await problemDocument(response));
    const text = await response.text();
    return text === "" ? null : JSON.parse(text);
  } catch (error) {
    if (error instanceof Problem || signal?.aborted) throw error;
    throw new Unreachable(error.name === "TimeoutError" ? "The node did not answer in time." : "The node cannot be reached.");
  }
}

async function problemDocument(response) {
  try {
    return JSON.parse(await response.text());
  } catch {
    return {}; // not the node's own answer, but that of something between
  }
}

/** Requests that wait for a peer: a browser has six connections to a server, and the page needs some for itself. */
const slowMax = 2;
let slowRunning = 0;
const slowWaiting = [];
async function callSlowly(method, path, options = {}) {
  while (slowRunning >= slowMax) await new Promise((resolve) => slowWaiting.push(resolve));
  slowRunning += 1;
  try {
    return await call(method, path, { timeout: 120_000, ...options });
  } finally {
    slowRunning -= 1;
    slowWaiting.shift()?.();
  }
}

/** Whether there is a new one. Whoever asks while the question is open waits for the same answer. */
function askForToken(problem) {
  tokenQuestion ??= new Promise((resolve) => {
    setText($("token-why"), problem ? `${sentence(problem.message)}` : "Requests to this node are sent with this token.");
    setText($("token-error"), "");
    $("token-input").value = "";
    $("token-forget").hidden = token === null;
    const close = (isNew) => {
      tokenQuestion = null;
      tokenDeclined = !isNew;
      $("token").close();
      $("token-input").value = "";
      resolve(isNew);
      if (isNew) for (const listener of tokenListeners) listener();
    };
    $("token-form").onsubmit = async (event) => {
      event.preventDefault();
      const text = $("token-input").value.trim();
      if (text === "") return;
      try {
        await send("GET", "v1/node", text, { timeout: 15_000 });
      } catch (error) {
        setText($("token-error"), sentence(error.message));
        return;
      }
      useToken(text);
      close(true);
    };
    $("token-cancel").onclick = () => close(false);
    $("token-forget").onclick = () => {
      useToken(null);
      close(true);
      tokenDeclined = true;
    };
    $("token").oncancel = (event) => {
      event.preventDefault();
      close(false);
    };
    $("token").showModal();
  });
  return tokenQuestion;
}

/** The API's words begin with a small letter and have no full stop. */
function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/** A question with a field for a word or two; null when the answer is no. */
function ask({ title, text, label, yes }) {
  return new Promise((resolve) => {
    setText($("ask-title"), title);
    setText($("ask-text"), text);
    setText($("ask-label"), label ?? "");
    setText($("ask-yes"), yes);
    $("ask-field").hidden = label === undefined;
    $("ask-input").value = "";
    const close = (answer) => {
      $("ask").close();
      resolve(answer);
    };
    $("ask-form").onsubmit = (event) => {
      event.preventDefault();
      close($("ask-input").value.trim());
    };
    $("ask-no").onclick = () => close(null);
    $("ask").oncancel = (event) => {
      event.preventDefault();
      close(null);
    };
    $("ask").showModal();
  });
}
// The event stream, read by hand: a browser's EventSource cannot carry a token.

/** Cuts a text/event-stream into events (HTML Living Standard §9.2.6). */
class EventParser {
  /** Characters of one line; the longest is a snapshot of all peers. */
  static lineMax = 64 * 1024 * 1024;

  #rest = "";
  #event = { type: "", data: [], id: null };

  /** @yields {{type: string, data: string, id: string|null}} */
  *push(text) {
    let from = this.#rest.length;
    const all = this.#rest + text;
    let start = 0;
    for (;;) {
      const end = all.indexOf("\n", from);
      if (end < 0) break;
      const line = all.slice(start, all[end - 1] === "\r" && end > start ? end - 1 : end);
      start = from = end + 1;
      const event = this.#take(line);
      if (event) yield event;
    }
    this.#rest = all.slice(start);
    if (this.#rest.length > EventParser.lineMax) throw new Error("a line of the event stream is too long");
  }

  #take(line) {
    if (line === "") {
      const { type, data, id } = this.#event;
      this.#event = { type: "", data: [], id: null };
      return data.length === 0 ? null : { type: type || "message", data: data.join("\n"), id };
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "event") this.#event.type = value;
    else if (name === "data") this.#event.data.push(value);
    else if (name === "id") this.#event.id = value;
    return null;
  }
}

/** Follows the events for as long as the page is there, and goes on from the last one after every interruption. */
class EventStream {
  /** For the answer to begin. */
  static #openTimeout = 8_000;
  /** Between attempts, milliseconds: doubled from the first to the last. */
  static #waits = [250, 8_000];

  #lastID = null;
  #controller = new AbortController();
  #wake = null;
  #isAsleep = false;
  /** Attempts since the last that the node answered. */
  #failures = 0;

  /**
   * `opened()` when the node answers, `take(event)` for each event, `ended(error, wait)` when the stream is gone: without
   * an error where the node closed it; the next attempt is `wait` milliseconds away.
   */
  constructor({ opened, ended, take }) {
    this.opened = opened;
    this.ended = ended;
    this.take = take;
    this.#run();
  }

  /** Begins again, at once. */
  restart() {
    this.#controller.abort();
    this.#wake?.();
  }

  /** The next stream begins behind this event. */
  resume(id) {
    this.#lastID = id;
    this.restart();
  }

  /** Nobody looks: the connection is given back until `false`. */
  set asleep(isAsleep) {
    if (this.#isAsleep === isAsleep) return;
    this.#isAsleep = isAsleep;
    this.restart();
  }

  async #run() {
    const [first, last] = EventStream.#waits;
    for (;;) {
      if (this.#isAsleep) await this.#pause(Infinity);
      const controller = (this.#controller = new AbortController());
      let error = null;
      try {
        await this.#follow(controller);
      } catch (caught) {
        error = caught;
      }
      if (controller.signal.aborted && controller.signal.reason?.name !== "TimeoutError") {
        this.#failures = 0;
        continue;
      }
      const wait = Math.min(last, first * 2 ** this.#failures);
      this.#failures += 1;
      this.ended(error, wait);
      await this.#pause(wait);
    }
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #follow(controller) {
    const headers = { Accept: "text/event-stream, application/problem+json", ...authorization() };
    if (this.#lastID !== null) headers["Last-Event-ID"] = this.#lastID;
    const alarm = setTimeout(() => controller.abort(new DOMException("no answer", "TimeoutError")), EventStream.#openTimeout);
    let response;
    try {
      response = await fetch("v1/events?since=0", { headers, signal: controller.signal, cache: "no-store" });
    } finally {
      clearTimeout(alarm);
    }
    if (!response.ok) throw new Problem(response.status, await problemDocument(response));
    this.#failures = 0;
    this.opened();
    const parser = new EventParser();
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await text.read();
      if (done) return;
      heard();
      for (const event of parser.push(value)) {
        if (controller.signal.aborted) return;
        if (event.id !== null) this.#lastID = event.id;
        this.take(JSON.parse(event.data));
      }
    }
  }
}
// What the page knows of the peers: the snapshot and the lists of the API, and on top of them what the events tell.

/** Peers beyond these are counted, not shown. */
const peersMax = 5_000;
const pageMax = 1_000;

const model = {
  /** By peer id, as `GET /v1/peers/{peer_id}` has them. */
  peers: new Map(),
  /** Remote addresses of live connections, by connection id. */
  remotes: new Map(),
  /** On the node, shown or not. */
  total: 0,
  /** Of the newest event that the last snapshot holds. */
  snapshotNumber: 0,
};

/** Peers of whom something happened since they were asked for. */
const stale = new Set();
let staleTimer = null;
/** More than these are asked for in one list. */
const askedOneByOneMax = 8;
const staleDelay = 150;
let listing = null;
let listedAt = 0;
const listInterval = 2_000;

/** One word for what a row shows: the API's state, and what an operator has to know beyond it. */
function conditionOf(peer) {
  if (peer.blocked) return "blocked";
  if (peer.state === "connected") return peer.federation ? "agreed" : "connected";
  if (peer.paused) return "paused";
  return peer.state;
}

const conditions = {
  failed: "Failed", connecting: "Connecting", disconnecting: "Disconnecting", paused: "Paused", blocked: "Blocked",
  connected: "Connected", agreed: "Agreed", idle: "Idle",
};

const nameOf = (id) => model.peers.get(id)?.name ?? shortID(id);

/** Why it is not connected, as far as the node knows; null where it is, or where nothing is known. */
function troubleOf(peer) {
  if (peer.state === "connected") return null;
  if (peer.federation_error) return `${peer.federation_error.code}: ${peer.federation_error.detail}`;
  const failed = peer.addresses.filter((each) => each.last_error);
  failed.sort((a, b) => (b.last_attempt_at ?? "").localeCompare(a.last_attempt_at ?? ""));
  if (failed.length > 0) return `${failed[0].last_error.class}: ${failed[0].last_error.detail}`;
  return peer.last_disconnect ? peer.last_disconnect.reason : null;
}

/** Where it is connected, or was tried last. */
function addressOf(peer) {
  for (const id of peer.connections) if (model.remotes.has(id)) return model.remotes.get(id);
  const last = (each) => each.last_success_at ?? each.last_attempt_at ?? "";
  return [...peer.addresses].sort((a, b) => last(b).localeCompare(last(a)))[0]?.address ?? null;
}

function takeSnapshot(event) {
  model.peers = new Map(event.peers.slice(0, peersMax).map((peer) => [peer.peer_id, peer]));
  model.remotes = new Map(event.connections.map((each) => [each.id, each.remote_address]));
  model.total = event.peers.length;
  model.snapshotNumber = numberOf(event);
  stale.clear();
  listedAt = performance.now();
  schedule(renderPeers);
}

const numberOf = (event) => Number(event.id.slice(event.id.lastIndexOf("-") + 1));

/** Shows at once what the event says, and asks for the rest. */
function apply(event) {
  const peer = event.peer_id === null ? undefined : model.peers.get(event.peer_id);
  switch (event.type) {
    case "connection.state_changed":
      if (event.to === "connected") model.remotes.set(event.connection_id, event.remote_address);
      else if (event.to !== "disconnecting") model.remotes.delete(event.connection_id);
      break;
    case "connection.path_changed":
      model.remotes.set(event.connection_id, event.remote_address);
      break;
    case "peer.added":
      model.total += 1;
      break;
    case "peer.removed":
      model.total -= 1;
      model.peers.delete(event.peer_id);
      stale.delete(event.peer_id);
      schedule(renderPeers);
      return;
    case "peer.state_changed":
      if (peer) Object.assign(peer, { state: event.to, state_since: event.time });
      break;
    case "federation.ended":
      if (peer) peer.federation = null;
      break;
    case "peer.blocked":
      refreshGate();
      break;
    case "peer.refused":
      refreshGate();
      return;
  }
  if (event.peer_id === null) return;
  schedule(renderPeers);
  touch(event.peer_id);
}

/** Its figures are not what is shown any more. */
function touch(id) {
  stale.add(id);
  staleTimer ??= setTimeout(refreshStale, staleDelay);
}

async function refreshStale() {
  staleTimer = null;
  // A list that is under way asks for them when it is there.
  if (link.state !== "live" || stale.size === 0 || listing !== null) return;
  if (stale.size > askedOneByOneMax) {
    const wait = listedAt + listInterval - performance.now();
    if (wait > 0) staleTimer = setTimeout(refreshStale, wait);
    else await refreshPeers();
    return;
  }
  const ids = [...stale];
  stale.clear();
  await Promise.all(ids.map(refreshPeer));
}

async function refreshPeer(id) {
  try {
    const peer = await call("GET", `v1/peers/${id}`, { background: true });
    // Where something happened meanwhile, it is asked for again in a moment.
    if (model.peers.has(id) || model.peers.size < peersMax) model.peers.set(id, peer);
  } catch (error) {
    if (error.status === 404) model.peers.delete(id);
  }
  schedule(renderPeers);
}

/** All of them; one list at a time. */
function refreshPeers() {
  listing ??= listPeers().finally(() => {
    listing = null;
    listedAt = performance.now();
    if (stale.size > 0) staleTimer ??= setTimeout(refreshStale, staleDelay);
  });
  return listing;
}

async function listPeers() {
  stale.clear();
  const peers = new Map();
  let cursor = null;
  try {
    do {
      const query = `limit=${pageMax}${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page = await call("GET", `v1/peers?${query}`, { background: true });
      for (const peer of page.items) peers.set(peer.peer_id, peer);
      model.total = page.total;
      cursor = page.next_cursor;
    } while (cursor !== null && peers.size < peersMax);
  } catch {
    return; // the next round asks again, and whether the node is lost is seen elsewhere
  }
  // An event that came meanwhile may be newer than the list.
  for (const id of stale) {
    if (model.peers.has(id)) peers.set(id, model.peers.get(id));
    else peers.delete(id);
  }
  model.peers = peers;
  schedule(renderPeers);
}
// This node, whether it is ready and why, and its last hour.

const overview = { node: null, health: null, minutes: [] };

async function refreshNode() {
  const node = await call("GET", "v1/node", { timeout: 8_000, background: true });
  clockOffset = Date.parse(node.started_at) + node.uptime_seconds * 1_000 - Date.now();
  if (overview.node && overview.node.version !== node.version) notice(`The node is version ${node.version} now; reload the page for the one that goes with it.`, true);
  overview.node = node;
  schedule(renderNode);
  schedule(renderHour);
}

async function refreshHealth() {
  overview.health = await call("GET", "v1/health", { timeout: 8_000, background: true });
  schedule(renderHealth);
}

async function refreshHistory() {
  try {
    overview.minutes = (await call("GET", "v1/health/history", { background: true })).minutes;
  } catch {
    return; // the next round asks again
  }
  schedule(renderHour);
}

const healthWords = { pass: "Ready", warn: "Ready, with a warning", fail: "Not ready" };
const checkNames = {
  listening: "Listening", event_loops: "Event loops turn", accepting: "Accepting connections", quorum: "Quorum of members",
  clocks: "Clocks agree",
};

function renderHealth() {
  const { health } = overview;
  document.title = `${health.status === "pass" ? "" : "! "}fednode ${overview.node ? shortID(overview.node.peer_id) : ""}`;
  const word = $("ready-word");
  const words = healthWords[health.status];
  if (word.textContent !== words) word.replaceChildren(icon(health.status), words);
  word.className = `headline is-${health.status}`;
  $("checks").replaceChildren(...health.checks.map((check) => make(
    "li", { class: `is-${check.status}` }, icon(check.status, check.status),
    make("span", {}, make("strong", {}, checkNames[check.name] ?? check.name), check.detail && make("span", { class: "detail" }, sentence(check.detail))),
    make("span", { class: "muted small", title: `since ${moment(check.since)}` }, ago(check.since)))));
}

function renderNode() {
  const { node } = overview;
  setText($("bar-id"), shortID(node.peer_id));
  setText($("bar-network"), node.network ?? "");
  $("bar-network").hidden = node.network === null;
  if ($("node-id").textContent !== node.peer_id) {
    setText($("node-id"), node.peer_id);
    $("node-copy").replaceChildren(copyButton("the peer id", node.peer_id));
  }
  const { connections, streams } = node.counts;
  const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
  const { inbound, outbound } = connections.direction;
  showFacts($("node"), [
    ["Version", node.agent_version === `fednode/${node.version}` ? node.version : `${node.version} (${node.agent_version})`],
    ["Network", node.network ?? "none"],
    ["Up", `${span(node.uptime_seconds * 1_000)}, since ${moment(node.started_at)}`],
    ["Listens at", node.listen_addresses],
    ["Not listening", node.listeners.filter((each) => each.error !== null).map((each) => `${each.address}: ${each.error}`)],
    ["Announces", node.announce_addresses],
    ["Seen at", node.observed_addresses.map((each) => `${each.address}, by ${counted(each.observers, "peer")}`)],
    ["Connections", `${inbound} inbound, ${outbound} outbound, ${counted(streams, "stream")}`],
    ["Limits", node.limits.filter((each) => each.limit !== null).map((each) => `${each.scope.replace("limits.", "")}: ${each.used} of ${each.limit}`)],
  ]);
}

const minutesShown = 60;
const minuteLength = 60_000;
const hourHeight = 40;

/** Of a minute: parts of the column from the bottom up, and what they are called. */
function partsOf(minute, agreements, most) {
  if (minute.pinned === 0) return [["other", minute.connected / Math.max(1, most)]];
  const good = agreements ? minute.pinned_agreed : minute.pinned_connected;
  return [
    ["good", good / minute.pinned], ["half", (minute.pinned_connected - good) / minute.pinned],
    ["away", (minute.pinned - minute.pinned_connected) / minute.pinned],
  ];
}

function renderHour() {
  const { minutes } = overview;
  const agreements = (overview.node?.network ?? null) !== null;
  const last = Math.floor(nodeNow() / minuteLength);
  const most = Math.max(...minutes.map((each) => each.connected), 0);
  const shapes = [];
  const add = (name, x, y, height) => {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of Object.entries({ class: `is-${name}`, x: x + 0.08, y, width: 0.84, height })) shape.setAttribute(key, value);
    shapes.push(shape);
  };
  const strip = 3;
  for (const minute of minutes) {
    const x = minutesShown - 1 - (last - Math.floor(Date.parse(minute.at) / minuteLength));
    if (x < 0 || x >= minutesShown) continue;
    let y = hourHeight - strip - 1;
    for (const [name, share] of partsOf(minute, agreements, most)) {
      const height = share * (hourHeight - strip - 2);
      y -= height;
      if (height > 0) add(name, x, y, height);
    }
    add(minute.status, x, hourHeight - strip, strip);
  }
  $("hour").replaceChildren(...shapes);

  const hasMembers = minutes.some((each) => each.pinned > 0);
  const legend = hasMembers
    ? [...(agreements ? [["good", "agreed"], ["half", "connected"]] : [["good", "connected"]]), ["away", "away"]]
    : [["other", "connected peers"]];
  $("hour-legend").replaceChildren(
    ...[...legend, ["pass", "ready"], ["fail", "not ready"]].map(([name, words]) => make("span", {}, make("i", { class: `key is-${name}` }), words)));
  const text = hourText(minutes, agreements);
  setText($("hour-text"), text);
  $("hour").setAttribute("aria-label", text);
}

function hourText(minutes, agreements) {
  if (minutes.length === 0) return "No history yet: the first minute is being watched.";
  const good = (each) => (agreements ? each.pinned_agreed : each.pinned_connected);
  const ready = minutes.filter((each) => each.status !== "fail").length;
  const share = `Ready in ${ready} of ${minutes.length} min`;
  const members = minutes.filter((each) => each.pinned > 0);
  if (members.length === 0) return [...model.peers.values()].some((peer) => peer.pinned) ? `${share}.` : `${share}. There are no members.`;
  const worst = members.reduce((a, b) => (good(b) / b.pinned < good(a) / a.pinned ? b : a));
  const word = agreements ? "agreed" : "connected";
  if (good(worst) === worst.pinned) return `${share}. All members ${word} throughout.`;
  return `${share}. Worst: ${good(worst)} of ${worst.pinned} members ${word}, at ${clock(worst.at).slice(0, 5)}.`;
}
// The table of members and peers.

/** Rows; who looks for more than these filters. */
const rowsMax = 1_000;

const columns = [
  { key: "name", title: "Peer", of: (peer) => (peer.name === null ? `\uffff${peer.peer_id}` : peer.name.toLowerCase()) },
  { key: "state", title: "State", of: (peer) => Object.keys(conditions).indexOf(conditionOf(peer)) },
  { key: "since", title: "Since", of: (peer) => -Date.parse(peer.state_since) },
  { key: "rtt", title: "RTT", of: (peer) => peer.rtt_ms ?? Infinity },
  { key: "address", title: "Address", of: (peer) => addressOf(peer) ?? "\uffff" },
  { key: "trouble", title: "Last error, next attempt", of: (peer) => (troubleOf(peer) === null ? Infinity : peer.next_attempt_at ? Date.parse(peer.next_attempt_at) : Number.MAX_VALUE) },
];

const view = { text: "", membersOnly: false, condition: null, sort: "state", descending: false, open: new Set() };
/** By peer id: the elements of a row, and what they show. */
const rows = new Map();

function startPeers() {
  for (const column of columns) {
    const button = make("button", { type: "button", class: "quiet", onclick: () => sortBy(column.key) }, column.title);
    $("peers-head").append(make("th", { role: "columnheader", scope: "col", "data-key": column.key }, button));
    $("peers-sort").append(make("option", { value: column.key }, column.title));
  }
  $("peers-head").append(make("th", { role: "columnheader", scope: "col" }, make("span", { class: "unseen" }, "Action")));
  $("peers-sort").onchange = () => sortBy($("peers-sort").value, false);
  $("peers-text").oninput = () => setView({ text: $("peers-text").value.trim().toLowerCase() });
  $("peers-members").onchange = () => setView({ membersOnly: $("peers-members").checked });
  setView({});
}

function setView(change) {
  Object.assign(view, change);
  $("peers-sort").value = view.sort;
  for (const head of $("peers-head").children) {
    const isSorted = head.dataset.key === view.sort;
    if (isSorted) head.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  schedule(renderPeers);
}

/** The same column again turns the order. */
function sortBy(key, mayTurn = true) {
  setView({ sort: key, descending: mayTurn && view.sort === key ? !view.descending : false });
}

function matches(peer) {
  if (view.membersOnly && !peer.pinned) return false;
  if (view.text === "") return true;
  const words = [peer.name, peer.peer_id, addressOf(peer), troubleOf(peer), peer.agent_version, ...peer.addresses.map((each) => each.address)];
  return words.some((word) => word?.toLowerCase().includes(view.text));
}

function sorted(peers) {
  const { of } = columns.find((column) => column.key === view.sort);
  const keyed = peers.map((peer) => ({ peer, key: of(peer), name: columns[0].of(peer) }));
  const turn = view.descending ? -1 : 1;
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  keyed.sort((a, b) => turn * compare(a.key, b.key) || compare(a.name, b.name) || compare(a.peer.peer_id, b.peer.peer_id));
  return keyed.map((each) => each.peer);
}

function renderPeers() {
  const matching = [...model.peers.values()].filter(matches);
  renderStates(matching);
  const chosen = view.condition === null ? matching : matching.filter((peer) => conditionOf(peer) === view.condition);
  const shown = sorted(chosen).slice(0, rowsMax);
  place(shown);

  const isAll = chosen.length === model.peers.size && shown.length === chosen.length && model.total <= model.peers.size;
  const known = Math.max(model.total, model.peers.size);
  setText($("peers-note"), model.peers.size === 0 && link.state === "live"
    ? "No peers yet. Dial one below, or add the members of your federation."
    : isAll ? "" : `${shown.length} of ${known} peers${shown.length < chosen.length ? "; filter to see others" : ""}`);
}

/** How many are in each state, to choose one by. */
function renderStates(peers) {
  const counts = new Map();
  for (const peer of peers) counts.set(conditionOf(peer), (counts.get(conditionOf(peer)) ?? 0) + 1);
  const wanted = [null, ...Object.keys(conditions).filter((each) => counts.has(each) || view.condition === each)];
  const group = $("peers-states");
  if (group.dataset.wanted !== wanted.join()) {
    group.dataset.wanted = wanted.join();
    const focused = group.contains(document.activeElement) ? document.activeElement.dataset.condition : undefined;
    group.replaceChildren(...wanted.map((each) => make(
      "button", { type: "button", class: "chip", "data-condition": each ?? "all", onclick: () => setView({ condition: each }) },
      each && icon(each), make("span", {}, each === null ? "All" : conditions[each]), make("b", {}))));
    if (focused !== undefined) group.querySelector(`[data-condition=${focused}]`)?.focus();
  }
  wanted.forEach((each, index) => {
    const chip = group.children[index];
    chip.setAttribute("aria-pressed", String(view.condition === each));
    setText(chip.lastChild, String(each === null ? peers.length : counts.get(each) ?? 0));
  });
}

/** Brings the rows into this order with as few moves as it takes, and keeps the focus where it was. */
function place(peers) {
  const wanted = new Set(peers.map((peer) => peer.peer_id));
  for (const [id, row] of rows) {
    if (wanted.has(id)) continue;
    row.line.remove();
    row.details?.line.remove();
    // One that the filter leaves out is wanted again soon.
    if (!model.peers.has(id)) rows.delete(id);
  }
  for (const id of view.open) if (!model.peers.has(id)) view.open.delete(id);
  const focused = document.activeElement;
  let next = $("peers").firstChild;
  const put = (line) => {
    if (next === line) next = line.nextSibling;
    else $("peers").insertBefore(line, next);
  };
  for (const peer of peers) {
    let row = rows.get(peer.peer_id);
    if (!row) rows.set(peer.peer_id, (row = makeRow(peer.peer_id)));
    put(row.line);
    if (view.open.has(peer.peer_id)) {
      row.details ??= makeDetails(peer.peer_id);
      put(row.details.line);
    } else if (row.details) {
      if (next === row.details.line) next = next.nextSibling;
      row.details.line.remove();
      row.details = null;
    }
    showRow(row, peer);
  }
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function makeRow(id) {
  const cell = (name, ...children) => make("td", { role: "cell", class: name, "data-title": columns.find((each) => each.key === name)?.title }, ...children);
  const row = {
    name: make("span", { class: "name" }), pin: make("span", { class: "pin", title: "Member: kept connected" }, icon("pin", "member")),
    id: make("span", { class: "mono muted", title: id }, shortID(id)), state: make("span", { class: "state" }), since: make("span"),
    rtt: make("span"), address: make("span", { class: "mono" }), direction: make("span", { class: "muted" }),
    trouble: make("span", { class: "error" }), next: make("span", { class: "muted small" }), condition: null, details: null,
  };
  row.toggle = make("button", {
    type: "button", class: "quiet toggle", "aria-expanded": "false",
    onclick: () => {
      if (!view.open.delete(id)) view.open.add(id);
      schedule(renderPeers);
    },
  }, icon("open"), make("span", {}, row.name, " ", row.pin, " ", row.id));
  row.act = make("button", { type: "button", onclick: () => primaryAction(model.peers.get(id))?.run(row.act) });
  row.line = make(
    "tr", { role: "row", "data-peer": id }, cell("name", row.toggle), cell("state", row.state), cell("since", row.since), cell("rtt", row.rtt),
    cell("address", row.address, " ", row.direction), cell("trouble", row.trouble, " ", row.next), cell("act", row.act));
  return row;
}

function showRow(row, peer) {
  const condition = conditionOf(peer);
  if (row.condition !== condition) {
    row.condition = condition;
    row.state.className = `state is-${condition}`;
    row.state.replaceChildren(icon(condition), conditions[condition]);
    row.line.className = `is-${condition}`;
  }
  setText(row.name, peer.name ?? "");
  row.pin.hidden = !peer.pinned;
  setText(row.rtt, roundTrip(peer.rtt_ms));
  const address = addressOf(peer);
  if (row.address.title !== (address ?? "")) row.address.title = address ?? "";
  setText(row.address, shortAddress(address));
  setText(row.direction, peer.direction === null ? "" : peer.direction === "inbound" ? "in" : "out");
  setText(row.trouble, troubleOf(peer) ?? "");
  row.toggle.setAttribute("aria-expanded", String(row.details !== null));
  const action = primaryAction(peer);
  row.act.hidden = action === null;
  setText(row.act, action?.title ?? "");
  showTimes(row, peer);
  if (row.since.dataset.time !== peer.state_since) {
    row.since.dataset.time = peer.state_since;
    row.since.title = moment(peer.state_since);
  }
  if (row.details) showDetails(row.details, peer);
}

function showTimes(row, peer) {
  setText(row.since, ago(peer.state_since));
  const wait = peer.next_attempt_at && peer.state !== "connected" ? Date.parse(peer.next_attempt_at) - nodeNow() : null;
  setText(row.next, wait === null ? "" : wait <= 500 ? "trying now" : `next attempt in ${span(wait)}, at ${clock(peer.next_attempt_at)}`);
}

/** Once a second: what only the clock changes. */
function renderTimes() {
  for (const [id, row] of rows) {
    const peer = model.peers.get(id);
    if (peer && row.line.isConnected) showTimes(row, peer);
  }
}
// One peer: all that is known of it, and what can be done with it.

const path = (peer) => `v1/peers/${peer.peer_id}`;
const called = (peer) => peer.name ?? shortID(peer.peer_id);

/** What the row offers without being opened; null where there is nothing to be done at once. */
function primaryAction(peer) {
  if (!peer || peer.state === "connected" || peer.state === "disconnecting") return null;
  if (peer.blocked) return actions.unblock(peer);
  if (peer.pinned && !peer.paused) return peer.next_attempt_at === null ? null : actions.retry(peer);
  return peer.state === "connecting" ? null : actions.connect(peer);
}

const actions = {
  connect: (peer) => action("Connect", peer, async () => {
    await callSlowly("POST", `${path(peer)}/connect`, { body: {} });
    return `${called(peer)} is connected.`;
  }),
  retry: (peer) => action("Retry now", peer, async () => {
    await call("DELETE", `${path(peer)}/backoff`);
    return `${called(peer)} is tried again now.`;
  }),
  disconnect: (peer) => action("Disconnect", peer, async () => {
    await call("POST", `${path(peer)}/disconnect`, { body: { reason: "disconnected by the operator" } });
    return `${called(peer)} is being disconnected${peer.pinned ? ", and stays so until you connect it" : ""}.`;
  }),
  ping: (peer) => action("Ping", peer, async () => {
    const { rtt_ms: times, results } = await callSlowly("POST", `${path(peer)}/ping`, { body: { count: 3, timeout_ms: 2_000 } });
    if (times === null) throw new Error(`No ping was answered: ${results.at(-1)?.error ?? "no reason given"}`);
    return `${called(peer)} answers in ${roundTrip(times.mean)} (${roundTrip(times.min)} to ${roundTrip(times.max)}).`;
  }),
  pin: (peer) => action("Pin", peer, async () => {
    await call("PUT", path(peer), { body: { pinned: true } });
    return `${called(peer)} is a member now: it is kept connected.`;
  }),
  unpin: (peer) => action("Unpin", peer, async () => {
    await call("PUT", path(peer), { body: { pinned: false } });
    return `${called(peer)} is not kept connected any more.`;
  }),
  block: (peer) => action("Block…", peer, async () => {
    const reason = await ask({
      title: `Block ${called(peer)}?`, text: "Its connections are closed, and it is refused until you unblock it.", label: "Reason (may be empty)", yes: "Block",
    });
    if (reason === null) return null;
    await call("PUT", `v1/blocklist/${peer.peer_id}`, { body: reason === "" ? {} : { reason } });
    refreshGate();
    return `${called(peer)} is blocked.`;
  }),
  unblock: (peer) => action("Unblock", peer, async () => {
    await call("DELETE", `v1/blocklist/${peer.peer_id}`);
    refreshGate();
    return `${called(peer)} is not blocked any more.`;
  }),
  forget: (peer) => action("Forget…", peer, async () => {
    const answer = await ask({
      title: `Forget ${called(peer)}?`, text: "Its connections are closed, and it is taken out of the address book.", yes: "Forget",
    });
    if (answer === null) return null;
    await call("DELETE", path(peer));
    return `${called(peer)} is forgotten.`;
  }),
};

/** `perform` answers what to say when it is done, or null. The button rests meanwhile. */
function action(title, peer, perform) {
  const run = async (button) => {
    button.disabled = true;
    try {
      const words = await perform();
      if (words !== null) notice(words);
    } catch (error) {
      notice(`${title.replace("…", "")} ${called(peer)}: ${sentence(error.message)}`, true);
    } finally {
      button.disabled = false;
      touch(peer.peer_id);
    }
  };
  return { title, run };
}

/** In the order in which they are shown. */
function actionsOf(peer) {
  const isConnected = peer.connections.length > 0;
  return [
    isConnected ? actions.disconnect(peer) : null, isConnected ? actions.ping(peer) : null,
    isConnected || peer.blocked ? null : actions.connect(peer),
    !isConnected && peer.pinned && !peer.paused && peer.next_attempt_at !== null ? actions.retry(peer) : null,
    peer.pinned ? actions.unpin(peer) : actions.pin(peer),
    peer.blocked ? actions.unblock(peer) : actions.block(peer), actions.forget(peer),
  ].filter((each) => each !== null);
}

function makeDetails(id) {
  const details = {
    facts: make("dl", { class: "facts" }), addresses: make("ul", { class: "addresses" }), buttons: make("p", { class: "buttons" }), shown: "",
  };
  details.line = make("tr", { class: "details", role: "row" }, make(
    "td", { role: "cell", colspan: columns.length + 1 },
    make("p", { class: "identity" }, make("span", { class: "mono" }, id), " ", copyButton("the peer id", id)),
    make("div", { class: "halves" }, details.facts, make("div", {}, make("h3", {}, "Addresses"), details.addresses)), details.buttons));
  return details;
}

function showDetails(details, peer) {
  const { federation, federation_error: refusal, last_disconnect: parting } = peer;
  const by = { local: "by this node", remote: "by the peer", none: "without a word" };
  showFacts(details.facts, [
    ["State", `${conditions[conditionOf(peer)]} since ${moment(peer.state_since)}`],
    ["Agent", peer.agent_version],
    ["Agreed", federation && `version ${federation.version}, network ${federation.network}, since ${moment(federation.since)}`],
    ["Capabilities", federation && federation.capabilities.join(", ")],
    ["Clock", federation && federation.clock_offset_ms !== null ? `${federation.clock_offset_ms > 0 ? "+" : ""}${federation.clock_offset_ms} ms from this node's` : null],
    ["Refused", refusal && `${refusal.code} ${by[refusal.by]}, at ${moment(refusal.at)}: ${refusal.detail}`],
    ["Parted", parting && `${parting.reason} ${by[parting.initiator]}, at ${moment(parting.at)}`],
    ["Failed dials", peer.failure_count === 0 ? null : `${peer.failure_count} since the last that succeeded`],
    ["Lost", peer.flap_count === 0 ? null : `${peer.flap_count} times`],
    ["Traffic", peer.connections.length === 0 ? null : `${bytes(peer.bytes_in)} in, ${bytes(peer.bytes_out)} out`],
    ["Last seen", peer.last_seen_at && moment(peer.last_seen_at)],
    ["Protocols", peer.protocols],
  ]);
  const addresses = JSON.stringify(peer.addresses);
  if (details.shown !== addresses) {
    details.shown = addresses;
    details.addresses.replaceChildren(...peer.addresses.map((each) => make(
      "li", {}, make("span", { class: "mono" }, each.address), " ", make("span", { class: "tag" }, each.source),
      each.last_success_at && make("span", { class: "small muted" }, ` worked at ${moment(each.last_success_at)}`),
      each.last_error && make("span", { class: "error" }, ` ${each.last_error.class}: ${each.last_error.detail}`))));
    if (peer.addresses.length === 0) details.addresses.append(make("li", { class: "muted" }, "None known."));
  }
  const wanted = actionsOf(peer);
  const titles = wanted.map((each) => each.title).join();
  if (details.buttons.dataset.titles !== titles) {
    details.buttons.dataset.titles = titles;
    details.buttons.replaceChildren(...wanted.map((each) => make("button", {
      type: "button", class: each.title.endsWith("…") ? "danger" : null,
      onclick: (event) => each.run(event.currentTarget),
    }, each.title)));
  }
}
// The forms: dial, add a member, block; and who is kept out.

const gateMax = 100;

function startTools() {
  $("dial").onsubmit = (event) => {
    event.preventDefault();
    dial($("dial-target").value.trim());
  };
  $("dial-add").onclick = () => addMember($("dial-target").value.trim(), $("dial-name").value.trim());
  for (const [seconds, words] of [[0, "until unblocked"], [3_600, "an hour"], [86_400, "a day"], [604_800, "a week"]]) {
    $("block-time").append(make("option", { value: seconds }, words));
  }
  $("block").onsubmit = (event) => {
    event.preventDefault();
    block($("block-entry").value.trim(), $("block-reason").value.trim(), Number($("block-time").value));
  };
}

// MARK: Dial

async function dial(target) {
  const body = target.startsWith("/") ? { address: target } : { peer_id: target };
  const controller = new AbortController();
  // A dial whose caller hangs up is cancelled.
  $("dial-cancel").onclick = () => controller.abort();
  dialRuns(true);
  $("dial-result").replaceChildren(make("p", { class: "muted" }, "Dialling…"));
  try {
    const { connection, reused, attempts } = await callSlowly("POST", "v1/dial", { body, signal: controller.signal });
    const peer = make("span", { class: "mono" }, connection.peer_id);
    showDial("agreed", reused ? "Was connected already." : "Connected.", attempts, peer);
  } catch (error) {
    if (controller.signal.aborted) showDial("failed", "Cancelled.", []);
    else if (error.attempts?.length > 0) showDial("failed", sentence(error.title), error.attempts);
    else showDial("failed", sentence(error.message), []);
  } finally {
    dialRuns(false);
  }
}

function dialRuns(isRunning) {
  $("dial-go").disabled = isRunning;
  $("dial-cancel").hidden = !isRunning;
}

/** Each address that was tried, and what became of it. */
function showDial(symbol, words, attempts, ...more) {
  const outcomes = { connected: "agreed", failed: "failed", cancelled: "paused", skipped: "idle" };
  $("dial-result").replaceChildren(
    make("p", { class: `headline small is-${symbol}` }, icon(symbol), words), ...more,
    make("ol", { class: "attempts" }, ...attempts.map((each) => make(
      "li", {}, icon(outcomes[each.outcome] ?? "idle"),
      make("span", {},
        make("span", { class: "mono" }, each.address), ` ${each.outcome} after ${Date.parse(each.ended_at) - Date.parse(each.started_at)} ms`,
        each.resolved_from && make("span", { class: "muted" }, `, from ${each.resolved_from}`),
        each.error && make("span", { class: "error" }, `${each.error.class}: ${each.error.detail}`))))));
}

async function addMember(target, name) {
  const id = /\/p2p\/([^/]+)$/.exec(target)?.[1] ?? (target.startsWith("/") ? null : target);
  if (id === null || id === "") {
    showDial("failed", "A member is known by its peer id: end the address with /p2p/ and the id, or give the id alone.", []);
    return;
  }
  const body = { pinned: true };
  if (target.startsWith("/")) body.addresses = [target];
  if (name !== "") body.name = name;
  $("dial-add").disabled = true;
  try {
    const peer = await call("PUT", `v1/peers/${encodeURIComponent(id)}`, { body });
    showDial("agreed", `${called(peer)} is a member now: it is dialled, and kept connected.`, []);
    $("dial").reset();
    touch(peer.peer_id);
  } catch (error) {
    showDial("failed", sentence(error.message), []);
  } finally {
    $("dial-add").disabled = false;
  }
}

// MARK: Who is kept out

async function block(entry, reason, seconds) {
  const body = {};
  if (reason !== "") body.reason = reason;
  if (seconds > 0) body.expires_at = new Date(nodeNow() + seconds * 1_000).toISOString();
  try {
    await call("PUT", `v1/blocklist/${encodeURIComponent(entry)}`, { body });
    notice(`${entry} is blocked.`);
    $("block").reset();
  } catch (error) {
    notice(`Block ${entry}: ${sentence(error.message)}`, true);
  }
  refreshGate();
}

async function unblock(entry) {
  try {
    await call("DELETE", `v1/blocklist/${encodeURIComponent(entry)}`);
    notice(`${entry} is not blocked any more.`);
  } catch (error) {
    notice(`Unblock ${entry}: ${sentence(error.message)}`, true);
  }
  refreshGate();
  refreshPeers();
}

async function letIn(id) {
  const name = await ask({
    title: `Let ${shortID(id)} in?`, text: "It goes into the address book, whose peers may connect.", label: "Name (may be empty)", yes: "Let in",
  });
  if (name === null) return;
  try {
    await call("PUT", `v1/peers/${id}`, { body: name === "" ? {} : { name } });
    notice(`${name === "" ? shortID(id) : name} may connect now.`);
  } catch (error) {
    notice(`Let in ${shortID(id)}: ${sentence(error.message)}`, true);
  }
  refreshGate();
}

let gateTimer = null;
/** Soon, and once for all who ask meanwhile. */
function refreshGate() {
  gateTimer ??= setTimeout(async () => {
    gateTimer = null;
    try {
      const [blocks, strangers] = await Promise.all([
        call("GET", `v1/blocklist?limit=${gateMax}`, { background: true }), call("GET", `v1/unknown-peers?limit=${gateMax}`, { background: true }),
      ]);
      renderGate(blocks, strangers);
    } catch {
      // The next round asks again; whether the node is lost is seen elsewhere.
    }
  }, 300);
}

function renderGate(blocks, strangers) {
  const entries = blocks.items.map((each) => make(
    "li", {},
    make("span", {},
      make("span", { class: "mono" }, each.entry),
      make("span", { class: "detail" }, [each.reason, each.expires_at && `until ${moment(Date.parse(each.expires_at))}`].filter(Boolean).join(", "))),
    make("button", { type: "button", "aria-label": `Unblock ${each.entry}`, onclick: () => unblock(each.entry) }, "Unblock")));
  $("block-list").replaceChildren(...entries, ...rest(blocks, "Nothing is blocked."));
  $("strangers").hidden = strangers.total === 0;
  $("strangers-list").replaceChildren(...strangers.items.map((each) => make(
    "li", {},
    make("span", {},
      make("span", { class: "mono", title: each.peer_id }, shortID(each.peer_id)),
      make("span", { class: "detail" }, `${each.count} times, last at ${moment(each.last_seen_at)} from ${shortAddress(each.remote_address)}`)),
    make("button", { type: "button", onclick: () => letIn(each.peer_id) }, "Let in…"))), ...rest(strangers, ""));
}

function rest(list, none) {
  const left = list.total - list.items.length;
  if (left > 0) return [make("li", { class: "muted" }, `and ${left} more`)];
  return list.total === 0 && none !== "" ? [make("li", { class: "muted" }, none)] : [];
}
// What happens, the newest first.

/** Lines, shown or held back. */
const linesMax = 500;
/** Of what happened before the page was opened. */
const linesBefore = 100;

const log = { entries: [], isPaused: false, held: 0, kind: "", text: "" };

const kinds = [
  ["", "All kinds"], ["peer.", "Peers"], ["connection.", "Connections"], ["dial.", "Dials"], ["federation.", "Federation"],
  ["node.|listener.|address.|limit.|protocol.|config.|page.", "This node"],
];

function startLog() {
  for (const [prefix, words] of kinds) $("log-kind").append(make("option", { value: prefix }, words));
  $("log-kind").onchange = () => {
    log.kind = $("log-kind").value;
    redrawLog();
  };
  $("log-text").oninput = () => {
    log.text = $("log-text").value.trim().toLowerCase();
    redrawLog();
  };
  $("log-pause").onclick = () => {
    log.isPaused = !log.isPaused;
    log.held = 0;
    $("log-pause").setAttribute("aria-pressed", String(log.isPaused));
    setText($("log-pause"), log.isPaused ? "Resume" : "Pause");
    if (log.isPaused) schedule(renderLogNote);
    else redrawLog();
  };
  renderLogNote();
}

/** Of the node, or `page.` of the page itself. */
function addToLog(event) {
  const entry = { event, words: wordsOf(event), isNew: true };
  log.entries.unshift(entry);
  if (log.entries.length > linesMax) log.entries.pop();
  if (log.isPaused) {
    log.held = Math.min(linesMax, log.held + 1);
    schedule(renderLogNote);
  } else {
    schedule(renderLog);
  }
}

function isShown({ event, words }) {
  if (log.kind !== "" && !log.kind.split("|").some((prefix) => event.type.startsWith(prefix))) return false;
  if (log.text === "") return true;
  return [event.type, words, event.peer_id, event.peer_id && nameOf(event.peer_id)].some((each) => each?.toLowerCase().includes(log.text));
}

function lineOf({ event, words }) {
  const kind = /fail|reject|refused|unhealthy|lost|skew|reached|blocked/.test(`${event.type} ${event.to ?? ""} ${event.outcome ?? ""}`)
    ? "bad" : /agreed|connected/.test(`${event.type} ${event.to ?? ""} ${event.outcome ?? ""}`) && event.to !== "disconnecting" ? "good" : "plain";
  return make(
    "li", { class: `is-${kind}` }, make("time", { datetime: event.time, title: event.time }, clock(event.time)),
    make("span", { class: "kind" }, event.type),
    make("span", {}, event.peer_id && make("strong", { title: event.peer_id }, nameOf(event.peer_id)), event.peer_id ? " " : null, words));
}

/** Adds what is new at the top, and drops what is too old at the foot. */
function renderLog() {
  const fresh = [];
  for (const entry of log.entries) {
    if (!entry.isNew) break;
    entry.isNew = false;
    if (isShown(entry)) fresh.push(lineOf(entry));
  }
  const list = $("log");
  const isScrolled = list.scrollTop > 4;
  const before = list.scrollHeight;
  list.prepend(...fresh);
  // Who reads further down keeps the place.
  if (isScrolled) list.scrollTop += list.scrollHeight - before;
  while (list.children.length > linesMax) list.lastChild.remove();
  renderLogNote();
}

function redrawLog() {
  for (const entry of log.entries) entry.isNew = true;
  $("log").replaceChildren();
  schedule(renderLog);
}

function renderLogNote() {
  setText($("log-note"), log.isPaused ? `Paused; ${log.held} new.` : log.entries.length === 0 ? "Nothing happened yet." : "");
}

const common = new Set(["id", "time", "type", "peer_id", "connection_id"]);

/** What the event says, for people. */
function wordsOf(event) {
  const because = event.reason ? `: ${event.reason}` : "";
  switch (event.type) {
    case "peer.state_changed": return `${event.from} → ${event.to}${because}`;
    case "connection.state_changed":
      return `${event.from} → ${event.to}, ${event.direction} ${shortAddress(event.remote_address)}${because}${event.error ? ` (${event.error})` : ""}`;
    case "connection.path_changed": return `now ${shortAddress(event.local_address)} to ${shortAddress(event.remote_address)}`;
    case "dial.started": return `${event.dial} to ${event.addresses.map(shortAddress).join(", ")}`;
    case "dial.attempt":
      return `${event.dial} ${shortAddress(event.address)} ${event.outcome} after ${event.duration_ms} ms${event.error ? `, ${event.error.class}: ${event.error.detail}` : ""}`;
    case "dial.ended": return `${event.dial} ${event.outcome}${event.error ? `, ${event.error.class}: ${event.error.detail}` : ""}`;
    case "peer.identified": return `is ${event.agent_version ?? "without an agent"}`;
    case "federation.agreed": return `version ${event.version}, network ${event.network}`;
    case "federation.rejected": return `${event.code} by ${event.by}: ${event.detail}`;
    case "page.note": return event.words;
    default:
      return Object.entries(event).filter(([name, value]) => !common.has(name) && value !== null)
        .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
  }
}
// What keeps the page fed: the event stream, and a question every few seconds for what no event tells.

const pollInterval = 5_000;
const listEvery = 2; // polls
const hourEvery = 4;
const gateEvery = 6;
/** The node is lost when nothing came for so long: it is asked every 5 seconds, and its stream beats every 15. */
const silenceMax = 12_000;
/** A page that nobody sees gives its connection back: a browser has six to a server, for all its tabs. */
const hiddenMax = 30_000;

const link = {
  /** `connecting`, `live`, `lost`, `locked` (a token is wanted) or `asleep` (nobody looks) */
  state: "connecting",
  heardAt: performance.now(),
  /** By the clock of this machine. */
  heardTime: Date.now(),
  tickedAt: performance.now(),
  hiddenSince: null,
  /** Why the node has no events for this page; null while it has. */
  problem: null,
  polls: 0,
  isPolling: false,
};

/** Something came from the node. */
function heard() {
  link.heardAt = performance.now();
  link.heardTime = Date.now();
}

const linkWords = { connecting: "connecting", live: "live", lost: "lost", locked: "needs a token", asleep: "resting" };

function setLink(state) {
  if (link.state === state) return;
  const before = link.state;
  link.state = state;
  document.body.className = `link-${state}`;
  setText($("link"), linkWords[state]);
  if (state === "lost") note(`the connection to the node is lost since ${clock(link.heardTime)}`);
  if (state === "live" && before === "lost") note("the node is there again");
  schedule(renderBanner);
}

function setProblem(words) {
  link.problem = words;
  schedule(renderBanner);
}

const note = (words) => addToLog({ type: "page.note", time: new Date(nodeNow()).toISOString(), peer_id: null, words });

function renderBanner() {
  const banner = $("banner");
  banner.hidden = link.state !== "lost" && link.state !== "locked" && link.problem === null;
  setText($("banner-text"), `The node answers, but not with its events. ${link.problem ?? ""}`);
  setText($("banner-action"), "Try now");
  $("banner-action").onclick = () => stream.restart();
  if (link.state === "locked") {
    setText($("banner-text"), "This node shows itself to those who have a token.");
    setText($("banner-action"), "Enter the token");
    $("banner-action").onclick = () => askForToken(null);
  }
  if (link.state === "lost") {
    setText($("banner-text"), `Connection to the node lost since ${clock(link.heardTime)}. What you see is from then.`);
  }
}

/** Asks for what no event tells: round trips, traffic, health, uptime. */
async function poll() {
  if (link.isPolling || link.state !== "live") return;
  link.isPolling = true;
  const round = link.polls;
  link.polls += 1;
  // Long lists on a slow line take their time; the next round does not wait for them.
  if (round % hourEvery === 0) refreshHistory();
  if (round % listEvery === 1) refreshPeers();
  if (round % gateEvery === 0) refreshGate();
  await Promise.allSettled([refreshNode(), refreshHealth()]);
  link.isPolling = false;
}

function tick() {
  const now = performance.now();
  // The machine slept or the page was not allowed to run: that nothing was heard says nothing.
  if (now - link.tickedAt > 5_000) {
    link.heardAt = now;
    poll();
  }
  link.tickedAt = now;
  if ((link.state === "live" || link.state === "connecting") && now - link.heardAt > silenceMax) {
    setLink("lost");
    stream.restart();
  }
  if (link.hiddenSince !== null && now - link.hiddenSince > hiddenMax) {
    setLink("asleep");
    stream.asleep = true;
  }
  if (link.state === "live") renderTimes();
}

const stream = new EventStream({
  opened() {
    heard();
    const isBack = link.state !== "live";
    setProblem(null);
    setLink("live");
    if (isBack) {
      link.polls = 0;
      poll();
    }
  },
  ended(error) {
    if (error instanceof Problem && (error.code === "unauthorized" || error.code === "insufficient_scope")) {
      setLink("locked");
      if (!tokenDeclined) askForToken(error);
    } else if (error instanceof Problem) {
      // It has no room for one more reader, or is shutting down.
      heard();
      setProblem(sentence(error.message));
    } else if (error !== null) {
      setLink("lost");
    }
  },
  take(event) {
    if (event.type === "snapshot") {
      takeSnapshot(event);
      lookBack(event);
      return;
    }
    addToLog(event);
    // Older ones are in the snapshot already.
    if (event.type !== "reset" && numberOf(event) > model.snapshotNumber) apply(event);
  },
});

/** Once, after the first snapshot: goes on from some events before it, for the log to begin with. */
let hasLookedBack = false;
function lookBack(snapshot) {
  if (hasLookedBack) return;
  hasLookedBack = true;
  const boot = snapshot.id.slice(0, snapshot.id.lastIndexOf("-"));
  stream.resume(`${boot}-${Math.max(0, model.snapshotNumber - linesBefore)}`);
}

tokenListeners.push(() => {
  setLink("connecting");
  stream.restart();
});
$("token-open").onclick = () => askForToken(null);

document.addEventListener("visibilitychange", () => {
  link.hiddenSince = document.hidden ? performance.now() : null;
  if (document.hidden || link.state !== "asleep") return;
  heard();
  setLink("connecting");
  stream.asleep = false;
});

startPeers();
startTools();
startLog();
document.body.className = `link-${link.state}`;
setInterval(tick, 1_000);
setInterval(poll, pollInterval);
</script>
</body>
</html>

"""##
}
