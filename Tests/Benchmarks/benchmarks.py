"""Measures in rounds, every program in each, and prints medians. Started by Tests/Benchmarks/run."""

import argparse
import pathlib
import statistics
import sys
import tempfile

from programs import Fednode, GoLibp2p, Limit

import api  # noqa: I001 - it needs the path that programs adds

WORKLOADS = (
    "bulk", "hs 1", "hs 32", "hs 1 cached", "hs 32 cached", "rr 1", "rr 100", "ping 100", "agree 100", "frames 100", "frames 1M",
    "idle", "peers", "registry", *api.WORKLOADS,
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
    ("livez", "GET /livez/s, 32 connections", [("nginx x1", "livez", ">=", 0.5), ("nginx x2", "livez", ">=", 0.5)]),
    ("peer", "GET /v1/peers/{id}/s, same", [("nginx x1", "peer", ">=", 0.5), ("nginx x2", "peer", ">=", 0.5)]),
    ("scrape", "ms, GET /metrics, 2,000 connected", [(None, None, "<=", 20.0)]),
    ("scrape worst", "same, the worst of 100", [(None, None, "<=", 20.0)]),
    ("quiet p99", "ms, 99 % of GET /livez", []),
    ("lists p99", "same, while long lists are read", [(None, None, "<=", 50.0)]),
    ("lists", "such lists of 1,000 peers/s", []),
    ("dials p99", "same, while 50 dials wait", [(None, None, "<=", 10.0)]),
    ("followers p99", "ms, 99 % of events to 200 readers", [(None, None, "<=", 50.0)]),
    ("readers", "MB, 1,000 clients of the events", [(None, None, "<=", 40.0)]),
    ("readers cpu", "% of a core, same, idle", [(None, None, "<=", 1.0)]),
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
    parser.add_argument("--tools", type=pathlib.Path, help="where nginx and wrk are unpacked")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=WORKLOADS, action="append")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        programs = [Fednode(arguments.fednode, arguments.node, pathlib.Path(folder))] if arguments.fednode else []
        if arguments.fednode and arguments.node and arguments.tools:
            tools, load = arguments.tools.resolve(), api.Load(arguments.tools.resolve())
            programs += [api.API(arguments.fednode, arguments.node, load, pathlib.Path(folder))]
            programs += [api.Nginx(tools, load, pathlib.Path(folder), workers) for workers in (1, 2)]
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
