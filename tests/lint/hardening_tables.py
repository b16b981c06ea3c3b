"""docs/limits.md and docs/internals/hardening.md name tests that exist, and every limit of the public
headers; what hardening says is not used is not used."""

import re

import lint

LIMITS = lint.SOURCE / "docs" / "limits.md"
HARDENING = lint.SOURCE / "docs" / "internals" / "hardening.md"
TESTS = lint.SOURCE / "tests"

# A struct whose members may be limits, and the members.
STRUCT = re.compile(r"typedef struct (sio_\w+) \{(.*?)\n\} \1;", re.S)
IS_SETTING = re.compile(r"_(options|limits|config|network|recovery)$")
MEMBER = re.compile(r"\b\w+ (\w+);")
IS_LIMIT = re.compile(r"^max_\w+$|_timeout_ms$|_limit|_watermark_bytes$|^min_receive_rate$")

# Not to be called by a library: cJSON without a length or a bound, buffers of libevent.
UNUSED = re.compile(r"\b(cJSON_Parse\w*|cJSON_Duplicate|cJSON_Compare|cJSONUtils_\w+|evbuffer_\w+|"
                    r"bufferevent_\w+)\s*\(")
# Functions that programs with an evhttp compile in; no library includes it.
GLUE = "evhttp.h"


def rows(path):
    """(line number, cells) of each row of a table, without its head."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("|") and not line.startswith("| ---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[-1] != "tests":
                yield number, cells


def test_file(name):
    return TESTS / name if "/" in name else TESTS / "unit" / f"{name}.c"


def has_case(text, name):
    if name.startswith('"'):
        return name.strip('"') in text
    word = re.escape(name)
    return bool(re.search(rf"START_TEST\({word}\)|\bdef {word}\(|^{word} = |\bint {word}\(", text, re.M))


def cases_of(text):
    """The names behind a file: identifiers, and texts in quotes, which may hold a comma."""
    return re.findall(r'"[^"]+"|[^,;"\s]+', text)


def proof_problems(where, proof):
    found = re.findall(r"`([\w./]+)`: ([^`]+?)(?:; |$)", proof)
    if not found:
        yield f"{where}: no test"
    if proof.count("`") != 2 * len(found):
        yield f"{where}: {proof} cannot be read"
    for name, cases in found:
        path = test_file(name)
        if not path.is_file():
            yield f"{where}: there is no {lint.short(path)}"
            continue
        text = path.read_text()
        for case in cases_of(cases):
            if not has_case(text, case):
                yield f"{where}: {lint.short(path)} has no {case}"


def limits_of_headers():
    for library in lint.PUBLIC:
        for header in lint.public_headers(library):
            for struct, body in STRUCT.findall(lint.strip(header.read_text())):
                if IS_SETTING.search(struct):
                    for member in MEMBER.findall(body):
                        if IS_LIMIT.search(member):
                            yield struct, member


def documented():
    """{struct: {member}} of docs/limits.md."""
    found, struct = {}, ""
    for line in LIMITS.read_text().splitlines():
        if line.startswith("## "):
            struct = line[3:].strip("` ")
        elif match := re.match(r"\| `(\w+)` \|", line):
            found.setdefault(struct, set()).add(match.group(1))
    return found


tap = lint.Tap()
for page in (LIMITS, HARDENING):
    problems = []
    for number, cells in rows(page):
        where = f"{page.name}:{number}"
        problems += [f"{where}: an empty cell" for cell in cells if not cell]
        problems += proof_problems(where, cells[-1])
    tap.case(f"{page.name}: the tests that are named exist", problems)

known = documented()
wanted = list(limits_of_headers())
tap.case(
    "limits.md: every limit of the public headers",
    [f"{struct}.{member} is missing" for struct, member in wanted
     if member not in known.get(struct, ())] or ([] if len(wanted) > 50 else ["no limits were found"]),
)
tap.case(
    "limits.md: no limit that is not in the headers",
    [f"{struct}.{member} does not exist" for struct, members in known.items()
     for member in sorted(members - {name for owner, name in wanted if owner == struct})],
)
tap.case(
    "the libraries call nothing that hardening.md says they do not",
    [f"{lint.short(path)}: {call}" for library in lint.LIBRARIES for path in lint.sources(library)
     if path.name != GLUE for call in UNUSED.findall(lint.strip(path.read_text()))],
)
tap.finish()
