"""What compiler, linker and loader can do for safety, they do."""

import json
import re

import lint


def option(name):
    text = (lint.BUILD / "meson-info" / "intro-buildoptions.json").read_text()
    return next(entry["value"] for entry in json.loads(text) if entry["name"] == name)


OPTIMISED = option("optimization") not in ("plain", "0", "g")


def elf(path):
    return lint.run("readelf", "-hldW", path)


def faults(path):
    text = elf(path)
    if not re.search(r"Type:\s+DYN", text):
        yield "is not position-independent"
    if "TEXTREL" in text:
        yield "has relocations in its code"
    if "GNU_RELRO" not in text:
        yield "has no RELRO"
    if "BIND_NOW" not in text and not re.search(r"FLAGS_1.*\bNOW\b", text):
        yield "binds lazily, so that its RELRO is partial"
    if not re.search(r"GNU_STACK.*\bRW\b", text):
        yield "has an executable stack"
    if re.search(r"LOAD.*\bRWE\b", text):
        yield "has a segment that is writable and executable"
    if re.search(r"\(R(UN)?PATH\).*\[(?!\$ORIGIN)", text):
        yield "looks for libraries in a fixed folder"


def program_faults(path):
    yield from faults(path)
    if not re.search(r"FLAGS_1.*\bPIE\b", elf(path)):
        yield "is no position-independent executable"


def compiled_faults(library):
    """What the compiler put in, seen in the archive: its objects show each what was asked for."""
    archive = lint.static_library(library)
    needed = {name for name, _ in lint.nm("--undefined-only", archive)}
    if "__stack_chk_fail" not in needed:
        yield "has no stack protector"
    if OPTIMISED and not any(re.fullmatch(r"__\w+_chk", name) for name in needed):
        yield "has no fortified function"
    if re.search(r"Machine:.*X86-64", lint.run("readelf", "-h", archive)):
        notes = re.split(r"^File: ", lint.run("readelf", "-nW", archive), flags=re.M)[1:]
        for note in notes:
            if "IBT" not in note or "SHSTK" not in note:
                yield f"{note.splitlines()[0]} was compiled without -fcf-protection"


def programs():
    for folder in ("examples", "tools", "tests"):
        for path in sorted((lint.BUILD / folder).rglob("*")):
            if path.is_file() and not path.suffix and path.open("rb").read(4) == b"\x7fELF":
                yield path


tap = lint.Tap()
for library in lint.PUBLIC:
    path = lint.shared_library(library)
    tap.case(f"libsio-{library}.so", faults(path))
    soname = re.search(r"SONAME.*\[(.*)\]", elf(path)).group(1)
    tap.case(
        f"libsio-{library}.so has a versioned SONAME",
        [] if re.fullmatch(rf"libsio-{library}\.so(\.\d+)+", soname) else [soname],
    )
for library in lint.LIBRARIES:
    tap.case(
        f"libsio-{library} is compiled with stack protector, FORTIFY and control-flow protection",
        compiled_faults(library),
    )
tap.case(
    "programs",
    [
        f"{path.relative_to(lint.BUILD)} {what}"
        for path in programs()
        for what in program_faults(path)
    ],
)
tap.finish()
