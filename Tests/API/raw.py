"""A client that sends what it is told, well-formed or not."""

import dataclasses
import socket

SECONDS = 15


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes = b""


class Raw:
    """One TCP connection to a node's API."""

    def __init__(self, port: int, source: str = "127.0.0.1", seconds: float = SECONDS):
        self._socket = socket.create_connection(("127.0.0.1", port), seconds, (source, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """False when the other side does not take it any more."""
        try:
            self._socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def end(self):
        """Nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self, head_only: bool = False) -> Answer | None:
        """The next one; None when the connection ends before one is whole."""
        while b"\r\n\r\n" not in self._seen:
            if not self._more():
                return None
        head, self._seen = self._seen.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        if not lines[0].startswith("HTTP/1.") or not lines[0].split()[1].isdigit():
            raise AssertionError(f"an answer begins with {lines[0]!r}")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        answer = Answer(int(lines[0].split()[1]), headers)
        if head_only or answer.status in (100, 204):
            return answer
        length = headers.get("content-length")
        if length is None:
            self.rest()
            answer.body, self._seen = self._seen, b""
            return answer
        while len(self._seen) < int(length):
            if not self._more():
                return None
        answer.body, self._seen = self._seen[: int(length)], self._seen[int(length) :]
        return answer

    def rest(self) -> bytes:
        """Everything until the other side closes."""
        while self._more():
            pass
        return self._seen

    def _more(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            return False
        self._seen += data
        return bool(data)


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """With a `Host`, and a `Content-Length` where there is a body."""
    lines = [line, "Host: localhost", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
