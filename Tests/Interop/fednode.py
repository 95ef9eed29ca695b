"""fednode as an operator has it: the binary, its exit status, and the management API."""

import http.client
import json
import os
import pathlib
import socket
import threading

from process import Process, free_port, wait_until
from wire import quic_address

API_SECONDS = 20


class Events:
    """What GET /v1/events sends, collected by a thread of its own."""

    def __init__(self, port: int):
        self.ended = False
        self._seen: list[dict] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", "/v1/events", headers={"Accept": "text/event-stream"})
        # An answer with this status means that the subscription stands: what happens from here on is sent.
        self._response = self._connection.getresponse()
        if self._response.status != 200:
            raise AssertionError(f"GET /v1/events answers {self._response.status}: {self._response.read()!r}")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while line := self._response.readline():
                if line.startswith(b"data:"):
                    self._seen.append(json.loads(line[5:]))
        except (OSError, http.client.HTTPException, ValueError):
            pass  # closed from either end
        self.ended = True

    def mark(self) -> int:
        """The place that `expect` starts from."""
        return len(self._seen)

    def expect(self, what: str, condition, since: int = 0) -> dict:
        def look():
            return next((event for event in self._seen[since:] if condition(event)), None)

        try:
            return wait_until(f"the event that {what}", look)
        except AssertionError as error:
            seen = "\n".join(json.dumps(event) for event in self._seen[since:][-8:])
            raise AssertionError(f"{error}; events seen:\n{seen or 'none'}") from None


class Fednode(Process):
    def __init__(self, binary: pathlib.Path, folder: pathlib.Path, name: str = "fednode", settings: dict | None = None):
        """`settings`: configuration keys and their values."""
        port = free_port()
        self.addresses = {4: quic_address("127.0.0.1", port), 6: quic_address("::1", port)}
        self.api = free_port(socket.SOCK_STREAM)
        listen = [part for address in self.addresses.values() for part in ("--listen", address)]
        data = ["--data-dir", folder / f"{name}-data"]
        variables = {f"FEDNODE_{key.replace('.', '_').upper()}": str(value) for key, value in (settings or {}).items()}
        command = [binary, "run", *data, *listen, "--api", f"127.0.0.1:{self.api}"]
        super().__init__(name, command, folder, env=os.environ | variables)

    def wait_ready(self):
        wait_until("fednode's /livez", self._live)
        self.node = self.get("/v1/node")
        self.peer_id = self.node["peer_id"]
        self.events = Events(self.api)

    def _live(self) -> bool:
        self.require_running()
        try:
            return self.call("GET", "/livez")[0] == 200
        except OSError:
            return False

    def call(self, method: str, path: str, body=None) -> tuple[int, dict | str]:
        """Status and body, JSON where it says so."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=API_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"} if content else {})
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

    def post(self, path: str, body=None, expect: int = 200) -> dict:
        status, answer = self.call("POST", path, body)
        if status != expect:
            raise AssertionError(f"POST {path} {body} answers {status}, not {expect}: {answer}")
        return answer

    def pin(self, peer_id: str, addresses: list[str] | None = None):
        """Makes the peer a member; with addresses fednode dials it."""
        body = {"pinned": True} | ({"addresses": addresses} if addresses else {})
        status, answer = self.call("PUT", f"/v1/peers/{peer_id}", body)
        if status not in (200, 201):
            raise AssertionError(f"PUT /v1/peers/{peer_id} {body} answers {status}: {answer}")

    def forget(self, peer_id: str):
        status, answer = self.call("DELETE", f"/v1/peers/{peer_id}")
        if status not in (200, 204, 404):
            raise AssertionError(f"DELETE /v1/peers/{peer_id} answers {status}: {answer}")

    def peer(self, peer_id: str) -> dict | None:
        status, answer = self.call("GET", f"/v1/peers/{peer_id}")
        if status not in (200, 404):
            raise AssertionError(f"GET /v1/peers/{peer_id} answers {status}: {answer}")
        return answer if status == 200 else None

    def connected(self, peer_id: str) -> dict | None:
        peer = self.peer(peer_id)
        return peer if peer and peer["state"] == "connected" else None

    def dial(self, address: str, peer_id: str) -> dict:
        return self.post("/v1/dial", {"address": f"{address}/p2p/{peer_id}"})

    def disconnect(self, peer_id: str):
        status, answer = self.call("POST", f"/v1/peers/{peer_id}/disconnect", {})
        if status not in (200, 202, 204):
            raise AssertionError(f"POST /v1/peers/{peer_id}/disconnect answers {status}: {answer}")
