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
