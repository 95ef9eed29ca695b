"""Runs the cases, prints a table and `N passed, N failed`. Started by Tests/API/run."""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile
import time
import traceback

import container
import contract
import hostile
from nodes import Lab


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fednode", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--filter", default="", help="only cases that match this regular expression")
    parser.add_argument("--seed", type=int, default=1, help="of the values that are made up")
    arguments = parser.parse_args()
    wanted = re.compile(arguments.filter)

    results: list[bool] = []
    for group in (contract, hostile, container):
        cases = [case for case in group.CASES if wanted.search(f"{group.NAME}: {case[0]}")]
        if not cases:
            continue
        folder = pathlib.Path(tempfile.mkdtemp(prefix="api-"))
        lab = Lab(arguments.fednode.resolve(), folder, arguments.seed)
        passed = [run(group.NAME, name, case, lab) for name, case in cases]
        try:
            lab.close()
        except Exception as error:  # it names the node that did not end well
            print(f"FAILED  {group.NAME:<10}{error}", flush=True)
            passed.append(False)
        if not all(passed):
            print(lab.last_words(), flush=True)
        shutil.rmtree(folder)
        results += passed
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


def run(group: str, name: str, case, lab: Lab) -> bool:
    start, error = time.monotonic(), None
    try:
        case(lab)
    except Exception as caught:  # whatever it is, the other cases still run
        error = caught
    verdict = "ok" if error is None else "FAILED"
    print(f"{verdict:<8}{group:<10}{name:<70}{time.monotonic() - start:6.1f} s", flush=True)
    if error is not None:
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(
            f"        {type(error).__name__}: {error} ({pathlib.Path(where.filename).name}:{where.lineno})", flush=True
        )
    return error is None


sys.exit(main())
