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
