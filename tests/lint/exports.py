"""Public headers, export maps and libraries name the same functions; the names follow the scheme
and each function is documented."""

import re

import lint

NAME = re.compile(r"sio_[a-z0-9]+(_[a-z0-9]+)+")
# name: reason
NAME_ALLOWED = {"sio_version": "the version of the whole: there is no module to name"}
DECLARATION = re.compile(r"^SIO_API\s[^;]*?\b(\w+)\s*\((?=[^;]*\)\s*(?:SIO_\w+\([^)]*\)\s*)?;)", re.M)


def declared(header):
    """(name, offset) of each SIO_API function. The macro's own definition is not one."""
    text = lint.strip(header.read_text())
    return [(match.group(1), match.start()) for match in DECLARATION.finditer(text)]


def undocumented(header):
    text = header.read_text()
    for name, offset in declared(header):
        before = text[:offset].rstrip()
        start = before.rfind("/*")
        if not before.endswith("*/") or not before.startswith("/**", start):
            yield f"{lint.short(header)}:{lint.line_of(text, offset)}: {name} has no /** comment"


def unparsed(header):
    text = lint.strip(header.read_text())
    marks = len(re.findall(r"^(?!\s*#).*\bSIO_API\b", text, re.M))
    found = len(declared(header))
    if marks != found:
        yield f"{lint.short(header)}: {marks} SIO_API marks but {found} declarations understood"


def map_lines(library):
    text = (lint.library_dir(library) / f"libsio-{library}.map").read_text()
    body = re.sub(r"local:\s*\*;", "", text)
    return re.findall(r"^\s+(\w+);", body, re.M)


def missing(names, others, where):
    return [f"{name} is not in {where}" for name in sorted(set(names) - set(others))]


tap = lint.Tap()
for library in lint.PUBLIC:
    headers = lint.public_headers(library)
    in_headers = [name for header in headers for name, _ in declared(header)]
    in_map = map_lines(library)
    exported = [
        name
        for name, kind in lint.nm("-D", "--defined-only", lint.shared_library(library))
        if kind != "A"
    ]
    archive = lint.static_library(library)
    external = {name for name, _ in lint.nm("--defined-only", "--extern-only", archive)}

    tap.case(
        f"libsio-{library}: the header functions are in the map",
        missing(in_headers, in_map, f"libsio-{library}.map")
        + [p for header in headers for p in unparsed(header)],
    )
    tap.case(f"libsio-{library}: the map is in the headers", missing(in_map, in_headers, "a header"))
    tap.case(
        f"libsio-{library}: the map is exported",
        missing(in_map, exported, "the library: declared but not defined"),
    )
    tap.case(f"libsio-{library}: the exports are in the map", missing(exported, in_map, "the map"))
    tap.case(
        f"libsio-{library}: the map is sorted, each name once",
        [
            f"{second} stands behind {first}"
            for first, second in zip(in_map, in_map[1:])
            if first >= second
        ],
    )
    tap.case(
        f"libsio-{library}: exported names are sio_<module>_<verb>",
        [
            f"{name} does not say what it belongs to"
            for name in in_map
            if not NAME.fullmatch(name) and name not in NAME_ALLOWED
        ],
    )
    tap.case(
        f"libsio-{library}: internal names that the linker sees start with sio_",
        [f"{name}" for name in sorted(external) if not name.startswith("sio_")],
    )
    tap.case(
        f"libsio-{library}: each function is documented",
        [p for header in headers for p in undocumented(header)],
    )
tap.finish()
