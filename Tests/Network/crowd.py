"""Many peers at one node at once, and two nodes that dial each other at one instant."""

import collections
import pathlib
import subprocess
import threading
import time
from collections.abc import Callable

from events import wait_until
from lab import Lab
from node import Node
from registry import disagreements, is_same

# libp2p's code for a connection that a limit forbids.
RESOURCE_LIMIT_EXCEEDED = "0x1001"
# For making the keys, and for a handshake of each on two cores.
LOAD_SECONDS = 120
OVER = 40


def load(count: int, bench: pathlib.Path) -> Callable[[Lab], str]:
    """Peers from one host, each with a key and a socket of its own, that are not in the node's book."""

    def run(lab: Lab) -> str:
        told = []
        limit = count // 2
        # They share a host, as members do not; the rest is derived from the size of the federation.
        shared = {"connections_per_ip": 0, "connections_per_subnet": 0}
        # Half-open handshakes have a limit of their own, which is not to be met before the one that is tried.
        one = shared | {"handshakes": 2 * count}
        crowd = lab.network.add()
        for key, limits in (
            ("", shared),
            ("limits.connections_inbound", one | {"connections_inbound": limit}),
            ("limits.connections_per_ip", one | {"connections_per_ip": limit}),
        ):
            node = lab.node()
            # Trimming is another thing.
            node.configuration["limits"] = limits | {"high_water": 0}
            node.configuration["federation"] = {"size": count}
            lab.start([node])
            lab.progress(f"{count} peers, {key or 'below the limits'}")
            begin = time.monotonic()
            answers, process = visit(node, crowd, bench, count if not key else limit + OVER)
            try:
                told.append(judge(node, key, limit, answers) + f" in {time.monotonic() - begin:.1f} s")
            finally:
                process.terminate()
                process.wait()
            wait_until("the node to notice that they are gone", lambda node=node: not node.connections(), 30)
        return "; ".join(told)

    return run


def visit(node: Node, crowd, bench: pathlib.Path, count: int) -> tuple[list[str], subprocess.Popen]:
    """What became of each peer; they stay until the process ends."""
    target = f"{node.addresses()[0]}/p2p/{node.peer_id}"
    process = subprocess.Popen(
        [*crowd.prefix(), bench, "load", "--target", target, "--n", str(count), "--seconds", str(LOAD_SECONDS)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)
    node.tools.append(process)
    watchdog = threading.Timer(LOAD_SECONDS, process.kill)
    watchdog.start()
    answers = []
    for line in process.stdout:
        if line.startswith("done"):
            break
        answers.append(line.strip())
    watchdog.cancel()
    if len(answers) != count:
        process.kill()
        process.wait()
        raise AssertionError(f"{len(answers)} of {count} peers told what became of them within {LOAD_SECONDS} s")
    return answers, process


def judge(node: Node, key: str, limit: int, answers: list[str]) -> str:
    kinds = collections.Counter(answer.split()[0] for answer in answers)
    served = kinds["served"]
    others = [answer for answer in answers if not answer.startswith("served")]
    if not key and others:
        raise AssertionError(f"{dict(kinds)} below the limits, for example: {others[0]}")
    if key:
        if served != limit:
            raise AssertionError(f"{dict(kinds)} with {key}: {limit}, for example: {others[:1]}")
        # In the dial's own error where the refusal came before the dial was over.
        untold = [each for each in others if RESOURCE_LIMIT_EXCEEDED not in each or key not in each]
        if untold:
            raise AssertionError(f"{len(untold)} were not told {key} with {RESOURCE_LIMIT_EXCEEDED}: {untold[0]}")
    listed = [connection for connection in node.connections() if connection["state"] == "connected"]
    identified = sum(bool(peer["agent_version"]) and peer["state"] == "connected" for peer in node.peers())
    if len(listed) != served or identified != served:
        raise AssertionError(f"{served} were served, {len(listed)} are listed, {identified} identified")
    return f"{served} served" + (f", {len(others)} told {key}" if key else "")


def simultaneous(rounds: int) -> Callable[[Lab], str]:
    def run(lab: Lab) -> str:
        nodes = [lab.node(), lab.node()]
        lab.start(nodes)
        crossed, longest = 0, 0.0
        for number in range(1, rounds + 1):
            lab.progress(f"{number} of {rounds}")
            try:
                both, seconds = meet(lab, nodes)
            except AssertionError as error:
                raise AssertionError(f"round {number}: {error}") from None
            crossed += both
            longest = max(longest, seconds)
        if rounds >= 20 and crossed == 0:
            raise AssertionError("the dials never crossed: nothing was tried")
        return f"{rounds} rounds, in {crossed} both dials connected; one connection stayed, within {longest:.1f} s"

    return run


def meet(lab: Lab, nodes: list[Node]) -> tuple[bool, float]:
    """One round: whether both dials led to a connection, and how long until one was left."""
    marks = [node.story.mark() for node in nodes]
    barrier = threading.Barrier(2)
    failed: list[str] = []

    def dial(node: Node, other: Node):
        barrier.wait()
        try:
            node.post("/v1/dial", {"peer_id": other.peer_id, "addresses": other.addresses()}, (200,))
            # On whatever connection is there now, also one that is about to be given up.
            node.ping(other, count=3)
        except AssertionError as error:
            failed.append(str(error))

    threads = [threading.Thread(target=dial, args=pair) for pair in (nodes, nodes[::-1])]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise AssertionError(failed[0])
    lab.agree(nodes, seconds=10)
    seconds = time.monotonic() - begin
    one, other = (node.connections()[0] for node in nodes)
    if not is_same(one, other):
        raise AssertionError(f"the connections differ: {one} {other}")
    directions = {event["direction"] for node, mark in zip(nodes, marks)
                  for event in node.story.since(mark, "connection.state_changed")
                  if event["to"] == "connected" and node is nodes[0]}
    nodes[0].post(f"/v1/peers/{nodes[1].peer_id}/disconnect")
    wait_until("both to be apart", lambda: not disagreements(nodes, set()), 10, pause=0.01)
    return len(directions) == 2, seconds
