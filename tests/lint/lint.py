"""What the lint scripts share: the tree, C without its comments, symbols, and TAP."""

import re
import subprocess
import sys
from pathlib import Path

LIBRARIES = ("proto", "net", "client", "server")
PUBLIC = ("proto", "client", "server")

SOURCE = Path(sys.argv[1]).resolve()
BUILD = Path(sys.argv[2]).resolve()


class Tap:
    """One case for each rule and file or library; the problems go to stderr."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def case(self, name, problems):
        self.count += 1
        problems = list(problems)
        if problems:
            self.failed += 1
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}")
        for problem in problems:
            print(f"  {problem}", file=sys.stderr)

    def finish(self):
        print(f"1..{self.count}")
        if self.count == 0:
            print("# nothing was checked")
        sys.exit(1 if self.failed or self.count == 0 else 0)


def library_dir(library):
    return SOURCE / f"libsio-{library}"


def sources(library, suffixes=(".c", ".h")):
    """Every C file of a library, public headers included."""
    return sorted(p for p in library_dir(library).rglob("*") if p.suffix in suffixes)


def public_headers(library):
    return sorted((library_dir(library) / "include").rglob("*.h"))


def short(path):
    return str(path.relative_to(SOURCE))


def strip(text, strings=True):
    """C text with comments (and literals) blanked out; line numbers stay right."""

    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        if not strings:
            return token
        return token[0] + " " * (len(token) - 2) + token[-1]

    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def static_library(library):
    return BUILD / f"libsio-{library}" / f"libsio-{library}.a"


def shared_library(library):
    return BUILD / f"libsio-{library}" / f"libsio-{library}.so"


def run(*command):
    return subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def nm(*arguments):
    """(name, type) of each symbol that nm lists, without symbol versions."""
    for line in run("nm", *arguments).splitlines():
        fields = line.split()
        if len(fields) >= 2 and len(fields[-2]) == 1:
            yield fields[-1].split("@")[0], fields[-2]
