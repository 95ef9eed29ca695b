"""What the members say to each other: who agrees with whom, how fast, and who is refused."""

import http.client
import time
from collections.abc import Callable

from events import wait_until
from lab import START_SECONDS, Lab
from node import Node
from registry import all_pairs

PROTOCOL = "vtcp/btc-foundation/v1.0.0"
# From the start of the first process to the last agreement, on two cores.
COLD_START_SECONDS = 3
# A session that gives way to another one of the pair has so long to end.
SETTLE_SECONDS = 8


def agreed(node: Node) -> int:
    """Members that it has agreed with; none while it does not answer."""
    try:
        node.require_running()
        return sum(peer["federation"] is not None for peer in node.peers())
    except (OSError, http.client.HTTPException):
        return 0


def refusal(node: Node, other: Node) -> str | None:
    """The word for why the two did not agree, as `node` knows it."""
    error = node.peer(other)["federation_error"]
    return error and error["code"]


def sessions(node: Node) -> int:
    """Streams of the protocol that others opened to it and that are open."""
    return next(item["streams"]["open"] for item in node.items("/v1/protocols") if PROTOCOL in item["ids"])


def cold_start(count: int, seconds: float) -> Callable[[Lab], str]:
    """All members start at once: each pair agrees, and has one session."""

    def run(lab: Lab) -> str:
        nodes = [lab.node() for _ in range(count)]
        lab.pin(nodes, federation=count)
        begin = time.monotonic()
        for node in nodes:
            node.start()
        wanting = list(nodes)

        def all_agreed() -> bool:
            wanting[:] = [node for node in wanting if agreed(node) < count - 1]
            return not wanting

        wait_until("all members to agree", all_agreed, max(seconds, START_SECONDS))
        took = time.monotonic() - begin
        if took > seconds:
            raise AssertionError(f"{count} members agreed after {took:.1f} s, not within {seconds:g} s")
        for node in nodes:
            node.wait_ready()
            status, words = node.call("GET", "/readyz?verbose")
            said = f"{count - 1} of {count - 1} pinned peers are agreed with"
            if status != 200 or said not in words:
                raise AssertionError(f"{node.name} is not ready, or does not say why: {words}")
        pairs = len(all_pairs(nodes))
        wait_until("one session for each pair", lambda: sum(map(sessions, nodes)) == pairs, SETTLE_SECONDS)
        lab.agree(nodes)
        return f"{count} members, {pairs} pairs agreed {took:.2f} s after the first process was started"

    return run


def wrong_network(lab: Lab) -> str:
    """One of three is configured for another network: it is failed at the others and they at it, until it is mended."""
    nodes = [lab.node() for _ in range(3)]
    lab.pin(nodes)
    stray, others = nodes[0], nodes[1:]
    stray.configuration["federation"]["network"] = "signet"
    lab.start(nodes)

    def refused(node: Node, other: Node) -> bool:
        peer = node.peer(other)
        return (peer["state"] == "failed" and peer["federation"] is None
                and refusal(node, other) == "network_mismatch" and peer["federation_error"]["permanent"])

    wait_until("the wrong network to be seen on both sides",
               lambda: all(refused(stray, other) and refused(other, stray) for other in others), START_SECONDS)
    if not all(peer["federation"] for node in others for peer in node.peers() if peer["peer_id"] != stray.peer_id):
        raise AssertionError("the other two did not agree")
    stray.stop()
    stray.story.finish()
    stray.configuration["federation"]["network"] = "mainnet"
    stray.start()
    stray.wait_ready()
    wait_until("all to agree", lambda: all(agreed(node) == 2 for node in nodes), START_SECONDS)
    lab.agree(nodes)
    return "network_mismatch on both sides; agreed once it was mended"
