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
