"""go-libp2p through p2pd, its daemon: length-prefixed protobuf requests on a Unix socket."""

import pathlib
import socket

from process import Process, free_port, wait_until
from streams import SocketStream
from wire import base58_decode, base58_encode, decode_address, encode_address, field, fields, quic_address, varint

IDENTIFY, CONNECT, STREAM_OPEN, STREAM_HANDLER, LIST_PEERS, DISCONNECT = 0, 1, 2, 3, 5, 7
REQUEST_SECONDS = 10


class P2pdError(Exception):
    pass


def read_exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        chunk = connection.recv(min(count - len(data), 1 << 20))
        if not chunk:
            raise EOFError(f"the stream ended after {len(data)} of {count} bytes")
        data += chunk
    return bytes(data)


def read_message(connection: socket.socket) -> bytes:
    size = shift = 0
    while True:
        byte = read_exactly(connection, 1)[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return read_exactly(connection, size)


class P2pd(Process):
    agent = "p2pd/"

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, name: str = "p2pd"):
        port = free_port()
        self.addresses = {4: quic_address("127.0.0.1", port), 6: quic_address("::1", port)}
        # At most 107 bytes, as every Unix socket's path.
        self.socket = folder / f"{name}.sock"
        off = [f"-{option}=false" for option in ("natPortMap", "relay", "relayDiscovery", "relayService")]
        listen = ["-hostAddrs", ",".join(self.addresses.values()), "-listen", f"/unix{self.socket}"]
        super().__init__(name, [binary, *listen, *off], folder)

    def wait_ready(self):
        wait_until("p2pd's control socket", self._reachable)
        self.peer_id = base58_encode(fields(self.request(field(1, IDENTIFY))[4][0])[1][0])

    def _reachable(self) -> bool:
        self.require_running()
        try:
            self._connect().close()
        except OSError:
            return False
        return True

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(REQUEST_SECONDS + 5)
        connection.connect(str(self.socket))
        return connection

    def _exchange(self, connection: socket.socket, request: bytes) -> dict[int, list]:
        connection.sendall(varint(len(request)) + request)
        answer = fields(read_message(connection))
        if answer[1][0] != 0:
            raise P2pdError(fields(answer[2][0])[1][0].decode(errors="replace"))
        return answer

    def request(self, request: bytes) -> dict[int, list]:
        with self._connect() as connection:
            return self._exchange(connection, request)

    def dial(self, address: str, peer_id: str):
        connect = field(1, base58_decode(peer_id)) + field(2, encode_address(address)) + field(3, REQUEST_SECONDS)
        self.request(field(1, CONNECT) + field(2, connect))

    def disconnect(self, peer_id: str):
        self.request(field(1, DISCONNECT) + field(7, field(1, base58_decode(peer_id))))

    def peers(self) -> dict[str, list[str]]:
        """Addresses of the peers that it is connected to."""
        infos = [fields(info) for info in self.request(field(1, LIST_PEERS)).get(6, [])]
        return {base58_encode(info[1][0]): [decode_address(address) for address in info.get(2, [])] for info in infos}

    def open_stream(self, peer_id: str, protocol: str) -> socket.socket:
        """The raw bytes of a new stream."""
        return self._open(peer_id, [protocol])[0]

    def open(self, peer_id: str, protocols: list[str]) -> SocketStream:
        connection, info = self._open(peer_id, protocols)
        return self._stream(connection, info)

    def _open(self, peer_id: str, protocols: list[str]) -> tuple[socket.socket, bytes]:
        connection = self._connect()
        try:
            names = b"".join(field(2, protocol.encode()) for protocol in protocols)
            open_request = field(1, base58_decode(peer_id)) + names + field(3, REQUEST_SECONDS)
            answer = self._exchange(connection, field(1, STREAM_OPEN) + field(3, open_request))
        except BaseException:
            connection.close()
            raise
        return connection, answer[3][0]

    @staticmethod
    def _stream(connection: socket.socket, info: bytes) -> SocketStream:
        known = fields(info)
        return SocketStream(connection, known[3][0].decode(), base58_encode(known[1][0]))

    def serve(self, protocols: list[str]):
        """Takes streams of these protocols from now on, for `accept`."""
        path = self.socket.with_suffix(".streams")
        self._arrivals = socket.socket(socket.AF_UNIX)
        self._arrivals.bind(str(path))
        self._arrivals.listen(100)
        names = b"".join(field(2, protocol.encode()) for protocol in protocols)
        handler = field(1, encode_address(f"/unix{path}")) + names + field(3, 0)
        self.request(field(1, STREAM_HANDLER) + field(4, handler))

    def accept(self, seconds: float) -> SocketStream:
        self._arrivals.settimeout(seconds)
        connection, _ = self._arrivals.accept()
        return self._stream(connection, read_message(connection))

    def read_identify(self, peer_id: str) -> bytes:
        with self.open_stream(peer_id, "/ipfs/id/1.0.0") as stream:
            data = bytearray()
            while chunk := stream.recv(65536):
                data += chunk
            return bytes(data)

    def ping(self, peer_id: str, payload: bytes) -> bytes:
        with self.open_stream(peer_id, "/ipfs/ping/1.0.0") as stream:
            stream.sendall(payload)
            return read_exactly(stream, len(payload))
