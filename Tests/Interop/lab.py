"""The programs that one scenario needs, started on first use, ended together."""

import pathlib
from collections.abc import Callable

from fednode import Fednode
from p2pd import P2pd
from process import Process
from py_libp2p import PyLibp2p


class Lab:
    def __init__(self, fednode: pathlib.Path, p2pd: pathlib.Path, folder: pathlib.Path, settings: dict | None = None):
        """`settings`: fednode's configuration keys and their values."""
        self._fednode, self._p2pd, self.folder, self._settings = fednode, p2pd, folder, settings
        self._processes: dict[str, Process] = {}
        self._failed: set[str] = set()

    @property
    def fednode(self) -> Fednode:
        return self._started("fednode", lambda: Fednode(self._fednode, self.folder, settings=self._settings))

    def peer(self, kind: str, name: str | None = None) -> P2pd | PyLibp2p:
        """The peer of this kind, or another one of it under a name of its own."""
        name = name or kind
        if kind == "p2pd":
            return self._started(name, lambda: P2pd(self._p2pd, self.folder, name))
        return self._started(name, lambda: PyLibp2p(self.folder, name))

    def _started(self, name: str, start: Callable[[], Process]):
        if name in self._failed:
            raise AssertionError(f"{name} did not start")
        if name not in self._processes:
            process = start()
            try:
                process.wait_ready()
            except BaseException:
                self._failed.add(name)
                process.stop()
                raise
            self._processes[name] = process
        return self._processes[name]

    def last_words(self) -> str:
        return "\n".join(f"--- {process.name}\n{process.last_words()}" for process in self._processes.values())

    def close(self):
        for process in self._processes.values():
            process.stop()
