"""One stream of a peer as the driver sees it: bytes that it sends and bytes that come."""

import socket


class SocketStream:
    """A stream that a Unix socket carries. A reset looks like an end here."""

    def __init__(self, connection: socket.socket, protocol: str, peer_id: str):
        self.protocol, self.peer_id = protocol, peer_id
        self._connection = connection

    def send(self, data: bytes):
        self._connection.sendall(data)

    def receive(self, seconds: float) -> bytes | None:
        """What comes next, empty at the end; None when nothing came in time."""
        self._connection.settimeout(max(seconds, 0.001))
        try:
            return self._connection.recv(65536)
        except TimeoutError:
            return None
        except ConnectionError:
            return b""
        finally:
            self._connection.settimeout(15)

    def finish(self):
        """Ends both directions where p2pd is behind the socket: what was sent just before may be lost."""
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # ended from the other side already

    def close(self):
        self._connection.close()
