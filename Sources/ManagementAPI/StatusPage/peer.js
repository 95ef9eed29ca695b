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
