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
