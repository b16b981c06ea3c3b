"""Holds what the analysers found against the waivers.

usage: findings.py WAIVERS FOLDER TOOL...

FOLDER/TOOL.findings has warnings in the form of compilers. A line of WAIVERS is

    tool | check | file | part of the source line | reason

and waives each such finding; it says the line, not its number, so that it holds while the file
changes around it. Prints the others, the waivers that waived nothing, and `N findings, N waived`.
Exit status 1 when it printed any.
"""

import os
import re
import sys
from collections import namedtuple

FINDING = re.compile(r"^(.+?):(\d+):(?:\d+:)? (?:warning|error|performance|portability): (.*) \[([^ \]]+)\]$")
FIELDS = ("tool", "check", "file", "text", "reason")
Waiver = namedtuple("Waiver", FIELDS)
Finding = namedtuple("Finding", "tool check file line text message")


def read_waivers(path):
    waivers = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = [field.strip() for field in line.split(" | ")]
            if len(fields) != len(FIELDS) or not all(fields):
                sys.exit(f"{path}:{number}: not `{' | '.join(FIELDS)}`")
            waivers.append(Waiver(*fields))
    return waivers


def source_of(path, folder, tool):
    """The file in the source tree that a tool means, or None."""
    for base in (".", os.path.join(folder, tool)):
        found = os.path.relpath(os.path.join(base, path))
        if os.path.isfile(found):
            return found
    return None


def read_findings(folder, tool):
    """What a tool found, once each: a header's lines are reported by all who include it."""
    found = set()
    with open(os.path.join(folder, tool + ".findings"), encoding="utf-8", errors="replace") as lines:
        for line in lines:
            match = FINDING.match(line.rstrip())
            if not match:
                continue
            path, number, message, check = match.groups()
            source = source_of(path, folder, tool)
            text = ""
            if source and not source.startswith(".."):
                with open(source, encoding="utf-8") as content:
                    text = content.read().split("\n")[int(number) - 1].strip()
            found.add(Finding(tool, check, source or path, int(number), text, message))
    return sorted(found)


def waives(waiver, finding):
    return (
        waiver.tool == finding.tool
        and waiver.check in finding.check.split(",")
        and waiver.file == finding.file
        and waiver.text in finding.text
    )


def main():
    path, folder, tools = sys.argv[1], sys.argv[2], sys.argv[3:]
    waivers = [waiver for waiver in read_waivers(path) if waiver.tool in tools]
    findings = [finding for tool in tools for finding in read_findings(folder, tool)]
    left = [f for f in findings if not any(waives(waiver, f) for waiver in waivers)]
    unused = [waiver for waiver in waivers if not any(waives(waiver, f) for f in findings)]
    for f in left:
        print(f"{f.file}:{f.line}: {f.tool}: {f.message} [{f.check}]\n    {f.text}")
    for waiver in unused:
        print(f"{path}: nothing to waive: {' | '.join(waiver[:4])}")
    print(f"{len(left)} findings, {len(findings) - len(left)} waived")
    return 1 if left or unused else 0


sys.exit(main())
