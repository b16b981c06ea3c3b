"""The core does no I/O: what its archive needs from outside is on a short list. And no library
keeps writable state outside its objects."""

import re

import lint

LIBC = """
    malloc calloc realloc free
    memchr memcmp memcpy memmem memmove memrchr memset
    strchr strcmp strlen strncmp strnlen strrchr strstr
    bsearch qsort
    ceil copysign fabs floor fmod frexp isinf isnan ldexp log10 modf nextafter pow rint round trunc
""".split()
LIBRARIES = re.compile(r"cJSON_\w+|(inflate|deflate)\w*")
COMPILER = re.compile(
    r"_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__(u?div|u?mod|mul|ashl|lshr|ashr|popcount|clz|ctz)\w+i[0-9]"
    r"|__atomic_\w+"
)
WRITABLE = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")

# library -> {symbol: reason}
WRITABLE_ALLOWED = {"proto": {}, "net": {}, "client": {}, "server": {}}


def allowed(name):
    # FORTIFY replaces memcpy by __memcpy_chk.
    plain = re.sub(r"^__(\w+)_chk$", r"\1", name)
    return plain in LIBC or LIBRARIES.fullmatch(name) or COMPILER.fullmatch(name)


def undefined(library):
    archive = lint.static_library(library)
    defined = {name for name, _ in lint.nm("--defined-only", archive)}
    return sorted({name for name, _ in lint.nm("--undefined-only", archive)} - defined)


def writable(library):
    """Symbols in writable sections. Tables of pointers are constants too: they stand in
    .data.rel.ro, which is read-only once it is relocated."""
    for line in lint.run("objdump", "-t", lint.static_library(library)).splitlines():
        match = re.match(r"^[0-9a-f]{8,} (.{7}) (\S+)\s+([0-9a-f]+) (?:\.\w+ )?(\S+)$", line)
        if not match or not WRITABLE.match(match.group(2)):
            continue
        flags, section, size, name = match.groups()
        if "d" not in flags and int(size, 16) > 0:
            plain = name.split(".")[0]
            if plain not in WRITABLE_ALLOWED[library]:
                yield f"{name} is writable ({section}): state belongs into an object"


tap = lint.Tap()
tap.case(
    "libsio-proto needs only memory, strings, maths, cJSON and zlib",
    [f"{name} is not on the list" for name in undefined("proto") if not allowed(name)],
)
for library in lint.LIBRARIES:
    tap.case(f"libsio-{library} has no writable globals", writable(library))
tap.finish()
