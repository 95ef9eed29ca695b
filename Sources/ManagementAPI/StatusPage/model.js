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
