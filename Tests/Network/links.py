"""Poor links: connections must hold on them while bytes flow. Each scenario answers with its figures in words."""

import threading
import time
from collections.abc import Callable

from lab import Lab
from node import Node

SMALL_MTU = 1280
# IPv4 and UDP.
SMALLEST_HEADERS = 28
TRANSFER_SECONDS = 60


def steady(lab: Lab, nodes: list[Node], work: Callable[[], str]) -> str:
    """Does `work` while pings go between all; no connection may end meanwhile."""
    marks = {node: node.story.mark() for node in nodes}
    ended = threading.Event()
    failed: list[str] = []

    def pings():
        while not ended.wait(0.5):
            try:
                nodes[0].ping(nodes[1], count=1)
            except AssertionError as error:
                failed.append(str(error))

    thread = threading.Thread(target=pings)
    thread.start()
    try:
        figures = work()
    finally:
        ended.set()
        thread.join()
    if failed:
        raise AssertionError(f"{len(failed)} pings failed: {failed[0]}")
    members = {node.peer_id for node in nodes}
    for node in nodes:
        for event in node.story.since(marks[node], "connection.state_changed"):
            # `fednode perf` is no member; it comes and goes.
            if event["peer_id"] in members and event["to"] != "connected":
                raise AssertionError(f"{node.name} lost a connection: {event}")
    lab.agree(nodes, seconds=5)
    return figures


def small_mtu(lab: Lab) -> str:
    """A card of 1280 bytes; a switch that swallows without a word what is larger; and one that begins to do so under
    connections that have found out that more fits."""
    told = []
    for card, port, what in ((True, True, "on the card"), (False, True, "on the way")):
        nodes = pair(lab)
        nodes[1].host.set_mtu(SMALL_MTU, card=card, port=port)
        lab.start(nodes)
        lab.agree(nodes, seconds=10)
        figures = steady(lab, nodes, lambda nodes=nodes: transfer(nodes, 2_000_000))
        mtus = [connection["mtu"] for node in nodes for connection in node.connections()]
        if max(mtus) > SMALL_MTU - SMALLEST_HEADERS:
            raise AssertionError(f"datagrams of {mtus} bytes do not fit into {SMALL_MTU}")
        told.append(f"{what}: datagrams of {max(mtus)}, {figures}")
    nodes = lab.mesh(2)
    mtu = max(connection["mtu"] for node in nodes for connection in node.connections())
    nodes[1].host.set_mtu(SMALL_MTU, card=False, port=True)
    figures = steady(lab, nodes, lambda: transfer(nodes, 2_000_000))
    told.append(f"on the way, after datagrams of {mtu}: {figures}")
    return "; ".join(told)


def pair(lab: Lab) -> list[Node]:
    """Two more nodes that pin each other, not started."""
    nodes = [lab.node(), lab.node()]
    lab.pin(nodes)
    return nodes


def transfer(nodes: list[Node], size: int) -> str:
    figures = nodes[0].perf(nodes[1], size, size, seconds=TRANSFER_SECONDS)
    rates = [f"{way} {size * 8e-6 / figures[f'{way}_seconds']:.1f} Mbit/s" for way in ("upload", "download")]
    return ", ".join(rates)


def loss(lab: Lab) -> str:
    """5 % of all datagrams are lost on arrival, on every host."""
    nodes = lab.mesh(3)
    for node in nodes:
        node.host.drop_percent(5)
    lab.progress("5 % are lost")

    def work() -> str:
        figures = nodes[0].perf(nodes[1], 10_000_000, 10_000_000, seconds=TRANSFER_SECONDS)
        time.sleep(10)
        lost = sum(node.host.dropped() for node in nodes)
        if lost == 0:
            raise AssertionError("the rule has dropped nothing")
        return f"20 MB in {figures['upload_seconds'] + figures['download_seconds']:.1f} s, {lost} packets dropped"

    return steady(lab, nodes, work) + ", nobody flapped"


def slow_link(lab: Lab) -> str:
    """1 Mbit/s by a token bucket, filled by a transfer: pings and keep-alives must get through."""
    nodes = lab.mesh(2)
    for node in nodes:
        node.host.limit_rate("1mbit")
    lab.progress("1 Mbit/s")

    def work() -> str:
        figures = nodes[0].perf(nodes[1], 600_000, 600_000, seconds=TRANSFER_SECONDS)
        rates = [600_000 * 8e-6 / figures[f"{way}_seconds"] for way in ("upload", "download")]
        if max(rates) > 1.3:
            raise AssertionError(f"{rates} Mbit/s are more than the bucket lets through")
        return f"upload {rates[0]:.2f}, download {rates[1]:.2f} Mbit/s"

    return steady(lab, nodes, work) + ", nobody flapped"
