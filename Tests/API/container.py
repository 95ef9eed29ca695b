"""docker/healthcheck, the way a container runs it, against a node of each kind of API."""

import os
import pathlib
import subprocess

from nodes import Lab, Node, tcp_port

NAME = "container"
HEALTHCHECK = pathlib.Path("docker/healthcheck").resolve()


class Checked(Node):
    """A node that is known by its health check alone."""

    def __init__(self, lab: Lab, name: str, address: str, **api):
        self.address_of_api = address
        super().__init__(lab.binary, lab.folder, name, {"api": {"address": address, **api}})

    def _live(self) -> bool:
        self.require_running()
        return is_healthy(self.address_of_api)


def is_healthy(address: str) -> bool:
    variables = os.environ | {"FEDNODE_API_ADDRESS": address}
    return subprocess.run([HEALTHCHECK], env=variables, capture_output=True, timeout=15, check=False).returncode == 0


def checked(lab: Lab, name: str, address: str, **api):
    """Fails before the node is there, succeeds while it is, and fails again when it has ended."""
    if is_healthy(address):
        raise AssertionError(f"{address} is healthy though nobody is there")
    node = Checked(lab, name, address, **api)
    try:
        node.wait_ready()
    finally:
        node.stop()
    if is_healthy(address):
        raise AssertionError(f"{address} is healthy though the node has ended")


def plain(lab: Lab):
    checked(lab, "ipv4", f"127.0.0.1:{tcp_port()}")
    checked(lab, "ipv6", f"[::1]:{tcp_port()}")


def every_address(lab: Lab):
    checked(lab, "every", f"0.0.0.0:{tcp_port()}", insecure=True)


def unix(lab: Lab):
    checked(lab, "unix", f"unix:{lab.folder}/api.sock")


def certificate(lab: Lab) -> tuple[str, str]:
    key, file = lab.folder / "https.key", lab.folder / "https.pem"
    if not file.exists():
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]
        names = ["-subj", "/CN=localhost", "-keyout", key, "-out", file]
        subprocess.run([*command, *names], capture_output=True, check=True)
        key.chmod(0o600)
    return str(file), str(key)


def tls(lab: Lab):
    file, key = certificate(lab)
    checked(lab, "tls", f"127.0.0.1:{tcp_port()}", tls={"certificate_file": file, "key_file": key})


def tls_of_both(lab: Lab):
    file, key = certificate(lab)
    files = {"certificate_file": file, "key_file": key, "client_ca_file": file}
    checked(lab, "both", f"127.0.0.1:{tcp_port()}", tls=files)


CASES = [
    ("health check over TCP", plain),
    ("health check of a node that listens everywhere", every_address),
    ("health check over a Unix socket", unix),
    ("health check over TLS", tls),
    ("health check over TLS with client certificates", tls_of_both),
]
