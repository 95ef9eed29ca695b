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
