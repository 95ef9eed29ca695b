"""Runs the cases in order, prints a line for each and `N passed, N failed`. Started by Tests/Metrics/run."""

import argparse
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

from cases import CASES
from lab import Node, Prometheus


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fednode", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--prometheus", type=pathlib.Path, required=True, help="the folder of prometheus and promtool")
    arguments = parser.parse_args()

    folder = pathlib.Path(tempfile.mkdtemp(prefix="metrics-"))
    lab = Lab(arguments.fednode.resolve(), arguments.prometheus.resolve(), folder)
    results = []
    try:
        lab.start()
        for name, case in CASES:
            start, error = time.monotonic(), None
            try:
                case(lab)
            except Exception as caught:  # whatever it is, the other cases still run
                error = caught
            results.append(error is None)
            print(f"{'ok' if error is None else 'FAILED':<8}{name:<72}{time.monotonic() - start:6.1f} s", flush=True)
            if error is not None:
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{pathlib.Path(where.filename).name}:{where.lineno}"
                print(f"        {type(error).__name__}: {error} ({place})", flush=True)
    finally:
        lab.stop()
    if not all(results):
        print(lab.last_words(), flush=True)
    shutil.rmtree(folder)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if len(results) == len(CASES) and all(results) else 1


class Lab:
    """Three members and their Prometheus."""

    def __init__(self, fednode: pathlib.Path, programs: pathlib.Path, folder: pathlib.Path):
        self.fednode, self.programs, self.folder = fednode, programs, folder
        self.nodes: list[Node] = []
        self.prometheus: Prometheus | None = None

    def start(self):
        self.nodes = [Node(self.fednode, self.folder / name, name) for name in ("one", "two", "three")]
        for node in self.nodes:
            node.wait_ready()
        self.prometheus = Prometheus(self.programs, self.folder, self.nodes)
        self.prometheus.wait_ready()

    def stop(self):
        for process in [*self.nodes, *filter(None, [self.prometheus])]:
            process.stop()

    def last_words(self) -> str:
        processes = [*self.nodes, *filter(None, [self.prometheus])]
        return "\n".join(f"--- {process.name}\n{process.last_words()}" for process in processes)


if __name__ == "__main__":
    sys.exit(main())
