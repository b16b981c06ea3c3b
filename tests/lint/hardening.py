"""What the loader and the linker can do for safety, they do."""

import re

import lint


def elf(path):
    return lint.run("readelf", "-hldW", path)


def faults(path):
    text = elf(path)
    if not re.search(r"Type:\s+DYN", text):
        yield "is not position-independent"
    if "GNU_RELRO" not in text:
        yield "has no RELRO"
    if "BIND_NOW" not in text and not re.search(r"FLAGS_1.*\bNOW\b", text):
        yield "binds lazily, so that its RELRO is partial"
    if not re.search(r"GNU_STACK.*\bRW\b", text):
        yield "has an executable stack"


def programs():
    folders = [lint.BUILD / "examples", lint.BUILD / "tests" / "unit"]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
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
tap.case(
    "programs",
    [f"{path.relative_to(lint.BUILD)} {what}" for path in programs() for what in faults(path)],
)
tap.finish()
