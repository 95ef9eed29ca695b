"""The few encodings that the drivers need: varints, protobuf fields, base58, QUIC multiaddrs, identify."""

import dataclasses
import ipaddress

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
IP4, IP6, UDP, UNIX, P2P, QUIC_V1 = 4, 41, 273, 400, 421, 461


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int = 0) -> tuple[int, int]:
    """The number at `at` and the offset behind it."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message: bytes) -> dict[int, list]:
    """All values of each field of a protobuf message that has varints and byte strings only."""
    found: dict[int, list] = {}
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        value, at = read_varint(message, at)
        if tag & 7 == 2:
            if at + value > len(message):
                raise ValueError("truncated protobuf message")
            value, at = message[at : at + value], at + value
        elif tag & 7 != 0:
            raise ValueError(f"unexpected protobuf wire type {tag & 7}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def base58_decode(text: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + ALPHABET.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base58_encode(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def quic_address(ip: str, port: int) -> str:
    return f"/ip{ipaddress.ip_address(ip).version}/{ip}/udp/{port}/quic-v1"


def encode_address(text: str) -> bytes:
    """Binary form of `/ip4|ip6/…/udp/…/quic-v1[/p2p/…]`, and of `/unix/…`."""
    out, parts = b"", text.strip("/").split("/")
    while parts:
        name = parts.pop(0)
        if name in ("ip4", "ip6"):
            out += varint(IP4 if name == "ip4" else IP6) + ipaddress.ip_address(parts.pop(0)).packed
        elif name == "udp":
            out += varint(UDP) + int(parts.pop(0)).to_bytes(2, "big")
        elif name == "quic-v1":
            out += varint(QUIC_V1)
        elif name == "unix":
            path = "/" + "/".join(parts)
            return out + varint(UNIX) + varint(len(path)) + path.encode()
        elif name == "p2p":
            identity = base58_decode(parts.pop(0))
            out += varint(P2P) + varint(len(identity)) + identity
        else:
            raise ValueError(f"{name} in {text}")
    return out


def decode_address(data: bytes) -> str:
    text, at = "", 0
    while at < len(data):
        code, at = read_varint(data, at)
        if code in (IP4, IP6):
            size = 4 if code == IP4 else 16
            text += f"/ip{4 if code == IP4 else 6}/{ipaddress.ip_address(data[at : at + size])}"
            at += size
        elif code == UDP:
            text += f"/udp/{int.from_bytes(data[at : at + 2], 'big')}"
            at += 2
        elif code == QUIC_V1:
            text += "/quic-v1"
        elif code == P2P:
            size, at = read_varint(data, at)
            text += f"/p2p/{base58_encode(data[at : at + size])}"
            at += size
        else:
            return f"{text}/?{code}"
    return text


@dataclasses.dataclass
class Identify:
    """What a peer says of itself on /ipfs/id/1.0.0."""

    agent: str
    protocols: list[str]
    addresses: list[str]
    observed: str


def decode_identify(stream: bytes) -> Identify:
    size, start = read_varint(stream)
    if len(stream) - start != size:
        raise ValueError(f"identify announces {size} bytes and sends {len(stream) - start}")
    message = fields(stream[start:])
    return Identify(
        agent=message.get(6, [b""])[0].decode(),
        protocols=[protocol.decode() for protocol in message.get(3, [])],
        addresses=[decode_address(address) for address in message.get(2, [])],
        observed=decode_address(message.get(4, [b""])[0]),
    )
