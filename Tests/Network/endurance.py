"""What a node holds on to while its peers come and go for a long time."""

import random
import signal
import statistics
import time
from collections.abc import Callable

from lab import Lab
from node import BACKOFF_MAX, DETECTION_SECONDS, Node

PEERS = 8
REFERENCE_SECONDS = 120
TOLERANCE = 0.05
# Of files and threads the twentieth part is less than one: a client of the API, a look-up.
COUNT_TOLERANCE = 1
# GET /v1/events keeps as many events; a node at rest for longer holds them all.
EVENTS_KEPT = 16_384
# A measure is the median of samples this far apart.
SAMPLES, SAMPLE_PAUSE = 11, 0.5
PAUSE = (0.2, 1.5)
ASLEEP = (0.5, 15.0)


def soak(seconds: int, seed: int) -> Callable[[Lab], str]:
    """`observed` is watched; the others are killed, stopped, resumed, disconnected and connected, one by one."""

    def run(lab: Lab) -> str:
        reference_at = min(REFERENCE_SECONDS, seconds / 5)
        nodes = lab.mesh(PEERS + 1)
        observed, churn = nodes[0], Churn(nodes, random.Random(seed), lab)
        ring = fill_event_ring(observed, lab)
        begin = time.monotonic()
        measures: dict[str, dict[str, float]] = {}
        for name, until in (("reference", reference_at), ("end", seconds)):
            while time.monotonic() < begin + until:
                churn.step()
                rss = observed.resources()["rss_kb"]
                lab.progress(f"{time.monotonic() - begin:.0f} of {seconds} s, {churn}, {rss} kB")
            churn.rest()
            measures[name] = measure(observed)
        told = []
        course = f"seed {seed}; {ring:g} kB to fill the ring of events; {churn}; from {reference_at:g} s to {seconds} s"
        for what, before in measures["reference"].items():
            after = measures["end"][what]
            told.append(f"{what} {before:g} to {after:g}")
            allowed = max(TOLERANCE * before, 0 if what == "rss_kb" else COUNT_TOLERANCE)
            if after - before > allowed:
                raise AssertionError(f"grown: {course}: {', '.join(told)}")
        return f"{course}: {', '.join(told)}"

    return run


def fill_event_ring(node: Node, lab: Lab) -> float:
    """What is bounded is at its bound before the first measure: else its filling would pass for a leak. The kB it took."""
    before = node.resources()["rss_kb"]
    while (events := len(node.story.events())) < EVENTS_KEPT:
        lab.progress(f"filling the ring of events, {events} of {EVENTS_KEPT}")
        for _ in range(100):
            # Nobody listens there: told as three events, the reason among them.
            node.post("/v1/dial", {"address": "/ip4/127.0.0.1/udp/1/quic-v1"}, (502,))
    return node.resources()["rss_kb"] - before


class Churn:
    def __init__(self, nodes: list[Node], chance: random.Random, lab: Lab):
        self._observed, self._others, self._all, self._chance, self._lab = nodes[0], nodes[1:], nodes, chance, lab
        self._asleep: dict[Node, float] = {}
        self._done = {"killed": 0, "stopped": 0, "disconnected": 0, "closed": 0}

    def __str__(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self._done.items())

    def step(self):
        """One thing that happens to one peer; who has slept long enough is woken."""
        now = time.monotonic()
        for node in [node for node, until in self._asleep.items() if until <= now]:
            self._wake(node)
        awake = [node for node in self._others if node not in self._asleep]
        if awake:
            node = self._chance.choice(awake)
            what = self._chance.choice([self._kill, self._stop, self._disconnect, self._close])
            what(node)
        time.sleep(self._chance.uniform(*PAUSE))

    def _kill(self, node: Node):
        node.kill()
        node.start()
        node.wait_ready()
        self._done["killed"] += 1

    def _stop(self, node: Node):
        node.signal(signal.SIGSTOP)
        self._asleep[node] = time.monotonic() + self._chance.uniform(*ASLEEP)
        self._done["stopped"] += 1

    def _wake(self, node: Node):
        node.signal(signal.SIGCONT)
        del self._asleep[node]

    def _disconnect(self, node: Node):
        """A pinned peer is paused by it, until `connect`."""
        self._observed.post(f"/v1/peers/{node.peer_id}/disconnect")
        time.sleep(self._chance.uniform(0, 1))
        # 502 and 504 for one that is down this moment: it is kept again all the same.
        self._observed.post(f"/v1/peers/{node.peer_id}/connect", {"timeout_ms": 3000}, (200, 429, 502, 504))
        self._done["disconnected"] += 1

    def _close(self, node: Node):
        connections = self._observed.peer(node)["connections"]
        if connections:
            self._observed.call("DELETE", f"/v1/connections/{connections[0]}?mode=abort")
            self._done["closed"] += 1

    def rest(self):
        """Everybody is awake and connected, and nothing of what was is left."""
        for node in list(self._asleep):
            self._wake(node)
        self._lab.progress("coming to rest")
        self._lab.agree(self._all, seconds=2 * DETECTION_SECONDS + 2 * BACKOFF_MAX)


def measure(node: Node) -> dict[str, float]:
    samples = []
    for _ in range(SAMPLES):
        samples.append(node.resources())
        time.sleep(SAMPLE_PAUSE)
    return {what: statistics.median(sample[what] for sample in samples) for what in samples[0]}
