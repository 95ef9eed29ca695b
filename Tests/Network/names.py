"""A name server with a handful of names, in a thread, on a host of its own (RFC 1035; A and AAAA only)."""

import ipaddress
import socket
import struct
import threading

from net import Host

A, AAAA, IN = 1, 28, 1
# A standard answer, by an authority, without and with the error NXDOMAIN.
ANSWER, NO_SUCH_NAME = 0x8400, 0x8403
POINTER_TO_QUESTION = 0xC00C
PORT = 53


class NameServer:
    def __init__(self, host: Host, ttl: int):
        self.address, self.asked, self._ttl = host.ipv4, 0, ttl
        self._names: dict[str, list[bytes]] = {}
        with host.inside():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.address, PORT))
        self._socket.settimeout(0.2)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def set(self, name: str, addresses: list[str]):
        self._names[name] = [ipaddress.ip_address(address).packed for address in addresses]

    def _serve(self):
        while not self._ended.is_set():
            try:
                query, sender = self._socket.recvfrom(4096)
                self._socket.sendto(self._answer(query), sender)
            except TimeoutError:
                continue
            except (OSError, ValueError, IndexError, struct.error):
                continue  # no query, or nobody there any more

    def _answer(self, query: bytes) -> bytes:
        self.asked += 1
        number, _, questions = struct.unpack_from("!HHH", query)
        if questions != 1:
            raise ValueError("one question at a time")
        labels, place = [], 12
        while (length := query[place]) > 0:
            labels.append(query[place + 1:place + 1 + length].decode("ascii"))
            place += 1 + length
        kind, _ = struct.unpack_from("!HH", query, place + 1)
        question = query[12:place + 5]
        known = self._names.get(".".join(labels).lower())
        size = {A: 4, AAAA: 16}.get(kind, 0)
        found = [packed for packed in known or [] if len(packed) == size]
        head = struct.pack("!6H", number, NO_SUCH_NAME if known is None else ANSWER, 1, len(found), 0, 0)
        records = b"".join(
            struct.pack("!HHHIH", POINTER_TO_QUESTION, kind, IN, self._ttl, size) + packed for packed in found)
        return head + question + records

    def close(self):
        self._ended.set()
        self._thread.join()
        self._socket.close()
