"""vtcp/btc-foundation between fednode and federation.py, which speaks over go-libp2p's and py-libp2p's streams."""

import functools
import time

import federation
import federation_vectors
from federation import Frames, Offer, Side, encode, framed
from lab import Lab
from process import wait_until
from scenario import Scenario, contains, equal

# fednode speaks the protocol: the live cases run.
LIVE = True
NETWORK = "regtest"
SETTINGS = {"federation.network": NETWORK}
KINDS = ("p2pd", "py-libp2p")
ANSWER_SECONDS = 5
# A hello is late after 5 s; then the reject comes.
LATE_SECONDS = 9
AHEAD = ["1.3.0", "1.2.0", "1.1.0", "1.0.0"]


def pump(side: Side, stream, done, seconds: float = ANSWER_SECONDS, out: bytes = b""):
    """Sends `out`, then runs a side until `done`, a rejection, or the end of the stream."""
    deadline = time.monotonic() + seconds
    while True:
        if out:
            stream.send(out)
        if side.rejection or done(side):
            return
        data = stream.receive(deadline - time.monotonic())
        if data is None:
            raise AssertionError(f"nothing came within {seconds:g} s")
        if not data:
            return
        out = side.feed(data)


def reject_word(stream, seconds: float = ANSWER_SECONDS) -> tuple[str, str]:
    """Code and reason of the first Reject that comes, and then the end."""
    frames, found, deadline = Frames(federation.FRAME_LIMIT_MAX), None, time.monotonic() + seconds
    while (data := stream.receive(deadline - time.monotonic())) is not None and data:
        frames.feed(data)
        while (frame := frames.next()) is not None:
            match federation.decode(frame):
                case ("reject", message):
                    found = found or message
    if data is None:
        raise AssertionError(f"the stream did not end within {seconds:g} s; reject seen: {found}")
    if found is None:
        raise AssertionError("the stream ended without a reject")
    return federation.CODES.get(found["code"], str(found["code"])), found["reason"]


# Between the two libraries, federation.py on both ends.


def each_other(lab: Lab, here: str, there: str):
    initiator, responder = lab.peer(here), lab.peer(there)
    responder.serve(Offer(versions=AHEAD).ids)
    initiator.dial(responder.addresses[4], responder.peer_id)
    for versions, wanted in [(["1.0.0"], "1.0.0"), (["2.0.0", "1.2.0", "1.0.0"], "1.2.0")]:
        ours, theirs = Offer(versions=versions, capabilities=["a", "b"]), Offer(versions=AHEAD, capabilities=["b"])
        out = initiator.open(responder.peer_id, ours.ids)
        side = Side(ours, out.protocol, initiator=True)
        out.send(side.start())
        arrived = responder.accept(ANSWER_SECONDS)
        equal("who opened the stream", arrived.peer_id, initiator.peer_id)
        other = Side(theirs, arrived.protocol, initiator=False)
        pump(other, arrived, lambda side: side.agreement)
        pump(side, out, lambda side: side.agreement)
        for agreement in (side.agreement, other.agreement):
            equal("version and capabilities", (agreement["version"], agreement["capabilities"]), (wanted, ["b"]))
        out.send(side.keep_alive())
        pump(other, arrived, lambda side: side.answered)
        pump(side, out, lambda side: side.replies)
        out.finish()
        pump(other, arrived, lambda side: False)
        arrived.finish()
        out.close()
    out = initiator.open(responder.peer_id, Offer().ids)
    out.send(framed(hello(network="signet")))
    arrived = responder.accept(ANSWER_SECONDS)
    other = Side(Offer(network=NETWORK), arrived.protocol, initiator=False)
    pump(other, arrived, lambda side: False)
    # p2pd answers the end of the socket with STOP_SENDING and sometimes a reset, which overtakes what was sent.
    name, message = federation.decode(next_frame(out, Frames(4096)))
    equal("the answer", (name, message["code"]), ("reject", federation.NUMBERS["network_mismatch"]))
    arrived.finish()
    out.close()
    try:
        stream = initiator.open(responder.peer_id, Offer(versions=["3.0.0"]).ids)
        stream.send(b"\0")
        equal("what came on a stream without a protocol", stream.receive(ANSWER_SECONDS), b"")
    except Exception as error:
        contains("the refusal", str(error).lower(), "protocol")
    initiator.disconnect(responder.peer_id)
    wait_until("the responder to drop the initiator", lambda: initiator.peer_id not in responder.peers())


# fednode and one of them.


class Link:
    def __init__(self, kind: str):
        self.kind = kind

    def scenarios(self) -> list[Scenario]:
        agreed = [
            ("agreed, the peer opens", self.peer_opens),
            ("agreed at 1.0, the peer speaks 1.3 as well", self.peer_is_ahead),
            ("agreed, fednode opens", self.fednode_opens),
            ("fednode refuses an accept that lies", self.accept_lies),
            ("fednode is rejected", self.fednode_is_rejected),
        ]
        refused = [
            (word if label is None else f"{word}: {label}", functools.partial(self.refused, word, make, member))
            for word, label, make, member in [
                ("network_mismatch", None, lambda side: framed(hello(network="signet")), True),
                ("not_a_member", None, lambda side: framed(hello()), False),
                ("hello_too_large", "5 KiB", lambda side: framed(hello() + federation.field(99, bytes(5120))), True),
                ("hello_too_large", "an endless length", lambda side: b"\xff" * 64, True),
                ("malformed", "no frame", lambda side: framed(b"\xff"), True),
                ("early_bytes", None, lambda side: framed(hello()) + side.keep_alive(), True),
                ("offer_mismatch", "downgrade", lambda side: framed(hello(versions=["1.1.0"])), True),
            ]
        ]
        refused += [
            ("hello_timeout", self.late_hello), ("second_hello", self.second_hello),
            ("no version in common: na", self.no_common_version),
        ]
        return [
            Scenario(f"federation over {self.kind}", agreed, SETTINGS),
            Scenario(f"federation refused, {self.kind}", refused, SETTINGS),
        ]

    def _fresh(self, lab: Lab):
        """Neither a member nor connected."""
        fednode, peer = lab.fednode, lab.peer(self.kind)
        fednode.forget(peer.peer_id)
        if fednode.connected(peer.peer_id):
            fednode.disconnect(peer.peer_id)
            wait_until("the peer to be gone", lambda: not fednode.connected(peer.peer_id))
        wait_until("the peer to drop fednode", lambda: fednode.peer_id not in peer.peers())

    def _dialled(self, lab: Lab, member: bool = True):
        """The peer has dialled: it is the one that opens streams."""
        fednode, peer = lab.fednode, lab.peer(self.kind)
        self._fresh(lab)
        peer.dial(fednode.addresses[4], fednode.peer_id)
        wait_until("fednode to be connected", lambda: fednode.connected(peer.peer_id))
        if member:
            fednode.pin(peer.peer_id)

    def _opened(self, lab: Lab, offer: Offer):
        stream = lab.peer(self.kind).open(lab.fednode.peer_id, offer.ids)
        return stream, Side(offer, stream.protocol, initiator=True)

    def _agreed(self, lab: Lab, side: Side, stream, since: int):
        """Both ends say the same, and keep-alives go both ways."""
        fednode, peer = lab.fednode, lab.peer(self.kind)
        if side.agreement is None:
            raise AssertionError(f"no agreement: {side.rejection}")
        fednode.events.expect(
            "the federation is agreed",
            lambda event: event["type"] == "federation.agreed" and event["peer_id"] == peer.peer_id, since)
        known = wait_until("the agreement on the peer", lambda: fednode.peer(peer.peer_id)["federation"])
        for key in ("version", "network", "capabilities"):
            equal(f"fednode's {key}", known[key], side.agreement[key])
        equal("the agent", known["agent"], side.offer.agent)
        equal("the frame limit", known["frame_limit"], side.offer.frame_limit)
        stream.send(side.keep_alive())
        pump(side, stream, lambda side: side.replies and side.answered)
        offset = side.replies[0]["clock"]["offset_ms"]
        if abs(offset) > 50:
            raise AssertionError(f"two clocks of one machine are {offset} ms apart")
        known = wait_until(
            "the offset of the clock",
            lambda: (found := fednode.peer(peer.peer_id)["federation"])
            and found["clock_offset_ms"] is not None
            and found,
        )
        if abs(known["clock_offset_ms"]) > 50:
            raise AssertionError(f"fednode takes the clocks to be {known['clock_offset_ms']} ms apart")

    def _ended(self, lab: Lab, stream, since: int):
        stream.finish()
        peer_id = lab.peer(self.kind).peer_id
        lab.fednode.events.expect(
            "the session ended",
            lambda event: event["type"] == "federation.ended" and event["peer_id"] == peer_id, since)

    def _rejected(self, lab: Lab, word: str, by: str, since: int):
        fednode, peer = lab.fednode, lab.peer(self.kind)
        event = fednode.events.expect(
            f"the federation is rejected: {word}",
            lambda event: event["type"] == "federation.rejected" and event["peer_id"] == peer.peer_id, since)
        equal("the event's code and side", (event["code"], event["by"]), (word, by))
        error = fednode.peer(peer.peer_id)["federation_error"]
        equal("the peer's code and side", (error["code"], error["by"]), (word, by))
        if not error["detail"]:
            raise AssertionError(f"no words: {error}")

    def peer_opens(self, lab: Lab):
        self._dialled(lab)
        since = lab.fednode.events.mark()
        stream, side = self._opened(lab, Offer(network=NETWORK, capabilities=["x-interop"], frame_limit=65536))
        pump(side, stream, lambda side: side.agreement, out=side.start())
        self._agreed(lab, side, stream, since)
        self._ended(lab, stream, since)

    def peer_is_ahead(self, lab: Lab):
        self._dialled(lab)
        since = lab.fednode.events.mark()
        stream, side = self._opened(lab, Offer(versions=AHEAD, network=NETWORK))
        equal("the id", stream.protocol, f"{federation.NAME}/v1.0.0")
        pump(side, stream, lambda side: side.agreement, out=side.start())
        self._agreed(lab, side, stream, since)
        equal("the version", side.agreement["version"], "1.0.0")
        self._ended(lab, stream, since)

    def _accepted(self, lab: Lab):
        """fednode dials, and opens a stream that the peer takes."""
        fednode, peer = lab.fednode, lab.peer(self.kind)
        self._fresh(lab)
        offer = Offer(network=NETWORK, capabilities=["x-interop"])
        if not getattr(peer, "serves_federation", False):
            peer.serve(offer.ids)
            peer.serves_federation = True
        since = fednode.events.mark()
        fednode.pin(peer.peer_id, [peer.addresses[4]])
        stream = peer.accept(10)
        equal("who opened the stream", stream.peer_id, fednode.peer_id)
        return stream, Side(offer, stream.protocol, initiator=False), since

    def fednode_opens(self, lab: Lab):
        stream, side, since = self._accepted(lab)
        pump(side, stream, lambda side: side.agreement)
        self._agreed(lab, side, stream, since)
        self._ended(lab, stream, since)

    def accept_lies(self, lab: Lab):
        stream, _, since = self._accepted(lab)
        now = federation.clock_ms()
        stream.send(framed(encode("accept", {
            "version": "1.0.0", "versions": ["1.1.0"], "agent": "", "capabilities": [], "frame_limit": 4096,
            "hello_received_ms": now, "time_ms": now})))
        frames = Frames(4096)
        equal("the hello's network", federation.decode(next_frame(stream, frames))[1]["network"], NETWORK)
        name, message = federation.decode(next_frame(stream, frames))
        equal("fednode's answer", (name, message["code"]), ("reject", federation.NUMBERS["offer_mismatch"]))
        stream.finish()
        self._rejected(lab, "offer_mismatch", "local", since)

    def fednode_is_rejected(self, lab: Lab):
        stream, _, since = self._accepted(lab)
        stream.send(framed(federation.Rejected("network_mismatch", "you are on regtest, we are not").frame))
        # Not at once: see each_other.
        self._rejected(lab, "network_mismatch", "remote", since)
        stream.finish()
        known = wait_until(
            "the peer to be failed",
            lambda: (found := lab.fednode.peer(lab.peer(self.kind).peer_id)) and found["state"] == "failed" and found)
        equal("what the remote said", known["federation_error"]["detail"], "you are on regtest, we are not")

    def refused(self, word: str, make, member: bool, lab: Lab):
        self._dialled(lab, member)
        since = lab.fednode.events.mark()
        stream, side = self._opened(lab, Offer(network=NETWORK))
        stream.send(make(side))
        seen, reason = reject_word(stream)
        equal("the code", seen, word)
        if not reason:
            raise AssertionError("no reason")
        stream.finish()
        self._rejected(lab, word, "local", since)

    def late_hello(self, lab: Lab):
        self._dialled(lab)
        since, start = lab.fednode.events.mark(), time.monotonic()
        stream, _ = self._opened(lab, Offer(network=NETWORK))
        equal("the code", reject_word(stream, LATE_SECONDS)[0], "hello_timeout")
        if time.monotonic() - start < 4.5:
            raise AssertionError(f"after {time.monotonic() - start:.1f} s already")
        self._rejected(lab, "hello_timeout", "local", since)

    def second_hello(self, lab: Lab):
        self._dialled(lab)
        since = lab.fednode.events.mark()
        stream, side = self._opened(lab, Offer(network=NETWORK))
        pump(side, stream, lambda side: side.agreement, out=side.start())
        if side.agreement is None:
            raise AssertionError(f"no agreement: {side.rejection}")
        pump(side, stream, lambda side: side.rejection, out=side.start())
        equal("the code", (side.rejection and side.rejection.word, side.rejection.by), ("second_hello", "remote"))
        stream.finish()
        self._rejected(lab, "second_hello", "local", since)

    def no_common_version(self, lab: Lab):
        self._dialled(lab)
        try:
            stream, side = self._opened(lab, Offer(versions=["2.0.0"]))
            stream.send(side.start())
            # go-libp2p may find out only when it reads.
            equal("what came", stream.receive(ANSWER_SECONDS), b"")
        except Exception as error:
            contains("the refusal", str(error).lower(), "protocol")


def hello(**changes) -> bytes:
    return federation.hello(Offer(**({"network": NETWORK} | changes)), federation.clock_ms())


def next_frame(stream, frames: Frames) -> bytes:
    deadline = time.monotonic() + ANSWER_SECONDS
    while (frame := frames.next()) is None:
        data = stream.receive(deadline - time.monotonic())
        if not data:
            raise AssertionError("the stream ended, or nothing came")
        frames.feed(data)
    return frame


def scenarios() -> list[Scenario]:
    offline = [
        (check.__name__.removeprefix("check_"), lambda lab, check=check: check())
        for check in federation_vectors.CHECKS
    ]
    between = [
        (f"{here} opens to {there}", functools.partial(each_other, here=here, there=there))
        for here, there in (KINDS, KINDS[::-1])
    ]
    live = [scenario for kind in KINDS for scenario in Link(kind).scenarios()] if LIVE else []
    return [
        Scenario("federation.py, vectors", offline),
        Scenario("federation.py over the libraries", between),
        *live,
    ]
