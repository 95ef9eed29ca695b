"""Holds federation.py against Tests/FederationTests/Vectors and against itself. `python3 federation_vectors.py`"""

import json
import pathlib
import random
import socket
import threading

import federation
from federation import Frames, Malformed, Offer, Rejected, Side, TooLarge, framed

VECTORS = pathlib.Path(__file__).parents[1] / "FederationTests" / "Vectors"


def load(name: str) -> list[dict]:
    return json.loads((VECTORS / f"{name}.json").read_text())


def equal(what: str, seen, wanted):
    if seen != wanted:
        raise AssertionError(f"{what} is {seen!r}, not {wanted!r}")


def check_frames():
    for vector in load("frames"):
        frame = bytes.fromhex(vector["frame"])
        try:
            decoded = federation.decode(frame)
        except Malformed:
            equal(f"{vector['name']}: error", "malformed", vector.get("error"))
            continue
        message = {decoded[0]: decoded[1]} if decoded else None
        equal(vector["name"], message, vector.get("message", "malformed"))
        if vector["canonical"]:
            equal(f"{vector['name']}: written again", federation.encode(*decoded).hex(), vector["frame"])


def cut(data: bytes, limit: int, size: int) -> tuple[list[str], str]:
    frames, found = Frames(limit), []
    try:
        for start in range(0, len(data), size):
            frames.feed(data[start : start + size])
            while (frame := frames.next()) is not None:
                found.append(frame.hex())
    except Malformed:
        return found, "malformed"
    except TooLarge:
        return found, "too_large"
    return found, "cut_short" if frames.rest else "clean"


def check_framing():
    for vector in load("framing"):
        for size in (1, 2, 3, 1000):
            seen = cut(bytes.fromhex(vector["bytes"]), vector["limit"], size)
            equal(f"{vector['name']} in pieces of {size}", seen, (vector["frames"], vector["end"]))


def check_responder():
    for vector in load("responder"):
        try:
            agreement, accept = federation.respond(
                Offer(**vector["offer"]), vector["protocol_id"], bytes.fromhex(vector["frame"]),
                is_member=vector["is_member"], bytes_behind=vector["bytes_behind"],
                received_ms=vector["received_ms"], now_ms=vector["now_ms"])
        except Rejected as rejection:
            equal(vector["name"], rejection.word, vector.get("reject"))
            equal(f"{vector['name']}: the frame", federation.decode(rejection.frame)[1]["code"],
                  federation.NUMBERS[rejection.word])
            continue
        equal(vector["name"], agreement, vector.get("agreement"))
        equal(f"{vector['name']}: the accept", accept.hex(), vector["accept"])


def check_initiator():
    for vector in load("initiator"):
        offer = Offer(**vector["offer"])
        equal(f"{vector['name']}: the hello", federation.hello(offer, vector["hello_ms"]).hex(), vector["hello"])
        try:
            agreement = federation.conclude(
                offer, vector["protocol_id"], bytes.fromhex(vector["frame"]), sent_ms=vector["hello_ms"],
                now_ms=vector["now_ms"])
        except Rejected as rejection:
            equal(vector["name"], (rejection.word, rejection.by), (vector.get("reject"), vector.get("by")))
            continue
        equal(vector["name"], agreement, vector.get("agreement"))


def check_session():
    for vector in load("session"):
        try:
            _, _, out = federation.in_session(bytes.fromhex(vector["frame"]), vector["now_ms"])
        except Rejected as rejection:
            equal(vector["name"], (rejection.word, rejection.by), (vector.get("over"), vector.get("by")))
            continue
        equal(vector["name"], (out.hex() or None, None), (vector.get("send"), vector.get("over")))


def pump(side: Side, stream: socket.socket, done):
    """Runs one side of a socket until `done` or the end."""
    stream.settimeout(5)
    out = side.start()
    while True:
        if out:
            stream.sendall(out)
        if side.rejection or done(side):
            return
        data = stream.recv(65536)
        if not data:
            return
        out = side.feed(data)


def check_itself():
    """Initiator and responder over a pair of sockets."""
    for name, ours, theirs, member, expected in [
        ("agreed", Offer(capabilities=["a", "b"]), Offer(capabilities=["b"]), True, "1.0.0"),
        ("two minors", Offer(versions=["1.0.0", "1.3.0"]), Offer(versions=["1.0.0"]), True, "1.0.0"),
        ("another network", Offer(network="signet"), Offer(), True, "network_mismatch"),
        ("not a member", Offer(), Offer(), False, "not_a_member"),
    ]:
        here, there = socket.socketpair()
        with here, there:
            protocol_id = f"{federation.NAME}/v{federation.best_in_common(ours.versions, theirs.versions)}"
            initiator = Side(ours, protocol_id, initiator=True)
            responder = Side(theirs, protocol_id, initiator=False, is_member=member)

            def answer(side=responder, stream=there):
                pump(side, stream, lambda side: False)
                stream.shutdown(socket.SHUT_WR)

            thread = threading.Thread(target=answer)
            thread.start()
            pump(initiator, here, lambda side: side.agreement)
            if initiator.agreement:
                equal(f"{name}: both", initiator.agreement["version"], responder.agreement["version"])
                here.sendall(initiator.keep_alive())
                pump_keep_alive(initiator, here)
                equal(f"{name}: replies", [reply["number"] for reply in initiator.replies], [1])
            here.shutdown(socket.SHUT_WR)
            thread.join()
            seen = initiator.agreement["version"] if initiator.agreement else initiator.rejection.word
            equal(name, seen, expected)


def pump_keep_alive(side: Side, stream: socket.socket):
    while not side.replies:
        data = stream.recv(65536)
        if not data:
            raise AssertionError("the stream ended before the reply")
        if out := side.feed(data):
            stream.sendall(out)


def check_mutations(count: int = 20_000, seed: int | None = None):
    """Whatever arrives is decoded or refused."""
    seed = random.getrandbits(32) if seed is None else seed
    dice, corpus = random.Random(seed), [bytes.fromhex(vector["frame"]) for vector in load("frames")]
    for _ in range(count):
        frame = bytearray(dice.choice(corpus))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(frame) + 1)
            frame[at : at + dice.randint(0, 2)] = dice.randbytes(dice.randint(0, 2))
        try:
            federation.decode(bytes(frame))
        except Malformed:
            pass
        except Exception as error:
            raise AssertionError(f"seed {seed}, {frame.hex()}: {error!r}") from error


CHECKS = [check_frames, check_framing, check_responder, check_initiator, check_session, check_itself, check_mutations]

if __name__ == "__main__":
    for check in CHECKS:
        check()
        print(f"ok  {check.__name__}")
