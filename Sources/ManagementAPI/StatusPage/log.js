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
