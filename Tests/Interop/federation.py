"""vtcp/btc-foundation in plain Python, written from Sources/Federation/PROTOCOL.md: no libp2p, no generated code.

federation_vectors.py holds it against the test vectors and against itself.
"""

import dataclasses
import re
import time

NAME = "vtcp/btc-foundation"
HANDSHAKE_FRAME_MAX = 4096
FRAME_LIMIT_MIN, FRAME_LIMIT_MAX, FRAME_LIMIT_DEFAULT = 4096, 16 << 20, 1 << 20
VERSIONS_MAX, CAPABILITIES_MAX, REASON_BYTES_MAX = 16, 32, 512

CODES = {
    1: "malformed", 2: "network_mismatch", 3: "no_common_version", 4: "not_a_member", 5: "hello_timeout",
    6: "hello_too_large", 7: "second_hello", 8: "early_bytes", 9: "offer_mismatch", 10: "busy", 11: "shutting_down",
}
NUMBERS = {word: number for number, word in CODES.items()}


class Malformed(Exception):
    """Bytes that break the rules; the words say which."""


class TooLarge(Exception):
    """A length above the limit."""


# Varints and protobuf.


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def framed(frame: bytes) -> bytes:
    return varint(len(frame)) + frame


class Frames:
    """Cuts what arrives into frames."""

    def __init__(self, limit: int):
        self.limit = limit
        self.rest = bytearray()

    def feed(self, data: bytes):
        self.rest += data

    def next(self) -> bytes | None:
        """The next whole frame; None until more has arrived."""
        length = 0
        for index, byte in enumerate(self.rest):
            if byte == 0 and index > 0:
                raise Malformed("a length that is not minimally encoded")
            length |= (byte & 0x7F) << 7 * index
            if length > self.limit:
                raise TooLarge
            if byte < 0x80:
                end = index + 1 + length
                if len(self.rest) < end:
                    return None
                frame = bytes(self.rest[index + 1 : end])
                del self.rest[:end]
                return frame
            if index == 4:
                raise TooLarge
        return None


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index in range(10):
        if at == len(data):
            raise Malformed("the bytes end within a field")
        byte = data[at]
        at += 1
        if index == 9 and byte > 1:
            raise Malformed("a varint of more than 64 bits")
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, at
    raise Malformed("a varint of more than ten bytes")


def fields(data: bytes):
    """(number, value) of each field in order; value is an int, bytes, or None for one of fixed size."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise Malformed("a field number out of range")
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind in (1, 2, 5):
            size = 8 if kind == 1 else 4
            if kind == 2:
                size, at = read_varint(data, at)
            if size > len(data) - at:
                raise Malformed("the bytes end within a field")
            value, at = data[at : at + size] if kind == 2 else None, at + size
        else:
            raise Malformed("a group or an unknown wire type")
        yield number, value


def field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


# What each field may hold: from the wire's value to Python's.


def number(bits: int):
    def read(value) -> int:
        if not isinstance(value, int) or value >= 1 << bits:
            raise Malformed(f"not a number of {bits} bits")
        return value

    return read


def text(value) -> str:
    if not isinstance(value, bytes):
        raise Malformed("not length-delimited")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None


def line(maximum: int):
    def read(value) -> str:
        found = text(value)
        if len(value) > maximum or any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F for c in found):
            raise Malformed(f"more than {maximum} bytes, or a control character")
        return found

    return read


def pattern(expression: str):
    compiled = re.compile(expression)

    def read(value) -> str:
        found = text(value)
        if not compiled.fullmatch(found):
            raise Malformed(f"{found!r} is not {expression}")
        return found

    return read


VERSION = pattern(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")
NETWORK = pattern(r"[a-z0-9-]{1,32}")
CAPABILITY = pattern(r"[\x21-\x7e]{1,64}")
TIME = number(53)


@dataclasses.dataclass(frozen=True)
class Field:
    number: int
    name: str
    read: object
    # Most of a repeated one; 0 for one that is not repeated.
    most: int = 0
    required: bool = False


MESSAGES = {
    "hello": (
        1,
        [
            Field(1, "versions", VERSION, most=VERSIONS_MAX, required=True),
            Field(2, "network", NETWORK, required=True),
            Field(3, "agent", line(256)),
            Field(4, "capabilities", CAPABILITY, most=CAPABILITIES_MAX),
            Field(5, "frame_limit", number(32), required=True),
            Field(6, "time_ms", TIME),
        ],
    ),
    "accept": (
        2,
        [
            Field(1, "version", VERSION, required=True),
            Field(2, "versions", VERSION, most=VERSIONS_MAX, required=True),
            Field(3, "agent", line(256)),
            Field(4, "capabilities", CAPABILITY, most=CAPABILITIES_MAX),
            Field(5, "frame_limit", number(32), required=True),
            Field(6, "hello_received_ms", TIME),
            Field(7, "time_ms", TIME),
        ],
    ),
    "reject": (3, [Field(1, "code", number(32)), Field(2, "reason", line(REASON_BYTES_MAX))]),
    "keep_alive": (4, [Field(1, "number", number(64)), Field(2, "time_ms", TIME)]),
    "keep_alive_reply": (
        5,
        [
            Field(1, "number", number(64)),
            Field(2, "time_ms", TIME),
            Field(3, "received_ms", TIME),
            Field(4, "sent_ms", TIME),
        ],
    ),
}


def encode(name: str, message: dict) -> bytes:
    """The frame, without its length."""
    tag, spec = MESSAGES[name]
    body = b""
    for known in spec:
        value = message[known.name]
        if known.most:
            body += b"".join(field(known.number, one) for one in value)
        elif value:
            # proto3 leaves out what is zero or empty.
            body += field(known.number, value)
    return field(tag, body)


def decode(frame: bytes) -> tuple[str, dict] | None:
    """The message's name and its fields; None for a frame with none that is known."""
    found = None
    for tag, value in fields(frame):
        name = next((name for name, (known, _) in MESSAGES.items() if known == tag), None)
        if name is None:
            continue
        if tag <= 3 and len(frame) > HANDSHAKE_FRAME_MAX:
            raise Malformed(f"a {name} of more than {HANDSHAKE_FRAME_MAX} bytes")
        if found:
            raise Malformed("two messages in one frame")
        if not isinstance(value, bytes):
            raise Malformed("not length-delimited")
        found = name, decode_message(value, MESSAGES[name][1])
    return found


def decode_message(data: bytes, spec: list[Field]) -> dict:
    message = {known.name: [] if known.most else None for known in spec}
    for tag, value in fields(data):
        known = next((known for known in spec if known.number == tag), None)
        if known is None:
            continue
        value = known.read(value)
        if not known.most:
            message[known.name] = value
        elif len(message[known.name]) == known.most:
            raise Malformed(f"more than {known.most} {known.name}")
        else:
            message[known.name].append(value)
    for known in spec:
        if known.required and message[known.name] in (None, []):
            raise Malformed(f"no {known.name}")
        if message[known.name] is None:
            message[known.name] = "" if known.name in ("agent", "reason") else 0
    if "frame_limit" in message:
        if message["frame_limit"] < FRAME_LIMIT_MIN:
            raise Malformed(f"a frame limit of {message['frame_limit']} bytes")
        message["frame_limit"] = min(message["frame_limit"], FRAME_LIMIT_MAX)
    return message


# Versions.


def numbers(version: str) -> tuple[int, int, int]:
    major, minor, patch = version.split(".")
    return int(major), int(minor), int(patch)


def same(one: str, other: str) -> bool:
    """Major and minor are equal; the patch says nothing."""
    return numbers(one)[:2] == numbers(other)[:2]


def version_of(protocol_id: str) -> str | None:
    name, _, version = protocol_id.rpartition("/v")
    try:
        return VERSION(version.encode()) if name == NAME else None
    except Malformed:
        return None


def ours_for(versions: list[str], protocol_id: str) -> str | None:
    """The version of `versions` that speaks what was negotiated."""
    negotiated = version_of(protocol_id)
    return max((v for v in versions if negotiated and same(v, negotiated)), key=numbers, default=None)


def best_in_common(ours: list[str], theirs: list[str]) -> str | None:
    return max((v for v in ours if any(same(v, other) for other in theirs)), key=numbers, default=None)


# The handshake.


@dataclasses.dataclass
class Offer:
    versions: list[str] = dataclasses.field(default_factory=lambda: ["1.0.0"])
    network: str = "regtest"
    agent: str = "federation.py/1"
    capabilities: list[str] = dataclasses.field(default_factory=list)
    frame_limit: int = FRAME_LIMIT_DEFAULT

    def __post_init__(self):
        self.versions = sorted(self.versions, key=numbers, reverse=True)
        self.capabilities = sorted(set(self.capabilities))

    @property
    def ids(self) -> list[str]:
        """What to propose by multistream-select, best first."""
        return [f"{NAME}/v{version}" for version in self.versions]


class Rejected(Exception):
    def __init__(self, word: str, reason: str = "", by: str = "local"):
        super().__init__(f"{word} ({by}): {reason}")
        self.word, self.reason, self.by = word, reason, by

    @property
    def frame(self) -> bytes:
        reason = self.reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
        reason = "".join(c for c in reason if ord(c) >= 0x20 and not 0x7F <= ord(c) <= 0x9F)
        return encode("reject", {"code": NUMBERS[self.word], "reason": reason})


def rejected_by_remote(message: dict) -> Rejected:
    return Rejected(CODES.get(message["code"], f"code_{message['code']}"), message["reason"], by="remote")


def decode_or_reject(frame: bytes) -> tuple[str | None, dict]:
    try:
        return decode(frame) or (None, {})
    except Malformed as error:
        raise Rejected("malformed", str(error)) from None


def hello(offer: Offer, now_ms: int) -> bytes:
    return encode("hello", {
        "versions": offer.versions, "network": offer.network, "agent": offer.agent,
        "capabilities": offer.capabilities, "frame_limit": offer.frame_limit, "time_ms": now_ms,
    })


def respond(
    offer: Offer, protocol_id: str, frame: bytes, *, is_member: bool, bytes_behind: bool, received_ms: int, now_ms: int
) -> tuple[dict, bytes]:
    """The responder: what was agreed, and the accept to send. Raises Rejected; its frame is to be sent, and FIN."""
    if len(frame) > HANDSHAKE_FRAME_MAX:
        raise Rejected("hello_too_large")
    name, message = decode_or_reject(frame)
    if name != "hello":
        raise Rejected("malformed", f"{name or 'an unknown message'} where a hello belongs")
    if not is_member:
        raise Rejected("not_a_member")
    if message["network"] != offer.network:
        raise Rejected("network_mismatch", f"you are on {message['network']}, this node is on {offer.network}")
    ours = ours_for(offer.versions, protocol_id)
    if ours is None:
        raise Rejected("no_common_version", f"{protocol_id!r} is not spoken here")
    theirs = ours_for(message["versions"], protocol_id)
    if theirs is None:
        raise Rejected("offer_mismatch", f"the hello does not offer {ours}, which was negotiated")
    best = best_in_common(offer.versions, message["versions"])
    if not same(best, ours):
        raise Rejected("offer_mismatch", f"{best} is spoken on both sides, but {ours} was negotiated")
    if bytes_behind:
        raise Rejected("early_bytes")
    version = min(ours, theirs, key=numbers)
    common = [word for word in offer.capabilities if word in message["capabilities"]]
    accept = encode("accept", {
        "version": version, "versions": offer.versions, "agent": offer.agent, "capabilities": common,
        "frame_limit": offer.frame_limit, "hello_received_ms": received_ms, "time_ms": now_ms,
    })
    agreement = {
        "version": version, "network": offer.network, "capabilities": common, "agent": message["agent"],
        "send_limit": message["frame_limit"], "receive_limit": offer.frame_limit, "clock": None,
    }
    return agreement, accept


def conclude(offer: Offer, protocol_id: str, frame: bytes, *, sent_ms: int, now_ms: int) -> dict:
    """The initiator, once the answer is here: what was agreed. Raises Rejected; send its frame and FIN when `by` is
    local."""
    name, message = decode_or_reject(frame)
    if name == "reject":
        raise rejected_by_remote(message)
    if name != "accept":
        raise Rejected("malformed", f"{name or 'an unknown message'} where an accept or a reject belongs")
    ours = ours_for(offer.versions, protocol_id)
    if ours is None:
        raise Rejected("no_common_version", f"{protocol_id!r} is not spoken here")
    if not same(message["version"], ours):
        raise Rejected("offer_mismatch", f"{ours} was negotiated, but {message['version']} was accepted")
    best = best_in_common(offer.versions, message["versions"])
    if best is None or not same(best, ours) or not any(same(v, ours) for v in message["versions"]):
        raise Rejected("offer_mismatch", f"{ours} was negotiated, but the remote speaks {message['versions']}")
    if strangers := set(message["capabilities"]) - set(offer.capabilities):
        raise Rejected("offer_mismatch", f"{sorted(strangers)} was accepted, which was not offered")
    return {
        "version": min(ours, message["version"], key=numbers), "network": offer.network,
        "capabilities": sorted(set(message["capabilities"])), "agent": message["agent"],
        "send_limit": message["frame_limit"], "receive_limit": offer.frame_limit,
        "clock": clock_sample(sent_ms, message["hello_received_ms"], message["time_ms"], now_ms),
    }


def clock_sample(t0: int, t1: int, t2: int, t3: int) -> dict | None:
    """How far the remote's clock is ahead (NTP); None where the times cannot be true."""
    round_trip = (t3 - t0) - (t2 - t1)
    if t2 < t1 or round_trip < 0 or max(t0, t1, t2, t3) >= 1 << 53:
        return None
    double = (t1 - t0) + (t2 - t3)
    # Rounded towards zero.
    offset = double // 2 if double >= 0 else -(-double // 2)
    return {"offset_ms": offset, "round_trip_ms": round_trip}


def in_session(frame: bytes, now_ms: int) -> tuple[str | None, dict, bytes]:
    """A frame after the handshake: what it was, and what to send. Raises Rejected when it ends the session."""
    name, message = decode_or_reject(frame)
    match name:
        case "keep_alive":
            return name, message, encode("keep_alive_reply", message | {"received_ms": now_ms, "sent_ms": now_ms})
        case "reject":
            raise rejected_by_remote(message)
        case "hello":
            raise Rejected("second_hello")
        case "accept":
            raise Rejected("malformed", "an accept within a session")
    return name, message, b""


# One side of a stream, for whatever carries the bytes.


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Side:
    """`start`, then `feed` whatever arrives, send whatever either returns, and end our side when `rejection` is set
    or `finished` was called."""

    def __init__(self, offer: Offer, protocol_id: str, *, initiator: bool, is_member: bool = True, clock=clock_ms):
        self.offer, self.protocol_id, self.initiator, self.is_member = offer, protocol_id, initiator, is_member
        self.clock = clock
        self.agreement: dict | None = None
        self.rejection: Rejected | None = None
        # Times of ours at which keep-alives left, by number; those that were answered; the remote's that we answered.
        self.unanswered: dict[int, int] = {}
        self.replies: list[dict] = []
        self.answered = 0
        self._frames = Frames(HANDSHAKE_FRAME_MAX)

    def start(self) -> bytes:
        self._sent_ms = self.clock()
        return framed(hello(self.offer, self._sent_ms)) if self.initiator else b""

    def feed(self, data: bytes) -> bytes:
        self._frames.feed(data)
        out = b""
        try:
            while self.rejection is None and (frame := self._next()) is not None:
                out += self._received(frame)
        except Rejected as rejection:
            self.rejection = rejection
            if rejection.by == "local":
                out += framed(rejection.frame)
        return out

    def keep_alive(self) -> bytes:
        number, now = len(self.unanswered) + len(self.replies) + 1, self.clock()
        self.unanswered[number] = now
        return framed(encode("keep_alive", {"number": number, "time_ms": now}))

    def _next(self) -> bytes | None:
        try:
            return self._frames.next()
        except TooLarge:
            awaits_hello = not self.initiator and self.agreement is None
            raise Rejected("hello_too_large" if awaits_hello else "malformed", "a frame above the limit") from None
        except Malformed as error:
            raise Rejected("malformed", str(error)) from None

    def _received(self, frame: bytes) -> bytes:
        now = self.clock()
        if self.agreement is not None:
            name, message, out = in_session(frame, now)
            self.answered += name == "keep_alive"
            if name == "keep_alive_reply" and (sent := self.unanswered.pop(message["number"], None)) is not None:
                self.replies.append(message | {"clock": clock_sample(
                    sent, message["received_ms"], message["sent_ms"], now)})
            return framed(out) if out else b""
        if self.initiator:
            self.agreement = conclude(self.offer, self.protocol_id, frame, sent_ms=self._sent_ms, now_ms=now)
            out = b""
        else:
            self.agreement, accept = respond(
                self.offer, self.protocol_id, frame, is_member=self.is_member,
                bytes_behind=len(self._frames.rest) > 0, received_ms=now, now_ms=now)
            out = framed(accept)
        self._frames.limit = self.agreement["receive_limit"]
        return out
