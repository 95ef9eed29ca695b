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
