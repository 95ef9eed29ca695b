"""One fednode on one host: the process, its configuration, its management API and its story."""

import http.client
import json
import pathlib
import re
import signal
import subprocess

from events import Story, wait_until
from net import Host

PORT, API_PORT = 9000, 9080
READY_SECONDS = 30
STOP_SECONDS = 15
# Shorter times than the defaults, so that a scenario sees all of a node's reactions.
IDLE_SECONDS = 10
BACKOFF_INITIAL, BACKOFF_MAX = 1.0, 4.0
PROBE_SECONDS, PROBE_MISSES = 2, 3
# In this time a peer that says nothing is noticed: by the idle timeout, or by the probes, which may begin one interval
# later.
DETECTION_SECONDS = IDLE_SECONDS + PROBE_SECONDS
CRASH = re.compile(r"Fatal error|Precondition failed|\*\*\* Signal|malloc|corrupt")


class Node:
    def __init__(self, host: Host, binary: pathlib.Path, folder: pathlib.Path, name: str):
        self.host, self.name, self._binary = host, name, binary
        self._folder = folder / name
        self._folder.mkdir(parents=True)
        self.log = self._folder / "log"
        self.configuration: dict = {}
        self.stories: list[Story] = []
        self.child: subprocess.Popen | None = None
        # Programs that were started to talk to the node.
        self.tools: list[subprocess.Popen] = []
        self.key = self._folder / "identity.key"
        self.new_key("identity.key")

    def new_key(self, file: str):
        """Another identity, in force from the next start on."""
        self.key = self._folder / file
        made = subprocess.run([self._binary, "keygen", "--json", "--output", self.key], capture_output=True, check=True)
        self.peer_id = json.loads(made.stdout)["peer_id"]

    def use_key(self, file: str, peer_id: str):
        self.key, self.peer_id = self._folder / file, peer_id

    def addresses(self) -> list[str]:
        return [f"/ip4/{self.host.ipv4}/udp/{PORT}/quic-v1", f"/ip6/{self.host.ipv6}/udp/{PORT}/quic-v1"]

    def entry(self, addresses: list[str] | None = None) -> dict:
        """As `peers.static` of another node names this one."""
        return {"name": self.name, "peer_id": self.peer_id, "addresses": addresses or self.addresses()}

    # MARK: The process

    def start(self):
        configuration = {
            "data_dir": str(self._folder / "data"),
            "node": {"private_key_file": str(self.key)},
            "network": {"idle_timeout": f"{IDLE_SECONDS}s"},
            "peers": {
                "backoff": {"initial": f"{BACKOFF_INITIAL:g}s", "max": f"{BACKOFF_MAX:g}s"},
                "probe": {"interval": f"{PROBE_SECONDS}s", "misses": PROBE_MISSES},
            },
            "perf": {"enabled": True},
        }
        for section, values in self.configuration.items():
            configuration[section] = configuration.get(section, {}) | values
        file = self._folder / "fednode.yaml"
        file.write_text(json.dumps(configuration, indent=1))  # JSON is YAML
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the driver, which ends its nodes itself.
            self.child = subprocess.Popen(
                [*self.host.prefix(), self._binary, "run", "--config", file], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self._folder, start_new_session=True)

    def wait_ready(self):
        self.stories.append(wait_until(f"{self.name} to serve its API", self._listen, READY_SECONDS))
        self.story.begin(self.connections())

    def _listen(self) -> Story | None:
        self.require_running()
        try:
            return Story(self._connection())
        except (OSError, http.client.HTTPException):
            return None

    @property
    def story(self) -> Story:
        return self.stories[-1]

    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def require_running(self):
        if not self.running():
            status = self.child.returncode if self.child else "nothing: it was not started"
            raise AssertionError(f"{self.name} ended with {status}; its last words:\n{self.last_words()}")

    def last_words(self, lines: int = 12) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number: signal.Signals):
        self.require_running()
        self.child.send_signal(number)

    def kill(self):
        """As `kill -9`; the kernel closes the sockets, and no peer is told."""
        self.signal(signal.SIGKILL)
        self.child.wait()
        self.story.finish()

    def stop(self) -> int:
        """By SIGTERM, and by SIGKILL when that does not end it in time."""
        if not self.running():
            return self.child.returncode if self.child else 0
        self.child.send_signal(signal.SIGCONT)
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        if self.stories:
            self.story.finish()
        return self.child.returncode

    def crashes(self) -> list[str]:
        return [line for line in self.log.read_text(errors="replace").splitlines() if CRASH.search(line)]

    def resources(self) -> dict[str, int]:
        """Resident memory in kB, open file descriptors, threads."""
        folder = pathlib.Path(f"/proc/{self.child.pid}")
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
        return {"rss_kb": int(status["VmRSS"].split()[0]), "fds": len(list((folder / "fd").iterdir())),
                "threads": int(status["Threads"])}

    # MARK: The API

    def _connection(self, seconds: float = 20) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", API_PORT, timeout=seconds)
        connection.sock = self.host.connect("127.0.0.1", API_PORT, seconds)
        return connection

    def call(self, method: str, path: str, body: dict | None = None, seconds: float = 20) -> tuple[int, dict | str]:
        """Status and body, JSON where it says so."""
        connection = self._connection(seconds)
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
            raise AssertionError(f"{self.name}: GET {path} answers {status}: {answer}")
        return answer

    def post(self, path: str, body: dict | None = None, statuses: tuple[int, ...] = (200, 202)) -> dict | str:
        status, answer = self.call("POST", path, body or {})
        if status not in statuses:
            raise AssertionError(f"{self.name}: POST {path} {body} answers {status}: {answer}")
        return answer

    def items(self, path: str) -> list[dict]:
        """All pages of a list."""
        items, cursor = [], None
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=1000" + (f"&cursor={cursor}" if cursor else ""))
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def peers(self) -> list[dict]:
        return self.items("/v1/peers")

    def connections(self) -> list[dict]:
        return self.items("/v1/connections")

    def peer(self, other: "Node") -> dict:
        return self.get(f"/v1/peers/{other.peer_id}")

    def ping(self, other: "Node", count: int = 3) -> float:
        """The mean round trip in milliseconds; an error when an echo is missing."""
        answer = self.post(f"/v1/peers/{other.peer_id}/ping", {"count": count})
        errors = [result["error"] for result in answer["results"] if result["error"]]
        if errors:
            raise AssertionError(f"{self.name} pings {other.name}: {len(errors)} of {count} failed: {errors[0]}")
        return answer["rtt_ms"]["mean"]

    def perf(self, target: "Node", upload: int, download: int, seconds: int) -> dict:
        """What `fednode perf` measures from this host to another node."""
        address = f"{target.addresses()[0]}/p2p/{target.peer_id}"
        tool = subprocess.Popen(
            [*self.host.prefix(), self._binary, "perf", "--json", "--upload", str(upload), "--download", str(download),
             "--timeout", f"{seconds}s", address],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.tools.append(tool)
        answer, errors = tool.communicate(timeout=seconds + 20)
        if tool.returncode != 0:
            raise AssertionError(f"perf from {self.name} to {target.name}: {answer}{errors}")
        return json.loads(answer)
