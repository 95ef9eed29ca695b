"""The programs of this test: nodes that know each other, and the Prometheus that scrapes them."""

import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Interop"))

from process import Process, free_port, wait_until  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "docker" / "prometheus"
READ, ADMIN = "a-token-for-looking-0123456789", "a-token-for-changing-0123456789"


class Client:
    """A connection to a node's API that stands."""

    def __init__(self, port: int, token: str | None = ADMIN):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, body=None, headers: dict | None = None) -> tuple[int, bytes]:
        content = None if body is None else json.dumps(body)
        kind = {"Content-Type": "application/json"} if content else {}
        self._connection.request(method, path, content, self._headers | kind | (headers or {}))
        response = self._connection.getresponse()
        return response.status, response.read()

    def json(self, method: str, path: str, body=None, expect: tuple[int, ...] = (200,)):
        status, content = self.call(method, path, body)
        if status not in expect:
            raise AssertionError(f"{method} {path} answers {status}: {content!r}")
        return json.loads(content) if content else None


class Node(Process):
    """One whose API and whose figures need a token."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, name: str):
        udp, self.port = free_port(), free_port(socket.SOCK_STREAM)
        self.address = f"/ip4/127.0.0.1/udp/{udp}/quic-v1"
        folder.mkdir(parents=True, exist_ok=True)
        for kind, token in (("read", READ), ("admin", ADMIN)):
            file = folder / f"{kind}.token"
            file.write_text(token + "\n")
            file.chmod(0o600)
        settings = {
            "API_TOKEN_FILE": folder / "read.token",
            "API_ADMIN_TOKEN_FILE": folder / "admin.token",
            "API_METRICS_PUBLIC": "false",
            "LIMITS_API_REQUESTS_PER_SECOND": "0",
            "FEDERATION_SIZE": "3",
            "HEALTH_MIN_CONNECTED_PEERS": "1",
        }
        variables = {f"FEDNODE_{key}": str(value) for key, value in settings.items()}
        data = ["--data-dir", folder / f"{name}-data"]
        command = [binary, "run", *data, "--listen", self.address, "--api", f"127.0.0.1:{self.port}"]
        super().__init__(name, command, folder, env=os.environ | variables)

    def wait_ready(self):
        def lives() -> bool:
            self.require_running()
            try:
                return Client(self.port).call("GET", "/livez")[0] == 200
            except OSError:
                return False

        wait_until(f"{self.name}'s /livez", lives)
        self.peer_id = Client(self.port).json("GET", "/v1/node")["peer_id"]

    def metrics(self, **headers: str) -> str:
        status, text = Client(self.port, READ).call("GET", "/metrics", headers=headers)
        if status != 200:
            raise AssertionError(f"GET /metrics answers {status}: {text!r}")
        return text.decode()


class Prometheus(Process):
    """With the project's own settings, but for the times and the targets."""

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path, nodes: list[Node]):
        settings = folder / "prometheus"
        shutil.copytree(SETTINGS, settings)
        (settings / "fednode.token").write_text(READ + "\n")
        self.file = settings / "prometheus.yml"
        text = self.file.read_text()
        for pattern, value in (
            (r"(_interval:) 15s", r"\1 1s"),
            (r"127\.0\.0\.1:9080", '", "'.join(f"127.0.0.1:{node.port}" for node in nodes)),
        ):
            text, count = re.subn(pattern, value, text)
            if not count:
                raise AssertionError(f"{self.file} has no {pattern}")
        self.file.write_text(text)
        self.port = free_port(socket.SOCK_STREAM)
        command = [
            programs / "prometheus", "--config.file", self.file, "--storage.tsdb.path", folder / "tsdb",
            "--web.listen-address", f"127.0.0.1:{self.port}",
        ]
        super().__init__("prometheus", command, folder)

    def wait_ready(self):
        def ready() -> bool:
            self.require_running()
            try:
                return self._get("/-/ready") != b""
            except OSError:
                return False

        wait_until("prometheus", ready)

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            return response.read()

    def api(self, path: str, **parameters: str):
        try:
            answer = json.loads(self._get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from None
        if answer["status"] != "success":
            raise AssertionError(f"{path} {parameters}: {answer}")
        return answer["data"]

    def query(self, expression: str) -> list[dict]:
        return self.api("query", query=expression)["result"]


def promtool(programs: pathlib.Path, *arguments, text: str | None = None):
    """Fails where promtool has anything to say but success."""
    run = subprocess.run(
        [programs / "promtool", *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    if run.returncode != 0:
        raise AssertionError(f"promtool {' '.join(map(str, arguments))} ends with {run.returncode}: {run.stdout}{run.stderr}")
    return run.stdout + run.stderr
