"""Prints gcovr's summary for each library and holds it against the thresholds.

usage: coverage.py GCOVR-JSON-SUMMARY

Exit status 1 when a library is under one of its thresholds.
"""

import json
import sys
from collections import defaultdict

# library: (lines, branches) that must have been run, in per cent; None = no threshold.
THRESHOLDS = {
    "libsio-proto": (95, 90),
    "libsio-net": (90, None),
    "libsio-client": (90, None),
    "libsio-server": (90, None),
}
FIGURES = ("line_covered", "line_total", "branch_covered", "branch_total")


def totals(path):
    """library -> FIGURES, summed over its files."""
    sums = defaultdict(lambda: [0] * len(FIGURES))
    with open(path, encoding="utf-8") as summary:
        for entry in json.load(summary)["files"]:
            library = entry["filename"].split("/")[0]
            for i, figure in enumerate(FIGURES):
                sums[library][i] += entry[figure]
    return sums


def percent(part, whole):
    return 100.0 * part / whole if whole else 0.0


def main():
    sums = totals(sys.argv[1])
    failed = 0
    print("| library | lines | run | branches | run |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for library, (line_floor, branch_floor) in THRESHOLDS.items():
        lines_run, lines, branches_run, branches = sums[library]
        line_rate, branch_rate = percent(lines_run, lines), percent(branches_run, branches)
        print(f"| {library} | {lines} | {line_rate:.1f} % | {branches} | {branch_rate:.1f} % |")
        for what, rate, floor in (
            ("lines", line_rate, line_floor),
            ("branches", branch_rate, branch_floor),
        ):
            if floor is not None and rate < floor:
                print(f"{library}: {rate:.1f} % of the {what}, under {floor} %", file=sys.stderr)
                failed = 1
    return failed


sys.exit(main())
