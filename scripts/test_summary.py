#!/usr/bin/env python3
"""Sums up what ctest ran: a table, what failed and why, and a closing line.

  scripts/test_summary.py <build directory> ...    exit status 1 if a test failed or none ran

Each directory holds tests.xml (ctest --output-junit) and tests.json (ctest --show-only=json-v1).
A ctest test is a program; where its output says how many cases it ran, those are counted.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ET
from typing import Dict, List, NamedTuple, Tuple

ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)", re.M)
CATCH = re.compile(r"^test cases: +(\d+)(?: \| +(\d+) passed)?(?: \| +(\d+) failed)?", re.M)
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\s*(OK|FAILED)(?: \((.*)\))?", re.M)
PLAIN = re.compile(r"(\d+) passed, (\d+) failed\s*$", re.M)


class Count(NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":  # type: ignore[override]
        return Count(*(a + b for a, b in zip(self, other)))


def cases(output: str, status: str) -> Count:
    if status in ("notrun", "disabled"):
        return Count(failed=1) if status == "notrun" else Count(skipped=1)
    count = Count(passed=1)
    if found := ALL_PASSED.search(output):
        count = Count(passed=int(found[1]))
    elif found := CATCH.search(output):
        count = Count(int(found[2] or 0), int(found[3] or 0))
    elif found := UNITTEST.search(output):
        details = dict(re.findall(r"(\w+)=(\d+)", found[3] or ""))
        failed = int(details.get("failures", 0)) + int(details.get("errors", 0))
        skipped = int(details.get("skipped", 0))
        count = Count(max(int(found[1]) - failed - skipped, 0), failed, skipped)
    elif found := PLAIN.search(output):
        count = Count(int(found[1]), int(found[2]))
    if status == "fail" and count.failed == 0:  # It crashed or took too long.
        count = Count(max(count.passed - 1, 0), 1, count.skipped)
    return count


def labels(directory: pathlib.Path) -> Dict[str, str]:
    found = {}
    for test in json.loads((directory / "tests.json").read_text())["tests"]:
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        found[test["name"]] = (properties.get("LABELS") or ["-"])[0]
    return found


def main(arguments: List[str]) -> int:
    rows: Dict[Tuple[str, str], Tuple[int, float, Count]] = {}
    failures: List[Tuple[str, str, str]] = []
    for argument in arguments:
        directory = pathlib.Path(argument)
        run, label_of = directory.name, labels(directory)
        for test in ET.parse(directory / "tests.xml").getroot().iter("testcase"):
            output = test.findtext("system-out") or ""
            status = test.get("status", "")
            count = cases(output, status)
            key = (run, label_of.get(test.get("name", ""), "-"))
            programs, seconds, total = rows.get(key, (0, 0.0, Count()))
            rows[key] = (programs + 1, seconds + float(test.get("time") or 0), total + count)
            if count.failed:
                failures.append((run, test.get("name", "?"), output))

    for run, name, output in failures:
        print(f"\n--- failed: {name} ({run}) " + "-" * 40)
        print("\n".join(output.rstrip().splitlines()[-25:]))

    print(f"\n{'run':10}{'label':12}{'programs':>9}{'passed':>9}{'failed':>9}{'skipped':>9}"
          f"{'seconds':>10}")
    total = Count()
    for (run, label), (programs, seconds, count) in sorted(rows.items()):
        total += count
        print(f"{run:10}{label:12}{programs:9}{count.passed:9}{count.failed:9}{count.skipped:9}"
              f"{seconds:10.1f}")
    print(f"\n{total.passed} passed, {total.failed} failed")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
