"""The programs that are measured. Each answers `measure(workload)` with figures by name."""

import http.client
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Interop"))

from fednode import Fednode as Node  # noqa: E402
from p2pd import P2pd, read_exactly, read_message  # noqa: E402
from process import free_port, wait_until  # noqa: E402
from wire import base58_decode, field, varint  # noqa: E402

BULK_BYTES = 1_000_000_000
HANDSHAKES = 1000
IDLE_CONNECTIONS = 2000
# How many, and how many at a time.
LOADS = {
    "hs 1": (HANDSHAKES, 1),
    "hs 32": (HANDSHAKES, 32),
    "hs 1 cached": (HANDSHAKES, 1),
    "hs 32 cached": (HANDSHAKES, 32),
    "rr 1": (20_000, 1),
    "rr 100": (300_000, 100),
    "ping 100": (300_000, 100),
    "agree 100": (300_000, 100),
    "idle": (IDLE_CONNECTIONS, 16),
}
# Those that a node serves; limit's bare round trip is what they are held against.
OF_NODE = ("ping 100", "agree 100")
# How many of which size, one way on one stream.
FRAMES = {"frames 100": (2_000_000, 100), "frames 1M": (1_000, 1 << 20)}
CLIENT_SECONDS = 120
PEERS = 500
# Of the registry: peers of the address book, and others that are connected.
KNOWN, CONNECTED = 10_000, 2_000
REQUESTS = 100
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    times = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(times[11]) + int(times[12])) / TICKS


def resident_kb(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


class CommandLineProgram:
    """A server and a client of its own, one process each; a fresh server for every measurement."""

    name: str

    def __init__(self, binary: pathlib.Path):
        self.binary = binary.resolve()

    def server(self, port: int, workload: str) -> list[str]:
        raise NotImplementedError

    def client(self, port: int, workload: str) -> list[str]:
        raise NotImplementedError

    def figure(self, workload: str, output: str) -> float:
        """Gbit/s or events per second, as the client reports it."""
        raise NotImplementedError

    def measure(self, workload: str) -> dict[str, float]:
        if workload != "bulk" and workload not in LOADS and workload not in FRAMES:
            return {}
        port = free_port()
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen(
            [str(self.binary), *self.server(port, workload)], stdout=subprocess.DEVNULL, **quiet
        )
        try:
            wait_until(f"{self.name}'s server", lambda: bound(port))
            cpu, memory = cpu_seconds(server.pid), resident_kb(server.pid)
            client = subprocess.Popen(
                [str(self.binary), *self.client(port, workload)], stdout=subprocess.PIPE, text=True, **quiet
            )
            highest, deadline = memory, time.monotonic() + CLIENT_SECONDS
            while os.waitid(os.P_PID, client.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                if time.monotonic() > deadline:
                    client.kill()
                    raise AssertionError(f"{self.name} {workload} takes more than {CLIENT_SECONDS} s")
                highest = max(highest, resident_kb(server.pid))
                time.sleep(0.02)
            spent = cpu_seconds(client.pid)
            output = client.communicate()[0]
            if client.returncode != 0:
                raise AssertionError(f"{self.name} {workload} ends with {client.returncode}: {output}")
            if workload == "idle":
                return {"idle": (highest - memory) / IDLE_CONNECTIONS}
            figures = {workload: self.figure(workload, output)}
            if workload == "bulk":
                gigabytes = BULK_BYTES / 1e9
                figures["bulk cpu send"] = spent / gigabytes
                figures["bulk cpu receive"] = (cpu_seconds(server.pid) - cpu) / gigabytes
            return figures
        finally:
            server.terminate()
            server.wait()


def bound(port: int) -> bool:
    """True once something holds the UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


class Limit(CommandLineProgram):
    name = "limit"

    def measure(self, workload):
        # It agrees on no protocol.
        if workload in OF_NODE:
            return {workload: figure for figure in super().measure("rr 100").values()}
        return {} if workload in FRAMES else super().measure(workload)

    def server(self, port, workload):
        return ["serve", "-p", str(port), "-t", str(CLIENT_SECONDS), "-q"] + self._cache(workload)

    def client(self, port, workload):
        verb = workload.split()[0]
        if verb == "bulk":
            return [verb, "-size", str(BULK_BYTES), "-p", str(port), "-q"]
        count, concurrency = LOADS[workload]
        hold = ["-hold", "3"] if verb == "idle" else []
        return [verb, "-n", str(count), "-c", str(concurrency), *hold, "-p", str(port), "-q", *self._cache(workload)]

    def _cache(self, workload):
        return ["-cache"] if workload.endswith("cached") else []

    def figure(self, workload, output):
        return float(re.search(r"([\d.]+) Gbit/s" if workload == "bulk" else r"= ([\d.]+) /s", output)[1])


class Crowd:
    """Peers that connect to the node at `port` and stay."""

    def __init__(self, bench: pathlib.Path, port: int | str, count: int):
        self._command = [str(bench), "crowd", "--port", str(port), "--n", str(count), "--seconds", str(CLIENT_SECONDS)]

    def __enter__(self):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(self._command, **quiet)

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()


class Fednode(CommandLineProgram):
    name = "fednode"

    def __init__(self, binary: pathlib.Path, node: pathlib.Path | None, folder: pathlib.Path):
        super().__init__(binary)
        self.node, self.folder = node and node.resolve(), folder

    def measure(self, workload):
        match workload:
            case "peers":
                return self._peers()
            case "registry":
                return self._registry()
            case _:
                return super().measure(workload)

    def _peers(self) -> dict[str, float]:
        """The node itself with a crowd of identified peers, and how long its list of them takes."""
        if self.node is None:
            return {}
        # All of them come from one address.
        crowded = {"federation.size": PEERS, "limits.connections_per_ip": 0, "limits.connections_per_subnet": 0}
        node = Node(self.node, self.folder, settings=crowded)
        try:
            node.wait_ready()
            port = node.addresses[4].split("/")[4]
            with Crowd(self.binary, port, PEERS):
                def identified() -> bool:
                    return sum(bool(peer["agent_version"]) for peer in node.get(everybody)["items"]) == PEERS

                everybody = "/v1/peers?limit=1000"
                wait_until(f"{PEERS} peers", identified, CLIENT_SECONDS / 2)
                return {
                    "peers page": self._request(node.api, ["/v1/peers"]),
                    "peers all": self._request(node.api, [everybody]),
                }
        finally:
            node.stop()

    def _registry(self) -> dict[str, float]:
        """A host that knows many peers, and how long one of them takes."""
        port = free_port()
        command = [str(self.binary), "registry", "--port", str(port), "--n", str(KNOWN), "--seconds", str(CLIENT_SECONDS)]
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            said = re.match(r"registry: api (\d+), ([\d.]+) kB each", server.stdout.readline())
            api = int(said[1])
            with Crowd(self.binary, port, CONNECTED):
                def ids(state: str) -> list[str]:
                    page = self._get(api, f"/v1/peers?limit=1000&state={state}")
                    found = page["items"]
                    while page["next_cursor"]:
                        page = self._get(api, f"/v1/peers?limit=1000&state={state}&cursor={page['next_cursor']}")
                        found += page["items"]
                    return [f"/v1/peers/{peer['peer_id']}" for peer in found]

                wait_until(f"{CONNECTED} peers", lambda: len(ids("connected")) == CONNECTED, CLIENT_SECONDS / 2)
                return {
                    "registry known": self._request(api, ids("idle"), 10 * REQUESTS),
                    "registry connected": self._request(api, ids("connected"), 10 * REQUESTS),
                    "registry memory": float(said[2]),
                }
        finally:
            server.terminate()
            server.wait()

    def _get(self, port: int, path: str) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CLIENT_SECONDS)
        connection.request("GET", path)
        answer = json.load(connection.getresponse())
        connection.close()
        return answer

    def _request(self, port: int, paths: list[str], count: int = REQUESTS) -> float:
        """Median milliseconds of one GET on a connection that stands, of `paths` in turn."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CLIENT_SECONDS)
        times = []
        for number in range(count):
            path = paths[number * 7919 % len(paths)]
            start = time.perf_counter()
            connection.request("GET", path)
            connection.getresponse().read()
            times.append((time.perf_counter() - start) * 1e3)
        connection.close()
        return statistics.median(times)

    def server(self, port, workload):
        if workload in OF_NODE:
            return ["node", "--port", str(port), "--seconds", str(CLIENT_SECONDS), *self._cache(workload)]
        of = ["--of", "frames"] if workload in FRAMES else []
        return ["serve", "--port", str(port), "--seconds", str(CLIENT_SECONDS), *of, *self._cache(workload)]

    def client(self, port, workload):
        verb = workload.split()[0]
        if verb == "bulk":
            return [verb, "--port", str(port), "--size", str(BULK_BYTES)]
        if workload in FRAMES:
            count, size = FRAMES[workload]
            return [verb, "--port", str(port), "--n", str(count), "--size", str(size)]
        count, concurrency = LOADS[workload]
        return [verb, "--port", str(port), "--n", str(count), "--c", str(concurrency), *self._cache(workload)]

    def _cache(self, workload):
        return ["--certificate-cache", "off" if workload.startswith("hs") and "cached" not in workload else "on"]

    def figure(self, workload, output):
        return float(re.search(r" ([\d.e+]+) " + ("Gbit/s" if workload in ("bulk", "frames 1M") else "/s"), output)[1])


class GoLibp2p:
    """Two p2pd through their control sockets; only what can be measured through those."""

    name = "p2pd"
    protocol = "/benchmark/sink/1.0.0"

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path):
        self.binary, self.folder = binary.resolve(), folder

    def measure(self, workload: str) -> dict[str, float]:
        if workload not in ("bulk", "hs 1"):
            return {}
        daemons = [P2pd(self.binary, self.folder, name) for name in ("sender", "receiver")]
        try:
            for daemon in daemons:
                daemon.wait_ready()
            return self._bulk(*daemons) if workload == "bulk" else self._handshakes(*daemons)
        finally:
            for daemon in daemons:
                daemon.stop()

    def _handshakes(self, client: P2pd, server: P2pd) -> dict[str, float]:
        count, start = HANDSHAKES // 4, time.monotonic()
        for _ in range(count):
            client.dial(server.addresses[4], server.peer_id)
            client.disconnect(server.peer_id)
        return {"hs 1": count / (time.monotonic() - start)}

    def _bulk(self, sender: P2pd, receiver: P2pd) -> dict[str, float]:
        sink = self.folder / "sink.sock"
        sink.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(sink))
            listener.listen()
            threading.Thread(target=self._drain, args=(listener,), daemon=True).start()
            self._handle(receiver, sink)
            sender.dial(receiver.addresses[4], receiver.peer_id)
            before = [cpu_seconds(daemon.child.pid) for daemon in (sender, receiver)]
            chunk, start = bytes(1 << 18), time.monotonic()
            with sender.open_stream(receiver.peer_id, self.protocol) as stream:
                stream.settimeout(CLIENT_SECONDS)
                for _ in range(BULK_BYTES // len(chunk)):
                    stream.sendall(chunk)
                read_exactly(stream, 1)
            seconds = time.monotonic() - start
        spent = [cpu_seconds(daemon.child.pid) - earlier for daemon, earlier in zip((sender, receiver), before)]
        size = BULK_BYTES // len(chunk) * len(chunk)
        return {
            "bulk": size * 8 / seconds / 1e9,
            "bulk cpu send": spent[0] / (size / 1e9),
            "bulk cpu receive": spent[1] / (size / 1e9),
        }

    def _handle(self, daemon: P2pd, path: pathlib.Path):
        """Inbound streams connect to the Unix socket at `path`, a StreamInfo first."""
        unix, stream_handler = varint(400), 3
        address = unix + varint(len(str(path))) + str(path).encode()
        handler = field(1, address) + field(2, self.protocol.encode()) + field(3, 0)
        daemon.request(field(1, stream_handler) + field(4, handler))

    def _drain(self, listener: socket.socket):
        connection, _ = listener.accept()
        with connection:
            read_message(connection)
            left, buffer = BULK_BYTES // (1 << 18) * (1 << 18), memoryview(bytearray(1 << 20))
            while left > 0:
                got = connection.recv_into(buffer)
                if not got:
                    return
                left -= got
            connection.sendall(b"\1")
            # p2pd tears the stream down when either side closes: the sender closes first.
            connection.recv(1)
