"""The tables of docs/internals/checklists name, for each behaviour, the tests that hold it."""

import functools
import re

import lint

TABLES = lint.SOURCE / "docs" / "internals" / "checklists"
TESTS = lint.SOURCE / "tests"


def numbered(prefix, last, width=0, without=()):
    return [f"{prefix}{n:0{width}}" for n in range(1, last + 1) if n not in without]


# file: the rows it must have, in this order
COMPLETE = {
    "client.md": numbered("EU-", 15, 2)
    + ["PU-01"]
    + numbered("ES-", 15, 2, without=[10])
    + numbered("ET-", 25, 2)
    + numbered("EC-", 12, 2, without=[8])
    + numbered("EN-", 10, 2)
    + numbered("EB-", 7, 2)
    + ["EX-00"]
    + numbered("SU-", 9, 2, without=[8])
    + numbered("SC-", 48, 2, without=[34, 37, 42, 43, 44])
    + numbered("SS-", 48, 2)
    + numbered("SR-", 4, 2)
    + ["SV-01", "SX-00"]
    + numbered("EM-", 15, 2)
    + numbered("PP-", 17, 2)
    + numbered("PA-", 6, 2)
    + numbered("PB-", 7, 2)
    + ["PX-00"],
    "engine.md": numbered("E", 161),
    "server.md": numbered("IO", 190) + numbered("AD", 23) + numbered("U", 3),
    "protocol.md": numbered("P", 14)
    + ["P3-1"]
    + numbered("SP", 26)
    + numbered("T4-", 25)
    + numbered("T3-", 23)
    + numbered("T5-", 32),
}

ROW = re.compile(r"^\| ([A-Z]+[0-9-]*[0-9]) \| ([^|]+) \| ([^|]+) \|$")
NOT_TESTED = "no: "
COUNTS = re.compile(r"Of the ([0-9]+) .*? ([0-9]+) are held by tests and ([0-9]+) are not")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|#[^\n]*", re.S)
ID = re.compile(r"(?<![\w-])[A-Z]{1,2}[0-9]?-?[0-9]+(?![\w-])")
RANGE = re.compile(r"\b([A-Z]{1,2})([0-9]+)-\1([0-9]+)\b")


def rows(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = ROW.match(line)
        if match:
            yield number, *match.groups()


@functools.cache
def ids_of(path):
    """What the comments of a test file name; `E9-E12` means all four."""
    text = " ".join(COMMENT.findall(path.read_text()))
    found = set(ID.findall(text))
    for prefix, first, last in RANGE.findall(text):
        found |= {f"{prefix}{n}" for n in range(int(first), int(last) + 1)}
    return found


def proof_problems(where, identifier, proof):
    if proof.startswith(NOT_TESTED):
        if len(proof) < len(NOT_TESTED) + 10:
            yield f"{where}: {identifier} has no reason"
        return
    names = re.findall(r"`([^`]+)`", proof)
    if not names:
        yield f"{where}: {identifier} names neither a test nor a reason"
    for name in names:
        path = TESTS / name
        if not path.is_file():
            yield f"{where}: there is no tests/{name}"
        elif identifier not in ids_of(path):
            yield f"{where}: no comment of tests/{name} names {identifier}"


tap = lint.Tap()
for name, wanted in COMPLETE.items():
    path = TABLES / name
    found = list(rows(path))
    present = [identifier for _, identifier, _, _ in found]
    problems = [f"{name}: {i} is missing" for i in wanted if i not in present]
    problems += [f"{name}: {i} is no line of the checklist" for i in present if i not in wanted]
    problems += [f"{name}: {i} stands twice" for i in set(present) if present.count(i) > 1]
    tap.case(f"{name}: each line of the checklist, once", problems)
    tap.case(
        f"{name}: the tests that are named hold it",
        [
            problem
            for number, identifier, _, proof in found
            for problem in proof_problems(f"{name}:{number}", identifier, proof)
        ],
    )
    untested = sum(proof.startswith(NOT_TESTED) for _, _, _, proof in found)
    told = COUNTS.search(" ".join(path.read_text().split()))
    counts = (len(found), len(found) - untested, untested)
    tap.case(
        f"{name}: the numbers in its text are right",
        [] if told and tuple(map(int, told.groups())) == counts else [f"{name}: it is {counts}"],
    )
tap.finish()
