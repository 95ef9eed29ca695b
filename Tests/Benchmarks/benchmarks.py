"""Measures in rounds, every program in each, and prints medians. Started by Tests/Benchmarks/run."""

import argparse
import pathlib
import statistics
import sys
import tempfile

from programs import Fednode, GoLibp2p, Limit

WORKLOADS = (
    "bulk", "hs 1", "hs 32", "hs 1 cached", "hs 32 cached", "rr 1", "rr 100", "ping 100", "agree 100", "frames 100", "frames 1M",
    "idle", "peers", "registry",
)

# Figure, what it is, what it is compared with and the bound; a bound on cost is an upper one.
ROWS = [
    ("bulk", "one stream, Gbit/s", [("limit", "bulk", ">=", 0.75), ("p2pd", "bulk", ">=", 2.0)]),
    ("bulk cpu send", "CPU seconds per GB, sender", [("limit", "bulk cpu send", "<=", 1.3)]),
    ("bulk cpu receive", "CPU seconds per GB, receiver", [("limit", "bulk cpu receive", "<=", 1.3)]),
    ("hs 1", "handshakes/s, one at a time", [("limit", "hs 1", ">=", 0.9)]),
    ("hs 32", "handshakes/s, 32 at a time", [("limit", "hs 32", ">=", 0.9)]),
    ("hs 1 cached", "same, one, certificate known", [("limit", "hs 1", ">=", 1.4)]),
    ("hs 32 cached", "same, 32, certificate known", [("limit", "hs 32", ">=", 1.4)]),
    ("rr 1", "new-stream round trips/s, one", [("limit", "rr 1", ">=", 0.4)]),
    ("rr 100", "new-stream round trips/s, 100", [("limit", "rr 100", ">=", 0.3)]),
    ("ping 100", "same, with a protocol agreed on", [("limit", "ping 100", ">=", 0.3)]),
    ("agree 100", "same, with the federation's handshake", [("limit", "agree 100", ">=", 0.3)]),
    ("frames 100", "frames of 100 bytes/s, one way", [(None, None, ">=", 300_000.0)]),
    ("frames 1M", "frames of 1 MiB, Gbit/s", [("limit", "bulk", ">=", 0.7)]),
    ("idle", "kB per idle connection, server", [(None, None, "<=", 80.0)]),
    ("peers page", "ms, GET /v1/peers, 100 of 500", [(None, None, "<=", 5.0)]),
    ("peers all", "ms, GET /v1/peers, all 500", [(None, None, "<=", 5.0)]),
    ("registry known", "ms, GET a peer of 10,000", [(None, None, "<=", 1.0)]),
    ("registry connected", "same, one of 2,000 connected", [(None, None, "<=", 1.0)]),
    ("registry memory", "kB per peer of the address book", [(None, None, "<=", 2.0)]),
]


def measure(programs: list, workloads: list[str], rounds: int) -> dict[str, dict[str, float]]:
    """Medians by program and figure."""
    seen: dict[str, dict[str, list[float]]] = {program.name: {} for program in programs}
    for number in range(rounds):
        for workload in workloads:
            for program in programs:
                print(f"round {number + 1} of {rounds}: {workload}, {program.name}", file=sys.stderr, flush=True)
                try:
                    figures = program.measure(workload)
                except Exception as error:  # one that cannot be measured leaves a gap, not an end
                    print(f"{program.name}, {workload}: {error}", file=sys.stderr)
                    continue
                for figure, value in figures.items():
                    seen[program.name].setdefault(figure, []).append(value)
    return {
        name: {figure: statistics.median(values) for figure, values in figures.items()}
        for name, figures in seen.items()
    }


def verdict(medians: dict, figure: str, comparisons: list) -> str:
    words = []
    ours = medians["fednode"].get(figure)
    for other, their_figure, relation, bound in comparisons:
        theirs = 1.0 if other is None else medians.get(other, {}).get(their_figure)
        if not ours or not theirs:
            continue
        ratio = ours / theirs
        met = ratio >= bound if relation == ">=" else ratio <= bound
        of = "" if other is None else f" of {other}"
        words.append(f"{ratio:.2f}{of}, wanted {relation} {bound:g}: {'met' if met else 'MISSED'}")
    return "; ".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fednode", type=pathlib.Path, help="fednode-bench")
    parser.add_argument("--node", type=pathlib.Path, help="fednode")
    parser.add_argument("--limit", type=pathlib.Path)
    parser.add_argument("--p2pd", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=WORKLOADS, action="append")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        programs = [Fednode(arguments.fednode, arguments.node, pathlib.Path(folder))] if arguments.fednode else []
        programs += [Limit(arguments.limit)] if arguments.limit else []
        programs += [GoLibp2p(arguments.p2pd, pathlib.Path(folder))] if arguments.p2pd else []
        medians = {"fednode": {}} | measure(programs, arguments.only or list(WORKLOADS), arguments.rounds)

    print(f"{f'medians of {arguments.rounds}':<32}" + "".join(f"{name:>12}" for name in medians) + "  fednode is")
    for figure, title, comparisons in ROWS:
        values = [figures.get(figure) for figures in medians.values()]
        if any(value is not None for value in values):
            cells = "".join(f"{'-' if value is None else format(value, ',.2f'):>12}" for value in values)
            print(f"{title:<32}{cells}  {verdict(medians, figure, comparisons)}")


main()
