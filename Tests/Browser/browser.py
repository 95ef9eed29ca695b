"""Runs the cases, prints a line for each and `N passed, N failed`. Started by Tests/Browser/run."""

import argparse
import pathlib
import re
import shutil
import sys
import tempfile
import time
import traceback

from cases import cases
from lab import Lab
from playwright.sync_api import Browser, Error, sync_playwright


def run(name: str, case, browser: Browser, arguments: argparse.Namespace) -> bool:
    start, error = time.monotonic(), None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="browser-"))
    lab = Lab(arguments.fednode.resolve(), browser, folder, arguments.pictures)
    try:
        case(lab)
        lab.check()
    except Exception as caught:  # whatever it is, the other cases still run
        error = caught
    finally:
        lab.close()
    print(f"{'ok' if error is None else 'FAILED':<8}{name:<72}{time.monotonic() - start:6.1f} s", flush=True)
    if error is not None:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if pathlib.Path(frame.filename).name == "cases.py"]
        place = f"cases.py:{own[-1].lineno}" if own else "browser.py"
        print(f"        {type(error).__name__}: {error} ({place})", flush=True)
        print("".join(f"        {each}\n" for each in lab.complaints) + lab.last_words(), flush=True)
    shutil.rmtree(folder)
    return error is None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fednode", type=pathlib.Path, required=True, help="the binary")
    parser.add_argument("--filter", default="", help="only cases that match this regular expression")
    parser.add_argument("--pictures", type=pathlib.Path, help="a folder for screenshots")
    arguments = parser.parse_args()
    wanted = re.compile(arguments.filter)
    with sync_playwright() as playwright:
        # Debian's. As root in a container its own sandbox does not run, and /dev/shm is small.
        try:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"])
        except Error as error:
            print(f"browser: chromium cannot be started here: {error}", file=sys.stderr)
            return 1
        results = [run(name, case, browser, arguments) for name, case in cases() if wanted.search(name)]
        browser.close()
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


sys.exit(main())
