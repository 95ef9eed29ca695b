"""Prints the line coverage of each module in Sources/ from the report that `swift test` exports."""

import collections
import json
import sys

lines = collections.defaultdict(lambda: [0, 0])
with open(sys.argv[1], encoding="utf-8") as report:
    for file in json.load(report)["data"][0]["files"]:
        _, found, path = file["filename"].rpartition("/Sources/")
        if found and "/.build" not in file["filename"]:
            summary = file["summary"]["lines"]
            for name in (path.split("/")[0], "all of Sources"):
                lines[name][0] += summary["covered"]
                lines[name][1] += summary["count"]

print("line coverage")
for name in sorted(lines, key=lambda name: (name == "all of Sources", name)):
    covered, count = lines[name]
    print(f"  {name:<16}{100 * covered / max(count, 1):6.1f} %  {covered} of {count}")
