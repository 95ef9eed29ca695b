"""Prints the line coverage of each module in Sources/ from the report that `swift test` exports.

coverage.py REPORT [MINIMUM]: fails when all of Sources/ is below MINIMUM percent, and names the files to look at.
"""

import collections
import json
import sys

FILES_SHOWN = 15

minimum = float(sys.argv[2]) if len(sys.argv) > 2 else 0
lines = collections.defaultdict(lambda: [0, 0])
missed = []
with open(sys.argv[1], encoding="utf-8") as report:
    for file in json.load(report)["data"][0]["files"]:
        _, found, path = file["filename"].rpartition("/Sources/")
        if found and "/.build" not in file["filename"]:
            summary = file["summary"]["lines"]
            missed.append((summary["count"] - summary["covered"], path))
            for name in (path.split("/")[0], "all of Sources"):
                lines[name][0] += summary["covered"]
                lines[name][1] += summary["count"]

print("line coverage")
for name in sorted(lines, key=lambda name: (name == "all of Sources", name)):
    covered, count = lines[name]
    print(f"  {name:<16}{100 * covered / max(count, 1):6.1f} %  {covered} of {count}")

covered, count = lines["all of Sources"]
if 100 * covered < minimum * count or count == 0:
    print(f"coverage.py: all of Sources is below {minimum:g} %; most lines without a test have:", file=sys.stderr)
    for number, path in sorted(missed, reverse=True)[:FILES_SHOWN]:
        print(f"  {number:5}  Sources/{path}", file=sys.stderr)
    sys.exit(1)
