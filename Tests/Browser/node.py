"""A fednode to look at: its process, and the API to arrange what the page shall show."""

import http.client
import json
import os
import pathlib
import signal
import socket
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "Interop"))
from process import Process, free_port, wait_until  # noqa: E402

API_SECONDS = 20


class Node(Process):
    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, name: str, settings: dict | None = None):
        """`settings`: configuration keys and their values. A node of the same folder and name has the same identity."""
        self._make = lambda: Node(binary, folder, name, settings)
        self.settings = settings or {}
        ports = folder / f"{name}-ports"
        if not ports.exists():
            folder.mkdir(parents=True, exist_ok=True)
            ports.write_text(f"{free_port()} {free_port(socket.SOCK_STREAM)}")
        port, self.api = map(int, ports.read_text().split())
        self.address = f"/ip4/127.0.0.1/udp/{port}/quic-v1"
        self.url = f"http://127.0.0.1:{self.api}/"
        self.token: str | None = None
        variables = {f"FEDNODE_{key.replace('.', '_').upper()}": str(value) for key, value in self.settings.items()}
        command = [binary, "run", "--data-dir", folder / f"{name}-data", "--listen", self.address, "--api", f"127.0.0.1:{self.api}"]
        super().__init__(name, command, folder, env=os.environ | variables)

    def wait_ready(self) -> "Node":
        wait_until(f"/livez of {self.name}", self._live)
        return self

    def _live(self) -> bool:
        self.require_running()
        try:
            return self.call("GET", "/livez")[0] == 200
        except OSError:
            return False

    def again(self) -> "Node":
        """The same node, started anew."""
        return self._make().wait_ready()

    def kill(self):
        self.child.kill()
        self.child.wait()

    def freeze(self):
        """It keeps its sockets and says nothing more, as a machine that lost its network."""
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    @property
    def peer_id(self) -> str:
        return self.get("/v1/node")["peer_id"]

    @property
    def full_address(self) -> str:
        return f"{self.address}/p2p/{self.peer_id}"

    def call(self, method: str, path: str, body=None) -> tuple[int, dict | str, dict]:
        """Status, body (JSON where it says so) and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=API_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            content = None if body is None else json.dumps(body)
            if content:
                headers["Content-Type"] = "application/json"
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            text = response.read().decode()
            isJSON = "json" in response.headers.get("Content-Type", "")
            return response.status, json.loads(text) if isJSON else text, dict(response.headers)
        finally:
            connection.close()

    def get(self, path: str) -> dict:
        return self.expect("GET", path)

    def expect(self, method: str, path: str, body=None) -> dict:
        """The answer of a request that must go well."""
        status, answer, _ = self.call(method, path, body)
        if not 200 <= status < 300:
            raise AssertionError(f"{method} {path} of {self.name} answers {status}: {answer}")
        return answer

    def pin(self, other: "Node", name: str | None = None):
        body = {"pinned": True, "addresses": [other.address]} | ({"name": name} if name else {})
        self.expect("PUT", f"/v1/peers/{other.peer_id}", body)

    def know(self, other: "Node", name: str):
        """Lets it in, without dialling it."""
        self.expect("PUT", f"/v1/peers/{other.peer_id}", {"name": name})

    def state_of(self, other: "Node") -> dict | None:
        status, answer, _ = self.call("GET", f"/v1/peers/{other.peer_id}")
        return answer if status == 200 else None
