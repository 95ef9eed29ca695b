"""What is tried against real peers."""

import functools
import hashlib
import os
import threading
import time

import federation_cases
from lab import Lab
from p2pd import read_exactly
from process import free_port, wait_until
from scenario import Scenario, contains, equal
from wire import decode_identify, quic_address

PING = "/ipfs/ping/1.0.0"
TRANSFER_BYTES = 10_000_000
SHUTDOWN_SECONDS = 10
SIMULTANEOUS_ROUNDS = 5
# For a connection that one side does not want: it is closed at once or not at all.
SETTLED_SECONDS = 1


class Link:
    """The steps of one fednode and one peer: who dials, by which version of IP."""

    def __init__(self, kind: str, family: int, fednode_dials: bool):
        self.kind, self.family, self.fednode_dials = kind, family, fednode_dials

    def scenario(self) -> Scenario:
        who = f"fednode dials {self.kind}" if self.fednode_dials else f"{self.kind} dials fednode"
        steps = [("connected on both ends", self.connects), ("identify on both ends", self.identifies)]
        steps += [("ping both ways", self.pings)]
        if self.kind == "p2pd":
            steps += [("10 MB there and back, hashes equal", self.transfers)]
        steps += [("the peer closes, fednode tells", self.peer_closes)]
        steps += [("fednode closes, the peer sees it", self.fednode_closes)]
        return Scenario(f"{who}, IPv{self.family}", steps)

    def connects(self, lab: Lab):
        fednode, peer = lab.fednode, lab.peer(self.kind)
        since = fednode.events.mark()
        self._dial(lab)
        fednode.events.expect(
            f"{self.kind} is connected",
            lambda event: event["type"] == "connection.state_changed"
            and event["peer_id"] == peer.peer_id
            and event["to"] == "connected",
            since,
        )
        known = wait_until("fednode to count the peer as connected", lambda: fednode.connected(peer.peer_id))
        equal("the peer's direction", known["direction"], "outbound" if self.fednode_dials else "inbound")
        wait_until("the peer to list fednode", lambda: fednode.peer_id in peer.peers())
        connection = fednode.get(f"/v1/connections/{known['connections'][0]}")
        contains("the remote address", connection["remote_address"], f"/ip{self.family}/")
        equal("the TLS version", connection["security"]["tls_version"], "1.3")

    def _dial(self, lab: Lab):
        fednode, peer = lab.fednode, lab.peer(self.kind)
        if self.fednode_dials:
            connection = fednode.dial(peer.addresses[self.family], peer.peer_id)["connection"]
            equal("the dialled connection's peer", connection["peer_id"], peer.peer_id)
        else:
            peer.dial(fednode.addresses[self.family], fednode.peer_id)

    def identifies(self, lab: Lab):
        fednode, peer = lab.fednode, lab.peer(self.kind)
        told = decode_identify(peer.read_identify(fednode.peer_id))
        equal("fednode's agent", told.agent, fednode.node["agent_version"])
        equal("fednode's protocols", set(told.protocols), set(fednode.node["protocols"]))
        for address in fednode.addresses.values():
            contains("fednode's addresses", told.addresses, address)
        known = fednode.connected(peer.peer_id)
        if not known:
            raise AssertionError("the peer is not connected any more")
        connection = fednode.get(f"/v1/connections/{known['connections'][0]}")
        equal("the observed address", told.observed.split("/p2p/")[0], connection["remote_address"])

        known = wait_until("fednode to have identified the peer", lambda: self._identified(lab))
        contains("the peer's agent", known["agent_version"], peer.agent)
        contains("the peer's protocols", known["protocols"], PING)
        seen = [entry["address"].split("/p2p/")[0] for entry in known["addresses"]]
        contains("the peer's addresses", seen, peer.addresses[self.family])

    def _identified(self, lab: Lab) -> dict | None:
        known = lab.fednode.connected(lab.peer(self.kind).peer_id)
        return known if known and known["agent_version"] else None

    def pings(self, lab: Lab):
        fednode, peer = lab.fednode, lab.peer(self.kind)
        payload = os.urandom(32)
        equal("the echo", peer.ping(fednode.peer_id, payload).hex(), payload.hex())
        answer = fednode.post(f"/v1/peers/{peer.peer_id}/ping", {"count": 3})
        equal("errors of fednode's pings", [result["error"] for result in answer["results"]], [None] * 3)
        rtt = answer["rtt_ms"]
        if not 0 < rtt["min"] <= rtt["mean"] <= rtt["max"]:
            raise AssertionError(f"round trips make no sense: {rtt}")

    def transfers(self, lab: Lab):
        """A pipelined ping stream carries the same bytes both ways."""
        fednode, peer = lab.fednode, lab.peer(self.kind)
        data = os.urandom(TRANSFER_BYTES // 32 * 32)
        with peer.open_stream(fednode.peer_id, PING) as stream:
            stream.settimeout(60)
            sender = threading.Thread(target=stream.sendall, args=(data,), daemon=True)
            sender.start()
            back = read_exactly(stream, len(data))
            sender.join()
        equal("SHA-256 of what came back", hashlib.sha256(back).hexdigest(), hashlib.sha256(data).hexdigest())
        known = fednode.connected(peer.peer_id)
        for counter in ("bytes_in", "bytes_out"):
            if known[counter] < len(data):
                raise AssertionError(f"{counter} is {known[counter]} after {len(data)} bytes each way")

    def peer_closes(self, lab: Lab):
        fednode, peer = lab.fednode, lab.peer(self.kind)
        since = fednode.events.mark()
        peer.disconnect(fednode.peer_id)
        self._disconnected(lab, since, initiator="remote")

    def fednode_closes(self, lab: Lab):
        fednode, peer = lab.fednode, lab.peer(self.kind)
        if not fednode.connected(peer.peer_id):
            # Both know more addresses of each other by now: the version of IP is open.
            self._dial(lab)
            wait_until("the peer to be connected again", lambda: fednode.connected(peer.peer_id))
            wait_until("the peer to list fednode", lambda: fednode.peer_id in peer.peers())
        since = fednode.events.mark()
        fednode.disconnect(peer.peer_id)
        self._disconnected(lab, since, initiator="local")
        wait_until("the peer to drop fednode", lambda: fednode.peer_id not in peer.peers())

    def _disconnected(self, lab: Lab, since: int, initiator: str):
        fednode, peer = lab.fednode, lab.peer(self.kind)
        event = fednode.events.expect(
            f"the connection to {self.kind} ended",
            lambda event: event["type"] == "connection.state_changed"
            and event["peer_id"] == peer.peer_id
            and event["to"] in ("idle", "failed"),
            since,
        )
        known = fednode.peer(peer.peer_id)
        contains("states after it", ("idle", "failed"), known["state"])
        last = known["last_disconnect"]
        equal("who ended it", last["initiator"], initiator)
        if not last["reason"]:
            raise AssertionError(f"no reason: {last}")
        equal("the event's reason", event["reason"], last["reason"])


def wrong_peer_id(lab: Lab):
    # The identity of the node itself would be a self-dial; another daemon's is a true one, at the wrong address.
    here, other = lab.peer("p2pd"), lab.peer("p2pd", "p2pd-other")
    address = f"{here.addresses[4]}/p2p/{other.peer_id}"
    failed_dial(lab, address, {502}, {"peer_id_mismatch"})


def unreachable_port(lab: Lab):
    peer = lab.peer("p2pd")
    for host in ("127.0.0.1", "::1"):
        failed_dial(lab, f"{quic_address(host, free_port())}/p2p/{peer.peer_id}", {502, 504}, {"refused", "timeout"})


def failed_dial(lab: Lab, address: str, statuses: set[int], classes: set[str]):
    status, answer = lab.fednode.call("POST", "/v1/dial", {"address": address, "timeout_ms": 5000})
    contains("statuses", statuses, status)
    seen = [attempt["error"]["class"] for attempt in answer["attempts"]]
    if not seen or not set(seen) <= classes:
        raise AssertionError(f"classes of the attempts are {seen}, not {classes}: {answer}")


def refused_addresses(lab: Lab):
    peer_id = lab.peer("p2pd").peer_id
    for address, code in [
        (f"/ip4/127.0.0.1/tcp/4001/p2p/{peer_id}", "unsupported_transport"),
        ("/ip4/127.0.0.1/udp/70000/quic-v1", "invalid_multiaddr"),
        ("no address", "invalid_multiaddr"),
    ]:
        answer = lab.fednode.post("/v1/dial", {"address": address}, expect=400)
        equal(f"the code for {address}", answer["code"], code)


def self_dial(lab: Lab):
    fednode = lab.fednode
    answer = fednode.post("/v1/dial", {"address": f"{fednode.addresses[4]}/p2p/{fednode.peer_id}"}, expect=409)
    equal("the code", answer["code"], "self_dial")


def dial_each_other(lab: Lab, kind: str):
    """Both dial at the same instant, several times; such peers keep both connections, and nothing may flap."""
    fednode, peer = lab.fednode, lab.peer(kind)
    for attempt in range(SIMULTANEOUS_ROUNDS):
        since = fednode.events.mark()
        both = threading.Barrier(2)
        failures: list[str] = []

        def dial(_both=both, _failures=failures):
            _both.wait()
            try:
                peer.dial(fednode.addresses[4], fednode.peer_id)
            except Exception as error:  # told below, by the thread that the test runs on
                _failures.append(str(error))

        thread = threading.Thread(target=dial)
        thread.start()
        both.wait()
        fednode.dial(peer.addresses[4], peer.peer_id)
        thread.join()
        equal("what the peer's dial failed with", failures, [])
        wait_until("fednode to be connected", lambda: fednode.connected(peer.peer_id))
        wait_until("the peer to list fednode", lambda: fednode.peer_id in peer.peers())
        time.sleep(SETTLED_SECONDS)
        known = fednode.connected(peer.peer_id)
        if not known or fednode.peer_id not in peer.peers():
            raise AssertionError(f"round {attempt}: they are not connected any more: {fednode.peer(peer.peer_id)}")
        equal("the flaps", known["flap_count"], 0)
        fednode.post(f"/v1/peers/{peer.peer_id}/ping", {"count": 1})
        fednode.disconnect(peer.peer_id)
        for _ in known["connections"]:
            fednode.events.expect(
                "the connection ended",
                lambda event: event["type"] == "connection.state_changed" and event["to"] == "idle", since)
        wait_until("fednode to drop the peer", lambda: fednode.peer(peer.peer_id)["state"] == "idle")
        wait_until("the peer to drop fednode", lambda: fednode.peer_id not in peer.peers())


def ends_on_sigterm(lab: Lab):
    fednode, peers = lab.fednode, [lab.peer("p2pd"), lab.peer("py-libp2p")]
    for peer in peers:
        peer.dial(fednode.addresses[4], fednode.peer_id)
        wait_until(f"{peer.name} to be connected", lambda peer=peer: fednode.connected(peer.peer_id))
    equal("the exit status", fednode.stop(SHUTDOWN_SECONDS), 0)
    for peer in peers:
        # Well before any idle timeout: they were told.
        wait_until(f"{peer.name} to drop fednode", lambda peer=peer: fednode.peer_id not in peer.peers(), seconds=5)
    wait_until("the event stream to end", lambda: fednode.events.ended)


def scenarios() -> list[Scenario]:
    links = [
        Link(kind, family, fednode_dials).scenario()
        for kind in ("p2pd", "py-libp2p")
        for fednode_dials in (False, True)
        for family in (4, 6)
    ]
    dials = [
        ("another peer answers: peer_id_mismatch", wrong_peer_id),
        ("nobody listens: refused or timeout", unreachable_port),
        ("addresses that cannot be dialled: 400", refused_addresses),
        ("its own address: 409", self_dial),
    ]
    return links + [
        Scenario("failed dials", dials),
        *(
            Scenario(f"{kind}, both dial at once", [("stay connected", functools.partial(dial_each_other, kind=kind))])
            for kind in ("p2pd", "py-libp2p")
        ),
        *federation_cases.scenarios(),
        Scenario("shutdown", [("SIGTERM: peers are told, exit 0", ends_on_sigterm)]),
    ]
