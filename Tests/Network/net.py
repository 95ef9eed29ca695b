"""Hosts as Linux network namespaces that share one switch, which is a bridge in a namespace of its own."""

import contextlib
import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterable

TOOLS = ("ip", "nft", "tc", "ss", "nsenter")
COMMAND_SECONDS = 30
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)

# What every host drops on arrival. Nothing is dropped on the way out: there the sender would get EPERM.
FAULT_TABLE = "table inet fault { chain arriving { type filter hook input priority 0; policy accept; }; }"


class Unavailable(Exception):
    """This machine does not let us make hosts."""


def command(*words: object, text: str | None = None) -> str:
    """Standard output of a program; an error that has its words when it fails."""
    ended = subprocess.run(
        [str(word) for word in words], input=text, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit {ended.returncode}: {ended.stderr.strip()}")
    return ended.stdout


def require():
    """An `Unavailable` that says what is missing, where hosts cannot be made."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"there is no {', '.join(missing)}; docker/install-packages --test installs them")
    if os.geteuid() != 0:
        raise Unavailable("network namespaces need root")
    try:
        with contextlib.closing(Network()) as network:
            network.add()
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"making a host failed: {error}") from None


class Namespace:
    def __init__(self, name: str):
        self.name = name
        command("ip", "netns", "add", name)
        self._file = f"/run/netns/{name}"

    def prefix(self) -> list[str]:
        """Words before a command that is to run inside. `ip netns exec` would remount /sys, which a chroot forbids."""
        return ["nsenter", f"--net={self._file}", "--"]

    def run(self, *words: object, text: str | None = None) -> str:
        return command(*self.prefix(), *words, text=text)

    def ip(self, *lines: str):
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    @contextlib.contextmanager
    def inside(self):
        """This thread's new sockets are the namespace's; those it has stay where they are."""
        before = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        try:
            with open(self._file, "rb") as file:
                self._enter(file.fileno())
            try:
                yield
            finally:
                self._enter(before)
        finally:
            os.close(before)

    @staticmethod
    def _enter(descriptor: int):
        if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"setns: {os.strerror(number)}")

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        with self.inside():
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.settimeout(seconds)
        try:
            made.connect((address, port))
        except BaseException:
            made.close()
            raise
        return made

    def delete(self):
        command("ip", "netns", "delete", self.name)


class Host(Namespace):
    """A machine with one card, one IPv4 and one IPv6 address, and a spare one of each that is not in use yet."""

    def __init__(self, name: str, number: int, switch: Namespace):
        super().__init__(name)
        try:
            self._attach(number, switch)
        except BaseException:
            self.delete()
            raise

    def _attach(self, number: int, switch: Namespace):
        self.number, self._switch, self._port = number, switch, f"port{number}"
        self.ipv4, self.ipv6 = f"10.66.0.{number}", f"fd66::{number}"
        self.spare_ipv4, self.spare_ipv6 = f"10.66.0.{number + 100}", f"fd66::{number + 100}"
        self.mac = f"02:00:00:00:66:{number:02x}"
        command("ip", "link", "add", "eth0", "address", self.mac, "netns", self.name,
                "type", "veth", "peer", "name", self._port, "netns", switch.name)
        switch.ip(f"link set {self._port} master switch up")
        # One datagram, one packet: a burst in one piece would be lost or limited as a whole, as on no real wire.
        self.ip("link set lo up", f"address add {self.ipv4}/24 dev eth0", f"address add {self.ipv6}/64 dev eth0 nodad",
                "link set eth0 up gso_max_segs 1")
        self.run("nft", "-f", "-", text=FAULT_TABLE)

    def drop_from(self, others: Iterable["Host"]):
        """Nothing arrives from them any more, from any of their addresses."""
        macs = ", ".join(other.mac for other in others)
        self._drop(f"ether saddr {{ {macs} }}")

    def drop_percent(self, percent: int):
        self._drop(f"meta l4proto udp numgen random mod 100 < {percent}")

    def _drop(self, match: str):
        self.run("nft", "-f", "-", text=f"add rule inet fault arriving iifname eth0 {match} counter drop")

    def dropped(self) -> int:
        """Packets that the present rules have dropped."""
        words = self.run("nft", "list", "chain", "inet", "fault", "arriving").split()
        return sum(int(words[place + 1]) for place, word in enumerate(words) if word == "packets")

    def heal(self):
        self.run("nft", "-f", "-", text="flush chain inet fault arriving")

    def move(self):
        """The spare addresses in place of those in use."""
        self.ip(f"address add {self.spare_ipv4}/24 dev eth0", f"address add {self.spare_ipv6}/64 dev eth0 nodad",
                f"address delete {self.ipv4}/24 dev eth0", f"address delete {self.ipv6}/64 dev eth0")
        self.ipv4, self.spare_ipv4 = self.spare_ipv4, self.ipv4
        self.ipv6, self.spare_ipv6 = self.spare_ipv6, self.ipv6

    def set_mtu(self, mtu: int, *, card: bool, port: bool):
        """Of the host's own card, which it sees, and of the switch's port, which swallows what is larger."""
        if card:
            self.ip(f"link set eth0 mtu {mtu}")
        if port:
            self._switch.ip(f"link set {self._port} mtu {mtu}")

    def limit_rate(self, rate: str):
        """What leaves the host, by a token bucket: `1mbit`."""
        bucket = ["tbf", "rate", rate, "burst", "16kb", "latency", "100ms"]
        self.run("tc", "qdisc", "replace", "dev", "eth0", "root", *bucket)


class Network:
    """All hosts of one scenario; `close` removes them."""

    HOSTS_MAX = 99

    def __init__(self):
        # A process id alone may repeat: containers count their own.
        self._prefix = f"fednode-{os.getpid()}-{secrets.token_hex(3)}"
        self.hosts: list[Host] = []
        self._made: list[Namespace] = []
        self._switch = Namespace(f"{self._prefix}-switch")
        self._made.append(self._switch)
        try:
            self._switch.ip("link add switch type bridge mcast_snooping 0", "link set switch up")
        except BaseException:
            self.close()
            raise

    def add(self) -> Host:
        number = len(self.hosts) + 1
        if number > self.HOSTS_MAX:
            raise RuntimeError(f"a network has at most {self.HOSTS_MAX} hosts")
        host = Host(f"{self._prefix}-{number}", number, self._switch)
        self._made.append(host)
        self.hosts.append(host)
        return host

    def close(self):
        for namespace in reversed(self._made):
            with contextlib.suppress(RuntimeError):
                namespace.delete()
        self._made.clear()
