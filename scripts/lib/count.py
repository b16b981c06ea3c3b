"""Counts single test cases in meson's testlog.json.

usage: count.py STAGE TESTLOG...

Prints what failed, one line for each suite, and as its last line `PASSED FAILED`. A test program
that reports no cases counts as one; one that was skipped, or failed without a failed case, counts
as failed.
"""

import json
import re
import sys
from collections import defaultdict

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
TAP = re.compile(r"^(not )?ok\b(.*)$", re.M)
SUITE = re.compile(r"^\w+:(\w+)")  # the name is "project:suite+suite / test"
TALLY = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


def cases(output):
    """(passed, failed) as the program itself reports them."""
    passed = failed = 0
    for checks, failures, errors in CHECK.findall(output):
        bad = int(failures) + int(errors)
        failed += bad
        passed += int(checks) - bad
    for negative, rest in TAP.findall(output):
        directive = re.search(r"#\s*(SKIP|TODO)\b", rest, re.I)
        if negative or directive:
            failed += 1
        else:
            passed += 1
    if passed + failed == 0:
        for good, bad in TALLY.findall(output):
            passed += int(good)
            failed += int(bad)
    return passed, failed


def printable(line):
    """What hostile tests print may be anything."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def report(test, failed):
    print(f"-- {test['name']}: {test['result']}, {failed} failed")
    text = (test.get("stdout") or "") + (test.get("stderr") or "")
    interesting = [
        line
        for line in text.splitlines()
        if line.strip() and not re.match(r"^(ok\b(?!.*#\s*(SKIP|TODO))|1\.\.\d)", line)
    ]
    for line in interesting[-40:]:
        print(f"   {printable(line)}")


def main():
    stage = sys.argv[1]
    suites = defaultdict(lambda: [0, 0])
    for log in sys.argv[2:]:
        with open(log, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                test = json.loads(line)
                passed, failed = cases(test.get("stdout") or "")
                good = test["result"] in ("OK", "EXPECTEDFAIL")
                if passed + failed == 0 and good:
                    passed = 1
                if failed == 0 and not good:
                    failed = 1
                if failed:
                    report(test, failed)
                suite = SUITE.match(test["name"])
                tally = suites[suite.group(1) if suite else "-"]
                tally[0] += passed
                tally[1] += failed
    for suite, (passed, failed) in sorted(suites.items()):
        print(f"   {stage + ' ' + suite:<28} {passed:>6} passed, {failed} failed")
    print(sum(p for p, _ in suites.values()), sum(f for _, f in suites.values()))


main()
