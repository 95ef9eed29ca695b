"""Runs the scenarios, prints a table and `N passed, N failed`. Started by Tests/Interop/run."""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile
import time
import traceback

from cases import scenarios
from lab import Lab
from scenario import Scenario


def run(scenario: Scenario, lab: Lab, wanted: re.Pattern) -> list[bool]:
    """One answer for each step that was wanted."""
    passed = []
    for name, step in scenario.steps:
        # A step leans on those before it: `connected on both ends` always runs.
        if name != scenario.steps[0][0] and not wanted.search(f"{scenario.name}: {name}"):
            continue
        start, error = time.monotonic(), None
        try:
            step(lab)
        except Exception as caught:  # whatever it is, the other rows still run
            error = caught
        passed.append(error is None)
        verdict = "ok" if error is None else "FAILED"
        print(f"{verdict:<8}{scenario.name:<36}{name:<42}{time.monotonic() - start:6.1f} s", flush=True)
        if error is not None:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{pathlib.Path(where.filename).name}:{where.lineno}"
            print(f"        {type(error).__name__}: {error} ({place})", flush=True)
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fednode", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--p2pd", type=pathlib.Path, required=True, help="go-libp2p's daemon")
    parser.add_argument("--filter", default="", help="only rows that match this regular expression")
    arguments = parser.parse_args()
    wanted = re.compile(arguments.filter)

    results: list[bool] = []
    for scenario in scenarios():
        if not any(wanted.search(f"{scenario.name}: {name}") for name, _ in scenario.steps):
            continue
        folder = pathlib.Path(tempfile.mkdtemp(prefix="interop-"))
        lab = Lab(arguments.fednode.resolve(), arguments.p2pd.resolve(), folder, scenario.settings)
        try:
            passed = run(scenario, lab, wanted)
        finally:
            lab.close()
        if not all(passed):
            print(lab.last_words(), flush=True)
        shutil.rmtree(folder)
        results += passed
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


sys.exit(main())
