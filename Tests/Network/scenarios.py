"""What a network does to nodes that are to stay connected. Each scenario answers with its figures in words."""

import signal
import time
from collections.abc import Callable

import crowd
import links
import members
from events import wait_until
from lab import SLACK_SECONDS, START_SECONDS, Lab
from node import BACKOFF_INITIAL, BACKOFF_MAX, DETECTION_SECONDS, PORT, Node
from names import NameServer
from registry import all_pairs, disagreements

# A peer that comes back dials at once; the old connection at the other end is gone with a stateless reset, or when a
# ping has no answer for 2 s.
RESTART_SECONDS = 6.0


def between(one: list[Node], other: list[Node]) -> set[frozenset[Node]]:
    return {frozenset((a, b)) for a in one for b in other}


def hold(lab: Lab, nodes: list[Node], pairs: set[frozenset[Node]], begin: float, seconds: float) -> str:
    """Until `seconds` after `begin`: once the loss is noticed, nothing else than `pairs` may be told as connected."""
    noticed = lab.agree(nodes, pairs, DETECTION_SECONDS + SLACK_SECONDS)
    while time.monotonic() < begin + seconds:
        left = disagreements(nodes, pairs)
        if left:
            raise AssertionError("while it lasts: " + "\n".join(left[:8]))
        time.sleep(0.5)
    return f"noticed after {noticed:.1f} s"


def partition(seconds: int) -> Callable[[Lab], str]:
    """Two halves of four nodes lose each other."""

    def run(lab: Lab) -> str:
        nodes = lab.mesh(4)
        left, right = nodes[:2], nodes[2:]
        begin = time.monotonic()
        for here, there in ((left, right), (right, left)):
            for node in here:
                node.host.drop_from(other.host for other in there)
        lab.progress("parted")
        told = ""
        if seconds > DETECTION_SECONDS + SLACK_SECONDS:
            told = hold(lab, nodes, all_pairs(left) | all_pairs(right), begin, seconds) + ", "
        else:
            time.sleep(seconds)
        return told + lab.heal(nodes, all_pairs(nodes), lambda: [node.host.heal() for node in nodes])

    return run


def one_way_loss(lab: Lab) -> str:
    """One node hears nothing of another, which hears it well."""
    nodes = lab.mesh(3)
    deaf, heard, third = nodes
    begin = time.monotonic()
    deaf.host.drop_from([heard.host])
    lab.progress("one way is lost")
    rest = all_pairs(nodes) - {frozenset((deaf, heard))}
    told = hold(lab, nodes, rest, begin, DETECTION_SECONDS + 4)
    return f"{told}, " + lab.heal(nodes, all_pairs(nodes), deaf.host.heal)


def address_change(interfaces: list[str]) -> Callable[[Lab], str]:
    """A host gets new addresses in place of the old ones; nobody else knows them. `interfaces`: what the nodes are
    bound to; none: to all."""

    def run(lab: Lab) -> str:
        nodes = lab.mesh(3, network={"interfaces": interfaces})
        moved = nodes[0]
        marks = {node: node.story.mark() for node in nodes}
        moved.host.move()
        lab.progress("the address has changed")
        # It knows where the others are and dials them. The old address is looked for first: a connection that ends
        # between the two looks is then missed by neither.
        bound = DETECTION_SECONDS + 2 * BACKOFF_INITIAL + SLACK_SECONDS
        took = lab.none_left(lambda: left_behind(moved) + disagreements(nodes, all_pairs(nodes)), bound)
        for node in nodes[1:]:
            node.ping(moved)
        anew = sum(event["to"] in ("idle", "failed")
                   for event in moved.story.since(marks[moved], "connection.state_changed"))
        kept = sum(len(node.story.since(marks[node], "connection.path_changed")) for node in nodes)
        return f"all there again after {took:.1f} s: {anew} connections made anew, {kept} path changes"

    return run


def left_behind(moved: Node) -> list[str]:
    """Connections at addresses that the host has no more."""
    gone = (f"/{moved.host.spare_ipv4}/", f"/{moved.host.spare_ipv6}/")
    return [f"{connection['id']} is at {connection['local_address']}, which is gone"
            for connection in moved.connections() if any(address in connection["local_address"] for address in gone)]


def name_change(lab: Lab) -> str:
    """A peer that is known by its name only moves, and the name server tells of it."""
    home, away = lab.node(), lab.node()
    names = NameServer(lab.network.add(), ttl=1)
    names.set("away.test", [away.host.ipv4, away.host.ipv6])
    home.configuration["network"] = {"dns_servers": [names.address]}
    home.configuration["peers"] = {"static": [away.entry([f"/dns/away.test/udp/{PORT}/quic-v1"])]}
    nodes = [home, away]
    try:
        lab.start(nodes)
        # A member of its, but not one that it dials.
        status, words = away.call("PUT", f"/v1/peers/{home.peer_id}", {"name": home.name})
        if status != 201:
            raise AssertionError(f"PUT answers {status}: {words}")
        lab.agree(nodes, seconds=10)
        away.host.move()
        names.set("away.test", [away.host.ipv4, away.host.ipv6])
        lab.progress("the name has changed")
        asked = names.asked

        def there() -> list[str]:
            found = [connection["remote_address"] for connection in home.connections()]
            return [f"{each} is the old address" for each in found
                    if f"/{away.host.ipv4}/" not in each and f"/{away.host.ipv6}/" not in each]

        bound = DETECTION_SECONDS + 2 * BACKOFF_MAX + SLACK_SECONDS
        took = lab.none_left(lambda: there() + disagreements(nodes, all_pairs(nodes)), bound)
        home.ping(away)
        return f"at the new address after {took:.1f} s, {names.asked - asked} questions to the name server"
    finally:
        names.close()


def restart_same_key(lab: Lab) -> str:
    """A peer is killed and comes back at once."""
    nodes = lab.mesh(4)
    peer = nodes[-1]
    took = []
    for _ in range(3):
        peer.kill()
        peer.start()
        begin = time.monotonic()
        peer.wait_ready()
        lab.agree(nodes, seconds=RESTART_SECONDS)
        took.append(time.monotonic() - begin)
    return f"3 times; all agree after {', '.join(f'{each:.1f}' for each in took)} s"


def restart_other_key(lab: Lab) -> str:
    """At a peer's address another one answers; then the right one is back."""
    nodes = lab.mesh(3)
    peer, others = nodes[-1], nodes[:-1]
    old = peer.peer_id
    peer.kill()
    peer.new_key("other.key")
    peer.start()
    peer.wait_ready()
    lab.progress("another key answers")

    def told() -> bool:
        views = [node.get(f"/v1/peers/{old}") for node in others]
        classes = [{address["last_error"]["class"] for address in view["addresses"] if address["last_error"]}
                   for view in views]
        return (all(view["state"] != "connected" and not view["connections"] for view in views)
                and all("peer_id_mismatch" in each for each in classes))

    begin = time.monotonic()
    wait_until("peer_id_mismatch", told, DETECTION_SECONDS + 2 * BACKOFF_MAX)
    mismatch = time.monotonic() - begin
    # The stranger pins the others, who do not know it.
    wait_until("the stranger to be refused", lambda: all(members.refusal(peer, node) == "not_a_member" for node in others),
               DETECTION_SECONDS)
    lab.agree(others, seconds=5)
    lab.check_stories()
    if peer.stop() != 0:
        raise AssertionError(f"the stranger ended with {peer.child.returncode}")
    peer.use_key("identity.key", old)
    peer.start()
    begin = time.monotonic()
    peer.wait_ready()
    lab.agree(nodes, seconds=RESTART_SECONDS)
    return f"peer_id_mismatch told after {mismatch:.1f} s; with its own key back in {time.monotonic() - begin:.1f} s"


def stopped(lab: Lab) -> str:
    """A process that hangs: SIGSTOP, and SIGCONT after everybody has given it up."""
    nodes = lab.mesh(4)
    sleeper, others = nodes[-1], nodes[:-1]
    begin = time.monotonic()
    sleeper.signal(signal.SIGSTOP)
    lab.progress("a process hangs")
    told = hold(lab, others, all_pairs(others), begin, DETECTION_SECONDS + 3)
    return f"{told}, " + lab.heal(nodes, all_pairs(nodes), lambda: sleeper.signal(signal.SIGCONT), asked=others)


def third_dies(count: int) -> Callable[[Lab], str]:
    """A full mesh loses a third of its members at once, and gets them back."""

    def run(lab: Lab) -> str:
        begin = time.monotonic()
        nodes = lab.mesh(count)
        made = time.monotonic() - begin
        dead, alive = nodes[: count // 3], nodes[count // 3:]
        for node in dead:
            node.kill()
        lab.progress(f"{len(dead)} are dead")
        noticed = lab.agree(alive, all_pairs(alive), DETECTION_SECONDS + SLACK_SECONDS)
        time.sleep(3)
        lab.progress(f"{len(dead)} come back")
        begin = time.monotonic()
        lab.start(dead)
        lab.agree(nodes, seconds=2 * BACKOFF_MAX + RESTART_SECONDS)
        back = time.monotonic() - begin
        return (f"{count} nodes, {len(all_pairs(nodes))} connections in {made:.1f} s; {len(dead)} killed, noticed "
                f"after {noticed:.1f} s; all back {back:.1f} s after their start")

    return run


def table(quick: bool) -> dict[str, Callable[[Lab], str]]:
    scenarios = {
        "partition-10s": partition(10),
        "partition-60s": partition(60),
        "one-way-loss": one_way_loss,
        "address-change": address_change([]),
        "interface-change": address_change(["eth0"]),
        "name-change": name_change,
        "restart-same-key": restart_same_key,
        "restart-other-key": restart_other_key,
        "stopped": stopped,
        "mtu-1280": links.small_mtu,
        "loss-5-percent": links.loss,
        "rate-limit": links.slow_link,
        "simultaneous": crowd.simultaneous(30 if quick else 200),
        "mesh": third_dies(8 if quick else 16),
        # Beside others the machine is slower.
        "cold-start": members.cold_start(12, START_SECONDS if quick else members.COLD_START_SECONDS),
        "wrong-network": members.wrong_network,
    }
    if quick:
        del scenarios["partition-60s"]
    return scenarios
