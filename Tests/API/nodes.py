"""fednode processes on loopback: the one under test, a pinned peer and one that was dialled."""

import http.client
import json
import pathlib
import random
import re
import socket
import subprocess

from process import Process, free_port, wait_until
from wire import quic_address

API_SECONDS = 20
CRASH = re.compile(r"Fatal error|Precondition failed|\*\*\* Signal|malloc|corrupt")


def tcp_port() -> int:
    """A port that nothing holds, and that the kernel gives to no client meanwhile (net.ipv4.ip_local_port_range)."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as four, socket.socket(socket.AF_INET6) as six:
            try:
                four.bind(("", port))
                six.bind(("::1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port from 20000 to 29999 is free")


class Node(Process):
    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, name: str, settings: dict, token: str | None = None):
        """`settings`: the configuration file's contents, which is YAML and so may be JSON. `token`: for `call`."""
        self.token = token
        self.api = tcp_port()
        port = free_port()
        self.address = quic_address("127.0.0.1", port)
        key, file = folder / f"{name}.key", folder / f"{name}.yaml"
        made = subprocess.run([binary, "keygen", "--json", "--output", key], capture_output=True, check=True)
        self.peer_id = json.loads(made.stdout)["peer_id"]
        basis = {
            "data_dir": str(folder / f"{name}-data"),
            "node": {"private_key_file": str(key)},
            "network": {"addresses": [self.address]},
            "api": {"address": f"127.0.0.1:{self.api}"},
        }
        for section, values in settings.items():
            basis[section] = basis.get(section, {}) | values
        file.write_text(json.dumps(basis))
        super().__init__(name, [binary, "run", "--config", file], folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api}"

    def wait_ready(self):
        wait_until(f"/livez of {self.name}", self._live)

    def _live(self) -> bool:
        self.require_running()
        try:
            return self.call("GET", "/livez")[0] == 200
        except OSError:
            return False

    def call(self, method: str, path: str, body=None, headers: dict | None = None) -> tuple[int, dict | str]:
        """Status and body, JSON where it says so."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=API_SECONDS)
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read().decode()
            return response.status, json.loads(text) if "json" in response.headers.get("Content-Type", "") else text
        finally:
            connection.close()

    def get(self, path: str) -> dict:
        status, answer = self.call("GET", path)
        if status != 200:
            raise AssertionError(f"GET {path} answers {status}: {answer}")
        return answer

    def post(self, path: str, body=None) -> dict:
        status, answer = self.call("POST", path, body)
        if status not in (200, 202):
            raise AssertionError(f"POST {path} {body} answers {status}: {answer}")
        return answer

    def is_connected(self, peer: "Node") -> bool:
        status, answer = self.call("GET", f"/v1/peers/{peer.peer_id}")
        return status == 200 and answer["state"] == "connected"

    def figure(self, name: str) -> int:
        """A number of the kernel's about the process: `VmRSS` in KiB."""
        for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
        raise AssertionError(f"/proc has no {name} of {self.name}")

    def descriptors(self) -> int:
        return len(list(pathlib.Path(f"/proc/{self.child.pid}/fd").iterdir()))

    def end(self):
        """Stops it, and says when it did not end well."""
        self.require_running()
        status = self.stop(20)
        crash = CRASH.search(self.log.read_text(errors="replace"))
        if status != 0 or crash:
            raise AssertionError(f"{self.name} ended with {status}:\n{self.last_words()}")


class Lab:
    """Nodes of one group of cases, started when the first case asks for them."""

    # Of the node under test with tokens.
    READ_TOKEN, ADMIN_TOKEN = "read-0123456789abcdef", "admin-0123456789abcdef"

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, seed: int):
        self.binary, self.folder, self.seed = binary, folder, seed
        self._nodes: dict[str, Node] = {}

    @property
    def pinned(self) -> Node:
        return self._started("pinned", {})

    @property
    def dialled(self) -> Node:
        return self._started("dialled", {})

    @property
    def node(self) -> Node:
        return self._subject("node", {}, None)

    @property
    def guarded(self) -> Node:
        """The same as `node`, but it wants a token."""
        files = {"api.read": self.READ_TOKEN, "api.admin": self.ADMIN_TOKEN}
        for name, token in files.items():
            file = self.folder / name
            if not file.exists():
                file.touch(0o600)
                file.write_text(token)
        api = {"token_file": str(self.folder / "api.read"), "admin_token_file": str(self.folder / "api.admin")}
        return self._subject("guarded", {"api": api}, self.ADMIN_TOKEN)

    def _subject(self, name: str, settings: dict, token: str | None) -> Node:
        if name in self._nodes:
            return self._nodes[name]
        pinned, dialled = self.pinned, self.dialled
        entry = {"name": "pinned", "peer_id": pinned.peer_id, "addresses": [pinned.address]}
        node = self._started(name, settings | {"peers": {"static": [entry]}}, token)
        # A handshake of the federation needs the other side's leave.
        for peer in (pinned, dialled):
            peer.call("PUT", f"/v1/peers/{node.peer_id}", {"name": name})
        self.connect(node)
        return node

    def connect(self, node: Node):
        """Returns when it is connected to its peers, whatever was done to it."""
        for peer in (self.pinned, self.dialled):
            node.call("POST", "/v1/dial", {"address": f"{peer.address}/p2p/{peer.peer_id}"})
            wait_until(f"{node.name} to be connected to {peer.name}", lambda peer=peer: node.is_connected(peer), 20)

    def _started(self, name: str, settings: dict, token: str | None = None) -> Node:
        if name not in self._nodes:
            node = self._nodes[name] = Node(self.binary, self.folder, name, settings, token)
            node.wait_ready()
        return self._nodes[name]

    def last_words(self) -> str:
        return "\n".join(f"--- {node.name}\n{node.last_words()}" for node in self._nodes.values())

    def close(self):
        faults = []
        for node in self._nodes.values():
            try:
                node.end()
            except AssertionError as error:
                faults.append(str(error))
            finally:
                node.stop()
        if faults:
            raise AssertionError("\n".join(faults))
