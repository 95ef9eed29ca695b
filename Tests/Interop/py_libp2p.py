"""py-libp2p as a child process of this driver."""

import json
import pathlib
import select
import subprocess
import sys

from process import Process, free_port
from wire import quic_address


class PyLibp2p(Process):
    agent = "py-libp2p/"

    def __init__(self, folder: pathlib.Path, name: str = "py-libp2p"):
        port = free_port()
        self.addresses = {4: quic_address("127.0.0.1", port), 6: quic_address("::1", port)}
        script = pathlib.Path(__file__).with_name("py_libp2p_peer.py")
        command = [sys.executable, script, *self.addresses.values()]
        super().__init__(name, command, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def wait_ready(self):
        self.peer_id = self._read(seconds=30)["peer_id"]

    def _read(self, seconds: float) -> dict:
        ready, _, _ = select.select([self.child.stdout], [], [], seconds)
        line = self.child.stdout.readline() if ready else ""
        if not line:
            self.require_running()
            raise AssertionError(f"no answer from {self.name} in {seconds:g} s; its last words:\n{self.last_words()}")
        reply = json.loads(line)
        if "error" in reply:
            raise AssertionError(f"{self.name}: {reply['error']}")
        return reply

    def _ask(self, do: str, **arguments) -> dict:
        self.child.stdin.write(json.dumps({"do": do} | arguments) + "\n")
        return self._read(seconds=20)

    def dial(self, address: str, peer_id: str):
        self._ask("dial", address=f"{address}/p2p/{peer_id}")

    def disconnect(self, peer_id: str):
        self._ask("disconnect", peer=peer_id)

    def peers(self) -> list[str]:
        return self._ask("peers")["peers"]

    def ping(self, peer_id: str, payload: bytes) -> bytes:
        return bytes.fromhex(self._ask("ping", peer=peer_id, payload=payload.hex())["echo"])

    def read_identify(self, peer_id: str) -> bytes:
        return bytes.fromhex(self._ask("identify", peer=peer_id)["message"])

    def open(self, peer_id: str, protocols: list[str]) -> "RemoteStream":
        return RemoteStream(self, self._ask("open", peer=peer_id, protocols=protocols))

    def serve(self, protocols: list[str]):
        """Takes streams of these protocols from now on, for `accept`."""
        self._ask("serve", protocols=protocols)

    def accept(self, seconds: float) -> "RemoteStream":
        return RemoteStream(self, self._ask("accept", seconds=seconds))


class RemoteStream:
    """A stream of the child, like `SocketStream`."""

    def __init__(self, peer: PyLibp2p, opened: dict):
        self._peer, self._number = peer, opened["stream"]
        self.protocol, self.peer_id = opened["protocol"], opened["peer"]

    def send(self, data: bytes):
        self._peer._ask("write", stream=self._number, data=data.hex())

    def receive(self, seconds: float) -> bytes | None:
        reply = self._peer._ask("read", stream=self._number, seconds=seconds)
        return bytes.fromhex(reply["data"]) if reply["data"] or reply["ended"] else None

    def finish(self):
        self._peer._ask("finish", stream=self._number)

    def close(self):
        self._peer._ask("close", stream=self._number)
