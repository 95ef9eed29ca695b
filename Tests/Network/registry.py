"""Whether the nodes agree on who is connected to whom: with each other, and with the kernel's sockets."""

import itertools
import re

from node import BACKOFF_INITIAL, BACKOFF_MAX, Node

Pairs = set[frozenset[Node]]


def all_pairs(nodes: list[Node]) -> Pairs:
    return {frozenset(pair) for pair in itertools.combinations(nodes, 2)}


class View:
    """What one node said at one moment."""

    def __init__(self, node: Node):
        self.node = node
        self.peers = {peer["peer_id"]: peer for peer in node.peers()}
        self.connections = node.connections()

    def with_peer(self, peer_id: str) -> list[dict]:
        return [connection for connection in self.connections if connection["peer_id"] == peer_id]

    def connects(self, other: "View") -> bool:
        """Whether some live connection is the same one at both ends."""
        return any(is_same(mine, theirs) for mine in self.with_peer(other.node.peer_id)
                   for theirs in other.with_peer(self.node.peer_id))


def is_same(mine: dict, theirs: dict) -> bool:
    return (mine["state"] == theirs["state"] == "connected" and mine["direction"] != theirs["direction"]
            and mine["local_address"] == theirs["remote_address"] and mine["remote_address"] == theirs["local_address"])


def missing(nodes: list[Node], pairs: Pairs) -> list[str]:
    """Pairs that are not connected."""
    views = {node: View(node) for node in nodes}
    return [f"{a.name} and {b.name} are not connected" for a, b in map(tuple, pairs) if not views[a].connects(views[b])]


def disagreements(nodes: list[Node], pairs: Pairs) -> list[str]:
    """Everything that is not as it is to be: one connection for each of the pairs, the same at both ends, and no other;
    peers listed connected that are, and no other."""
    views = {node: View(node) for node in nodes}
    told = []
    for node, view in views.items():
        wanted = {other.peer_id: other for pair in pairs if node in pair for other in pair - {node}}
        for peer_id in wanted.keys() | {connection["peer_id"] for connection in view.connections} | view.peers.keys():
            told += [f"{node.name}: {problem}" for problem in judge(view, peer_id, views.get(wanted.get(peer_id)))]
        counted = node.get("/v1/node")["counts"]["connections"]["state"]["connected"]
        live = sum(connection["state"] == "connected" for connection in view.connections)
        if counted != live:
            told.append(f"{node.name} counts {counted} connections and lists {live}")
        told += [f"{node.name}: {problem}" for problem in socket_problems(view)]
    return told


def judge(view: View, peer_id: str, wanted: View | None) -> list[str]:
    """What is wrong with one peer in one view; `wanted` is the peer's own view where it is to be connected."""
    peer, connections = view.peers.get(peer_id), view.with_peer(peer_id)
    name = (peer or {}).get("name") or peer_id
    state = peer["state"] if peer else "unknown"
    if peer and sorted(peer["connections"]) != sorted(connection["id"] for connection in connections):
        return [f"{name} has the connections {peer['connections']}, but the list has {len(connections)}"]
    if wanted is None:
        if state == "connected" or connections:
            return [f"{name} is {state} with {len(connections)} connections, and is not to be connected"]
        return []
    if state != "connected" or len(connections) != 1:
        return [f"{name} is {state} with {len(connections)} connections instead of one"]
    theirs = wanted.with_peer(view.node.peer_id)
    if len(theirs) != 1 or not is_same(connections[0], theirs[0]):
        return [f"{name} has another connection: {brief(connections)}, there {brief(theirs)}"]
    return []


def brief(connections: list[dict]) -> str:
    fields = ("id", "state", "direction", "local_address", "remote_address")
    return "; ".join(" ".join(each[field] for field in fields) for each in connections) or "none"


def socket_problems(view: View) -> list[str]:
    """The kernel's UDP sockets of the process beside those that the node tells of."""
    bound = sockets(view.node)
    listening = set(map(ip_and_port, view.node.get("/v1/node")["listen_addresses"]))
    told = [f"listens on {sorted(listening)}, but ss has {sorted(bound)}"] if listening != bound else []
    ports = {port for _, port in bound}
    for connection in view.connections:
        _, port = ip_and_port(connection["local_address"])
        if port not in ports:
            told.append(f"{connection['id']} is at {connection['local_address']}, but ss has {sorted(bound)}")
    return told


def sockets(node: Node) -> set[tuple[str, int]]:
    """Local address and port of each UDP socket of the node's process, as `ss` has them."""
    found = set()
    for line in node.host.run("ss", "-uanpH").splitlines():
        if f"pid={node.child.pid}," in line:
            ip, port = line.split()[3].rsplit(":", 1)
            ip = ip.strip("[]").split("%")[0]
            found.add(({"*": "::"}.get(ip, ip), int(port)))
    return found


def ip_and_port(address: str) -> tuple[str, int]:
    parts = re.fullmatch(r"/ip[46]/([^/]+)(?:/[^/]+)*?/udp/(\d+)/quic-v1(?:/.*)?", address)
    if parts is None:
        raise AssertionError(f"{address} is no QUIC address")
    return parts[1], int(parts[2])


def backoff_in_force(nodes: list[Node]) -> float:
    """The longest wait, in seconds, that a pinned peer which is not connected now may draw next: the loss of a
    connection that was young counts like a failed dial."""
    failures = [peer["failure_count"] + 1 for node in nodes for peer in node.peers()
                if peer["pinned"] and peer["state"] != "connected"]
    return min(BACKOFF_MAX, BACKOFF_INITIAL * 2 ** max(failures, default=0))
