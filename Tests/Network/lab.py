"""What one scenario works with: a network of its own, the nodes on it, and the checks that end every scenario."""

import contextlib
import json
import pathlib
import time
from collections.abc import Callable

from events import wait_until
from net import Network
from node import DETECTION_SECONDS, Node
from registry import Pairs, all_pairs, backoff_in_force, disagreements, missing

# Polling and two busy cores: what a bound is allowed on top of what the node is.
SLACK_SECONDS = 1.5
# From the start of a process to its full mesh.
START_SECONDS = 20


class Lab:
    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, progress: Callable[[str], None]):
        self.binary, self.folder, self.progress = binary, folder, progress
        self.nodes: list[Node] = []
        self.network = Network()

    def node(self) -> Node:
        """A node on a host of its own, not started."""
        node = Node(self.network.add(), self.binary, self.folder, f"n{len(self.nodes) + 1}")
        self.nodes.append(node)
        return node

    @staticmethod
    def pin(nodes: list[Node], federation: int = 64):
        for node in nodes:
            node.configuration["peers"] = {"static": [other.entry() for other in nodes if other is not node]}
            node.configuration["federation"] = {"size": federation}

    @staticmethod
    def start(nodes: list[Node]):
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_ready()

    def mesh(self, count: int, network: dict | None = None) -> list[Node]:
        """Nodes that all pin each other, running and connected; `network` goes into their configurations."""
        nodes = [self.node() for _ in range(count)]
        for node in nodes:
            node.configuration["network"] = network or {}
        self.pin(nodes)
        self.progress(f"starting {count} nodes")
        self.start(nodes)
        self.agree(nodes, seconds=START_SECONDS)
        return nodes

    # MARK: Waiting

    def agree(self, nodes: list[Node], pairs: Pairs | None = None, seconds: float = DETECTION_SECONDS) -> float:
        """Waits until all nodes agree that these pairs (all of them) are connected and no other; how long it took."""
        return self.none_left(lambda: disagreements(nodes, all_pairs(nodes) if pairs is None else pairs), seconds)

    def reconnect(self, nodes: list[Node], pairs: Pairs, seconds: float) -> float:
        """Waits until each of the pairs has a connection that both ends know; how long it took."""
        return self.none_left(lambda: missing(nodes, pairs), seconds)

    def heal(self, nodes: list[Node], pairs: Pairs, mend: Callable[[], object], asked: list[Node] | None = None) -> str:
        """Mends what keeps them apart: all reconnect within twice the backoff in force then, and soon nothing is left
        of the old connections. `asked`: those that can be asked now; all of them."""
        bound = 2 * backoff_in_force(asked or nodes)
        self.progress(f"healed; reconnect within {bound:g} s")
        mend()
        took = self.reconnect(nodes, pairs, bound + SLACK_SECONDS)
        settled = took + self.agree(nodes, pairs)
        return f"reconnected {took:.1f} s after the heal (bound {bound:g} s), settled {settled:.1f} s"

    @staticmethod
    def none_left(problems: Callable[[], list[str]], seconds: float) -> float:
        begin = time.monotonic()
        left: list[str] = []

        def none() -> bool:
            left[:] = problems()
            return not left

        try:
            wait_until("agreement", none, seconds)
        except AssertionError as error:
            more = f"\n… and {len(left) - 8} more" if len(left) > 8 else ""
            raise AssertionError(f"{error}:\n" + "\n".join(left[:8]) + more) from None
        return time.monotonic() - begin

    # MARK: The end

    def check_stories(self):
        """The event streams tell everything in order, and end in what the API says."""
        problems = []
        for node in self.nodes:
            problems += [f"{node.name}: {problem}" for story in node.stories for problem in story.problems()]
        running = [node for node in self.nodes if node.running()]
        try:
            self.none_left(lambda: [problem for node in running for problem in self._untrue(node)], seconds=5)
        except AssertionError as error:
            problems.append(str(error))
        if problems:
            raise AssertionError("events: " + "\n".join(problems[:8]))

    @staticmethod
    def _untrue(node: Node) -> list[str]:
        # In this order: what happens in between makes a difference that is gone the next time.
        told = node.peers(), node.connections(), node.items("/v1/connections?state=closed")
        node.story.problems()
        return [f"{node.name}: {problem}" for problem in node.story.disagreements(*told)]

    def stop(self):
        """All nodes end by SIGTERM with status 0, and none has crashed."""
        problems = []
        running = [node for node in self.nodes if node.running()]
        for node in self.nodes:
            if node.child and node not in running and node.child.returncode != -9:
                problems.append(f"{node.name} had ended with {node.child.returncode}: {node.last_words(5)}")
        for node in running:
            status = node.stop()
            if status != 0:
                problems.append(f"{node.name} ended with {status}: {node.last_words(5)}")
        for node in self.nodes:
            problems += [f"{node.name}: {line}" for line in node.crashes()]
        if problems:
            raise AssertionError("\n".join(problems))

    def last_words(self) -> str:
        return "\n".join(f"--- {node.name}\n{node.last_words()}" for node in self.nodes if node.log.exists())

    def keep(self):
        """What the nodes told, beside their logs."""
        for node in self.nodes:
            for number, story in enumerate(node.stories, 1):
                lines = "".join(json.dumps(event) + "\n" for event in story.events())
                (node.log.parent / f"events-{number}.jsonl").write_text(lines)

    def close(self):
        self._kill()
        self.network.close()
        # One that was being started meanwhile; without its namespace none can start any more.
        self._kill()

    def _kill(self):
        for node in self.nodes:
            for process in [node.child, *node.tools]:
                if process and process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    process.wait()
