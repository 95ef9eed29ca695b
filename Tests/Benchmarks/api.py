"""The management API: how fast it is beside an nginx that serves the same bytes, and what many clients cost."""

import contextlib
import http.client
import pathlib
import re
import selectors
import socket
import statistics
import subprocess
import threading
import time

from process import Process, free_port, wait_until
from programs import CLIENT_SECONDS, Crowd, Node, cpu_seconds, resident_kb

# As many keep-alive connections as of a busy dashboard; the load itself takes one processor.
CONNECTIONS, LOAD_SECONDS = 32, 4
CROWD = 2_000
READERS, READER_SECONDS = 1_000, 20
# Those that follow what happens, and those of them that never read; failed dials a second, each of three events.
FOLLOWERS, DEAF, FAILED_DIALS, FOLLOW_SECONDS = 195, 5, 50, 6
DIALS, DIAL_MILLISECONDS = 50, 5_000
PROBES = 1_000
WORKLOADS = ("livez", "peer", "scrape", "lists", "dials", "readers", "followers")
TIME = re.compile(rb'"time":"[^"]*T(\d\d):(\d\d):(\d\d\.\d\d\d)Z"')
PEER = "/v1/peers/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
PATHS = {"livez": "/livez", "peer": PEER}


class Load:
    """wrk, from the folder that Debian's packages were unpacked in."""

    def __init__(self, tools: pathlib.Path):
        self._command = tools / "usr/bin/wrk"
        self._environment = {"LD_LIBRARY_PATH": str(tools / "usr/lib/x86_64-linux-gnu")}

    def start(self, url: str, connections: int, seconds: int) -> subprocess.Popen:
        return subprocess.Popen(
            [self._command, "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "10", url],
            env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    def rate(self, load: subprocess.Popen) -> float:
        """Requests a second, once it has ended."""
        said = load.communicate(timeout=CLIENT_SECONDS)[0]
        if load.returncode != 0 or "Non-2xx" in said or "Socket errors" in said:
            raise AssertionError(f"wrk ends with {load.returncode}: {said}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])


class API:
    """A node, for the workloads that are of its API."""

    name = "fednode"

    def __init__(self, bench: pathlib.Path, node: pathlib.Path, load: Load, folder: pathlib.Path):
        self.bench, self.binary, self.load, self.folder = bench.resolve(), node.resolve(), load, folder

    def measure(self, workload: str) -> dict[str, float]:
        if workload not in WORKLOADS:
            return {}
        # All of the crowd come from one address.
        settings = {
            "limits.api_requests_per_second": 0, "federation.size": CROWD, "limits.connections_per_ip": 0,
            "limits.connections_per_subnet": 0, "logging.level": "warning",
        }
        node = Node(self.binary, self.folder, settings=settings)
        try:
            node.wait_ready()
            return getattr(self, f"_{workload}")(node)
        finally:
            node.stop()

    def _livez(self, node: Node) -> dict[str, float]:
        return {"livez": self._requests(node, "/livez")}

    def _peer(self, node: Node) -> dict[str, float]:
        status, answer = node.call("PUT", PEER, {"name": "fed-02", "addresses": [node.addresses[4]]})
        if status != 201:
            raise AssertionError(f"PUT {PEER} answers {status}: {answer}")
        return {"peer": self._requests(node, PEER)}

    def _requests(self, node: Node, path: str) -> float:
        """And keeps the answer for nginx."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", node.api)) as connection:
            connection.request("GET", path)
            file = self.folder / "www" / path[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(connection.getresponse().read())
        return self.load.rate(self.load.start(f"http://127.0.0.1:{node.api}{path}", CONNECTIONS, LOAD_SECONDS))

    @contextlib.contextmanager
    def _crowded(self, node: Node):
        port = node.addresses[4].split("/")[4]
        with Crowd(self.bench, port, CROWD):
            def connected() -> bool:
                return node.get("/v1/peers?state=connected&limit=1")["total"] == CROWD

            wait_until(f"{CROWD} peers", connected, CLIENT_SECONDS / 2)
            yield

    def _scrape(self, node: Node) -> dict[str, float]:
        with self._crowded(node):
            times = latencies(node.api, "/metrics", count=100)
            return {"scrape": statistics.median(times), "scrape worst": max(times)}

    def _lists(self, node: Node) -> dict[str, float]:
        """Others, while four clients read the longest page on end."""
        with self._crowded(node):
            quiet = percentile(latencies(node.api, "/livez", PROBES))
            load = self.load.start(f"http://127.0.0.1:{node.api}/v1/peers?limit=1000", 4, LOAD_SECONDS)
            times = latencies(node.api, "/livez", PROBES)
            return {"lists": self.load.rate(load), "lists p99": percentile(times), "quiet p99": quiet}

    def _dials(self, node: Node) -> dict[str, float]:
        """Others, while many clients wait for dials that nobody answers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
            hole.bind(("127.0.0.1", 0))
            body = {"address": f"/ip4/127.0.0.1/udp/{hole.getsockname()[1]}/quic-v1", "timeout_ms": DIAL_MILLISECONDS}
            statuses = []

            def dial():
                statuses.append(node.call("POST", "/v1/dial", body)[0])

            threads = [threading.Thread(target=dial) for _ in range(DIALS)]
            for thread in threads:
                thread.start()

            def waiting() -> bool:
                return sum(dial["state"] == "running" for dial in node.get("/v1/dials")["items"]) == DIALS

            wait_until(f"{DIALS} dials", waiting, DIAL_MILLISECONDS / 1e3)
            live, peers = latencies(node.api, "/livez", PROBES), latencies(node.api, "/v1/peers", PROBES)
            if not waiting():
                raise AssertionError("the dials ended before the measurement did")
            for thread in threads:
                thread.join()
            if set(statuses) != {504}:
                raise AssertionError(f"the dials end with {set(statuses)}")
            return {"dials p99": max(percentile(live), percentile(peers))}

    def _readers(self, node: Node) -> dict[str, float]:
        """Clients of the events, of which there are none meanwhile."""
        before = resident_kb(node.child.pid)
        with contextlib.ExitStack() as stack:
            for _ in range(READERS):
                reader = stack.enter_context(socket.create_connection(("127.0.0.1", node.api)))
                reader.sendall(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                if b" 200 " not in reader.recv(4096):
                    raise AssertionError("a reader was not let in")
            cost = (resident_kb(node.child.pid) - before) / 1e3
            cpu = cpu_seconds(node.child.pid)
            time.sleep(READER_SECONDS)
            busy = (cpu_seconds(node.child.pid) - cpu) / READER_SECONDS
        return {"readers": cost, "readers cpu": busy * 100}

    def _followers(self, node: Node) -> dict[str, float]:
        """From an event to those who read it, while some of the others do not read at all."""
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
            for number in range(DEAF + FOLLOWERS):
                reader = stack.enter_context(socket.socket())
                if number < DEAF:
                    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                reader.connect(("127.0.0.1", node.api))
                reader.sendall(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                if number >= DEAF:
                    selector.register(reader, selectors.EVENT_READ)
            end = time.monotonic() + FOLLOW_SECONDS

            def publish():
                while time.monotonic() < end:
                    node.call("POST", "/v1/dial", {"address": "/ip4/127.0.0.1/udp/1/quic-v1"})
                    time.sleep(1 / FAILED_DIALS)

            publisher = threading.Thread(target=publish)
            publisher.start()
            times = []
            while time.monotonic() < end:
                for key, _ in selector.select(0.1):
                    bytes_read, now = key.fileobj.recv(1 << 16), time.time() % 86_400
                    for hour, minute, second in TIME.findall(bytes_read):
                        times.append((now - int(hour) * 3_600 - int(minute) * 60 - float(second)) * 1e3)
            publisher.join()
        if len(times) < FOLLOWERS * FAILED_DIALS * FOLLOW_SECONDS:
            raise AssertionError(f"only {len(times)} events were read")
        return {"followers p99": percentile(times)}


class Nginx:
    """Serves the answers that the node gave, with the headers that it gives."""

    def __init__(self, tools: pathlib.Path, load: Load, folder: pathlib.Path, workers: int):
        self.name = f"nginx x{workers}"
        self._program, self._load, self._folder, self._workers = tools / "usr/sbin/nginx", load, folder, workers

    def measure(self, workload: str) -> dict[str, float]:
        if workload not in PATHS:
            return {}
        port = free_port(socket.SOCK_STREAM)
        folder = self._folder / f"nginx-{self._workers}"
        folder.mkdir(exist_ok=True)
        (folder / "nginx.conf").write_text(self._configuration(port))
        server = Process("nginx", [self._program, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"], folder)
        try:
            def answers() -> bool:
                server.require_running()
                try:
                    with socket.create_connection(("127.0.0.1", port)):
                        return True
                except OSError:
                    return False

            wait_until("nginx", answers)
            load = self._load.start(f"http://127.0.0.1:{port}{PATHS[workload]}", CONNECTIONS, LOAD_SECONDS)
            return {workload: self._load.rate(load)}
        finally:
            server.stop()

    def _configuration(self, port: int) -> str:
        return f"""
worker_processes {self._workers};
daemon off;
pid nginx.pid;
error_log stderr;
user root;
events {{ worker_connections 256; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  sendfile on;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port};
    root {self._folder / 'www'};
    default_type "application/json; charset=utf-8";
    add_header X-Request-Id $request_id;
    add_header Cache-Control no-store;
    add_header X-Content-Type-Options nosniff;
  }}
}}
"""


def latencies(port: int, path: str, count: int) -> list[float]:
    """Milliseconds of GETs on a connection that stands."""
    times = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=CLIENT_SECONDS)) as connection:
        for _ in range(count):
            start = time.perf_counter()
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            times.append((time.perf_counter() - start) * 1e3)
            if response.status != 200:
                raise AssertionError(f"GET {path} answers {response.status}")
    return times


def percentile(times: list[float]) -> float:
    """The 99th."""
    return statistics.quantiles(times, n=100)[98]
