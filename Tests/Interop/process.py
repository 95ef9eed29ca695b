"""Starting, watching and ending the programs under test."""

import pathlib
import signal
import socket
import subprocess
import time


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """A port that nothing holds on either loopback address."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, kind) as four, socket.socket(socket.AF_INET6, kind) as six:
            four.bind(("127.0.0.1", 0))
            port = four.getsockname()[1]
            try:
                six.bind(("::1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free on both 127.0.0.1 and ::1")


def wait_until(what: str, condition, seconds: float = 10.0):
    """The first true answer of `condition`; an error that names `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


class Process:
    """A child with its output in a file; `stop` never leaves it running."""

    def __init__(self, name: str, command: list, folder: pathlib.Path, **options):
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log} | options
            self.child = subprocess.Popen([str(part) for part in command], stderr=log, **options)

    def wait_ready(self):
        """Returns once the program can be used."""
        raise NotImplementedError

    def running(self) -> bool:
        return self.child.poll() is None

    def require_running(self):
        if not self.running():
            status = self.child.returncode
            raise AssertionError(f"{self.name} ended with {status}; its last words:\n{self.last_words()}")

    def last_words(self, lines: int = 12) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, seconds: float = 5.0) -> int:
        """Asks by SIGTERM, insists by SIGKILL; the exit status as Popen has it."""
        if self.running():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        return self.child.returncode
