"""Clients that misbehave, by mistake or by intent: each has the right status or a closed connection, the node goes on
serving others, gives back what it took, and its peers notice nothing."""

import json
import threading
import time

from malformed import MALFORMED
from nodes import Lab, Node
from process import wait_until
from raw import Raw, request

NAME = "hostile"
# `receiveTimeout` of Sources/MicroHTTP/HTTPServerConfiguration.swift, and what a loaded machine may add.
RECEIVE_SECONDS, PATIENCE_SECONDS = 5, 4
# `connectionsPerAddressMax` and `connectionsMax`.
PER_ADDRESS_MAX, CONNECTIONS_MAX = 1536, 2048
FLOOD = 10_000
# With a short page of libmicrohttpd's own, as the specification says.
LIBRARY_STATUSES = (400, 413, 431, 500, 505)
GET = request("GET /livez HTTP/1.1")
DIAL = "POST /v1/dial HTTP/1.1"


def serves(node: Node, source: str = "127.0.0.1", seconds: float = 2):
    """Somebody who behaves is answered meanwhile."""
    with Raw(node.api, source, seconds) as client:
        client.send(GET)
        answer = client.answer()
    if answer is None or answer.status != 200:
        raise AssertionError(f"{node.name} does not serve others: {answer}")


def expect(what: str, answer, *statuses: int):
    status = answer.status if answer else None
    if status not in statuses:
        raise AssertionError(f"{what} is answered with {answer}, not with {' or '.join(map(str, statuses))}")


def malformed(lab: Lab):
    """Every request of malformed.py has one of its statuses, or where it may a closed connection. After what cannot be
    framed nothing else is read from the connection."""
    faults = []
    for case in MALFORMED:
        try:
            answers_to(lab.node, *case)
        except (AssertionError, TimeoutError) as error:
            faults.append(f"{case[0]}: {error}")
    serves(lab.node)
    if faults:
        raise AssertionError("\n".join(["", *faults]))


def answers_to(node: Node, name: str, data: bytes, statuses: tuple, is_end: bool | None):
    with Raw(node.api, seconds=RECEIVE_SECONDS + PATIENCE_SECONDS) as client:
        # Whatever is smuggled would be answered, too.
        client.send(data + GET)
        answer = client.answer()
        if answer is None:
            if None not in statuses:
                raise AssertionError("the connection is closed")
            return
        expect(name, answer, *filter(None, statuses))
        if answer.headers.get("content-type") == "application/problem+json":
            problem = json.loads(answer.body)
            if problem["status"] != answer.status or problem["request_id"] != answer.headers["x-request-id"]:
                raise AssertionError(f"the problem document does not fit its answer: {problem}")
        elif answer.status >= 400 and answer.status not in LIBRARY_STATUSES:
            raise AssertionError(f"no problem document: {answer}")
        if is_end is None:
            expect("what follows", client.answer(), 200, None)
        elif is_end:
            # libmicrohttpd before 0.9.77 sends the head of such a page twice.
            rest = client.rest()
            if b"HTTP/1.1 200" in answer.body + rest:
                raise AssertionError(f"something is read behind {answer.status}: {rest[:200]!r}")
        else:
            expect("what follows", client.answer(), 200)


def pipelined(lab: Lab):
    """Ten in one segment are answered in their order, one that is wrong among them."""
    paths = [
        "/livez",
        "/v1/node",
        "/nowhere",
        "/v1/peers",
        "/readyz",
        "/metrics",
        "/v1/peers?x=1",
        "/livez",
        "/v1/dials",
    ]
    data = b"".join(request(f"GET {path} HTTP/1.1", f"X-Request-Id: n{index}") for index, path in enumerate(paths))
    with Raw(lab.node.api) as client:
        client.send(data + request(DIAL, "X-Request-Id: n9", body=b"{}"))
        seen = [client.answer() for _ in range(10)]
    statuses = [answer.status for answer in seen]
    if statuses != [200, 200, 404, 200, 200, 200, 400, 200, 200, 400]:
        raise AssertionError(f"the statuses are {statuses}")
    order = [answer.headers["x-request-id"] for answer in seen]
    if order != [f"n{index}" for index in range(10)]:
        raise AssertionError(f"the order is {order}")


def slow(lab: Lab):
    """Byte by byte, headers or a body, or nothing at all: 408 when 5 seconds are over, however busy it looks. Hundreds of
    them do not keep others waiting."""
    body = request(DIAL, "Content-Type: application/json", "Content-Length: 60000")
    beginnings = {"headers": b"GET /livez HTTP/1.1\r\nX-Slow: ", "a body": body + b'{"a":"', "nothing": b""}
    crowd = [(what, Raw(lab.node.api)) for what in beginnings for _ in range(100)]
    begun = time.monotonic()
    for what, client in crowd:
        client.send(beginnings[what])
    while time.monotonic() - begun < RECEIVE_SECONDS - 1:
        for what, client in crowd:
            if what != "nothing" and not client.send(b"a"):
                raise AssertionError(f"{what} byte by byte: cut off before its time")
        serves(lab.node)
        time.sleep(0.2)
    for what, client in crowd:
        answer = client.answer()
        expect(f"{what} that does not come", answer, 408)
        if client.rest():
            raise AssertionError(f"something follows the 408 for {what}")
        client.close()
    took = time.monotonic() - begun
    if not RECEIVE_SECONDS - 0.1 <= took <= RECEIVE_SECONDS + PATIENCE_SECONDS:
        raise AssertionError(f"the last was answered after {took:.1f} s, not after {RECEIVE_SECONDS} s")


def cut_off(lab: Lab):
    """Who goes in the middle of the headers or of a body, or resets, leaves nothing behind."""
    before = lab.node.descriptors()
    whole = request(DIAL, body=json.dumps({"address": "/ip4/127.0.0.1/udp/9/quic-v1"}).encode())
    for end in range(0, len(whole), 3):
        with Raw(lab.node.api) as client:
            client.send(whole[:end])
    for end in (10, len(whole) - 5):
        with Raw(lab.node.api) as client:
            client.send(whole[:end])
            client.end()
            answer = client.answer()
            if answer is not None:
                expect("half a request with nothing to come", answer, 408)
    wait_until("the descriptors to be given back", lambda: lab.node.descriptors() <= before + 2, RECEIVE_SECONDS + 5)
    serves(lab.node)


def continued(lab: Lab):
    """`Expect: 100-continue` has its 100 and then its answer; what is too large has its refusal at once."""
    body = b'{"level":"info"}'
    head = request("PUT /v1/log-level HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}")
    with Raw(lab.node.api) as client:
        client.send(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
        expect("Expect: 100-continue", client.answer(), 100)
        client.send(body)
        expect("the body after it", client.answer(), 200)
    for length in (65_537, 10_000_000, 1 << 62):
        with Raw(lab.node.api) as client:
            client.send(request(DIAL, f"Content-Length: {length}", "Expect: 100-continue"))
            expect(f"Expect: 100-continue with {length} bytes", client.answer(), 413)
            if client.rest():
                raise AssertionError("something follows the 413")


def chunked(lab: Lab):
    """A chunked body is read, at most 64 KiB of it; one without end is cut off soon."""
    head = request("PUT /v1/log-level HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked")
    with Raw(lab.node.api) as client:
        client.send(head + b'8\r\n{"level"\r\n')
        client.send(b'0008\r\n:"info"}\r\n0\r\nX-Trailer: 1\r\n\r\n')
        expect("a chunked body", client.answer(), 200)
        client.send(GET)
        expect("what follows it", client.answer(), 200)
    with Raw(lab.node.api) as client:
        client.send(head)
        sent = 0
        while sent < 64 << 20 and client.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n"):
            sent += 0x4000
        if sent >= 32 << 20:
            raise AssertionError(f"{sent} bytes of a body without end were taken")
        answer = client.answer()
        if answer is not None:
            expect("a body without end", answer, 413)
    with Raw(lab.node.api) as client:
        # One byte a chunk: the framing is most of it.
        client.send(head + b"1\r\n \r\n" * 70_000 + b"0\r\n\r\n")
        answer = client.answer()
        expect("70,000 chunks of one byte", answer, 413)
    serves(lab.node)


def crowd_of_one(lab: Lab):
    """10,000 connections of one address: it may hold 1,536, the others are closed at once. Other clients are served
    throughout, memory stays bounded, and all is given back."""
    node = lab.node
    serves(node, "127.0.0.2")
    descriptors, memory = node.descriptors(), node.figure("VmRSS")
    clients = []
    for index in range(FLOOD):
        clients.append(Raw(node.api, "127.0.0.1"))
        clients[-1].send(b"GET /livez HTTP/1.1\r\n")
        if index % 500 == 0:
            serves(node, "127.0.0.2")
    held = node.descriptors() - descriptors
    grown = node.figure("VmRSS") - memory
    serves(node, "127.0.0.2")
    statuses: dict[int | None, int] = {}
    for client in clients:
        answer = client.answer()
        status = answer.status if answer else None
        statuses[status] = statuses.get(status, 0) + 1
        client.close()
    if held > PER_ADDRESS_MAX + 16:
        raise AssertionError(f"{held} descriptors are held")
    if grown > 100 * 1024:
        raise AssertionError(f"{held} connections cost {grown // 1024} MiB")
    # While they come, the first are over already, and leave room for others.
    if not statuses.keys() <= {None, 408} or not PER_ADDRESS_MAX <= statuses.get(408, 0) < FLOOD:
        raise AssertionError(f"the statuses are {statuses}")
    wait_until("the descriptors to be given back", lambda: node.descriptors() <= descriptors + 2, 10)
    serves(node)


def crowd_of_many(lab: Lab):
    """More connections than there may be, of five addresses: the others wait, and are served when those that do nothing are
    closed."""
    node = lab.node
    before = node.descriptors()
    clients = [Raw(node.api, f"127.0.0.{2 + index % 5}") for index in range(CONNECTIONS_MAX + 500)]
    time.sleep(0.5)
    held = node.descriptors() - before
    if held > CONNECTIONS_MAX:
        raise AssertionError(f"{held} connections are held")
    serves(node, seconds=RECEIVE_SECONDS + PATIENCE_SECONDS)
    for client in clients:
        client.close()
    wait_until("the descriptors to be given back", lambda: node.descriptors() <= before + 2, RECEIVE_SECONDS + 10)
    serves(node)


class Watch:
    """A peer that pings the node all the time, by its own API."""

    def __init__(self, lab: Lab):
        self._lab, self._ended, self.faults, self.pings = lab, threading.Event(), [], 0
        self.peer, self._node = lab.pinned, lab.node
        self._before = self._known()
        threading.Thread(target=self._run, daemon=True).start()

    def _known(self) -> tuple:
        peer = self.peer.get(f"/v1/peers/{self._node.peer_id}")
        return peer["connections"], peer["flap_count"], peer["state_since"]

    def _run(self):
        path = f"/v1/peers/{self._node.peer_id}/ping"
        while not self._ended.wait(0.2):
            try:
                [result] = self.peer.post(path, {"count": 1, "timeout_ms": 2000})["results"]
                if result["error"]:
                    self.faults.append(result["error"])
            except (AssertionError, OSError) as error:
                self.faults.append(str(error))
            self.pings += 1

    def end(self):
        self._ended.set()
        if self.faults or self.pings < 20:
            raise AssertionError(f"of {self.pings} pings failed {len(self.faults)}: {self.faults[:3]}")
        after = self._known()
        if after != self._before or len(after[0]) != 1:
            raise AssertionError(f"the connection of a peer changed from {self._before} to {after}")


WATCHES: list[Watch] = []


def begin_watch(lab: Lab):
    WATCHES.append(Watch(lab))


def end_watch(lab: Lab):
    """Throughout all of these the peer's connection stayed, and each ping over it was answered within 2 seconds."""
    WATCHES.pop().end()


CASES = [
    ("a peer begins to ping the node", begin_watch),
    ("requests that are malformed or smuggle", malformed),
    ("ten pipelined requests", pipelined),
    ("Expect: 100-continue", continued),
    ("chunked bodies, good, endless and in crumbs", chunked),
    ("headers and bodies byte by byte, and half requests", slow),
    ("requests that are cut off", cut_off),
    (f"{FLOOD} connections of one address", crowd_of_one),
    ("more connections than there may be, of many addresses", crowd_of_many),
    ("the peer noticed nothing", end_watch),
]
