"""Who may include whom. docs/internals/structure.md draws the picture."""

import re

import lint

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

LIBC = {
    "assert.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdarg.h", "stdatomic.h",
    "stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h", "sys/queue.h",
    "emmintrin.h", "immintrin.h", "smmintrin.h", "tmmintrin.h", "arm_neon.h",
}
CJSON = {"cJSON.h", "cjson/cJSON.h"}
CORE_SYSTEM = (LIBC | CJSON | {"zlib.h"}) - {"assert.h", "errno.h"}
PUBLIC_SYSTEM = {"stdarg.h", "stdbool.h", "stddef.h", "stdint.h"} | CJSON

# The loop, sockets and TLS are reached through libsio-net. file: reason
LOOP_ALLOWED = {}
LOOP = re.compile(r"(event2/|openssl/|event\.h|evhttp\.h|evdns\.h)")

# Layers of the core, by the first word of the file's name (behind sio_, by the second where it is
# listed). What is not listed is a helper (0).
CORE_LAYERS = {
    "args": 1, "json": 1, "http": 1, "ws": 1, "eio": 1,
    "ack": 2, "event": 2, "msgpack": 2, "packet": 2, "parser": 2, "proxy": 2, "recovery": 2, "sio": 2,
    "session": 3,
    "proto": 4,
}
STRANGERS = {"ws", "http", "eio"}


def includes(path):
    text = lint.strip(path.read_text(), strings=False)
    return [(kind == "<", name, lint.line_of(text, at.start()))
            for at in INCLUDE.finditer(text) for kind, name in [at.groups()]]


def headers_in(*folders):
    return {str(p.relative_to(folder)) for folder in folders for p in folder.rglob("*.h")}


def source(library):
    return lint.library_dir(library) / "src"


def public(*libraries):
    return headers_in(*(lint.library_dir(library) / "include" for library in libraries))


def interface_of_net():
    """libsio-net has no public header: these are for the two libraries that contain it."""
    return public("net")


def helper_headers():
    """The headers of proto_helper_sources, which every library is built with."""
    text = (lint.library_dir("proto") / "meson.build").read_text()
    block = re.search(r"proto_helper_sources = files\((.*?)\)", text, re.S).group(1)
    return {f"{name}.h" for name in re.findall(r"'src/(\w+)\.c'", block)}


def group(name):
    stem = name.rsplit("/", 1)[-1][: -len(".h")]
    words = stem.split("_")
    if words[0] == "sio" and len(words) > 1 and words[1] in CORE_LAYERS:
        return words[1]
    return re.sub(r"\d+$", "", words[0])


def core_direction(path, name):
    mine, other = group(path.with_suffix(".h").name), group(name)
    if CORE_LAYERS.get(other, 0) > CORE_LAYERS.get(mine, 0):
        return f"the lower {mine} includes the upper {name}"
    if mine != other and {mine, other} <= STRANGERS:
        return f"{mine} and {other} do not know each other, but it includes {name}"
    return None


SIO = {
    "proto": public("proto"),
    "net": {"sio/types.h", "sio/error.h", "sio/buffer.h"},
    "client": public("proto", "client"),
    "server": public("proto", "server"),
}
QUOTED = {
    "proto": headers_in(source("proto")),
    "net": headers_in(source("net")) | interface_of_net() | helper_headers(),
    "client": headers_in(source("client")) | interface_of_net() | helper_headers(),
    "server": headers_in(source("server")) | interface_of_net() | helper_headers(),
}


LEAVES = ("evhttp.h",)


def problem(library, path, angled, name):
    inside = path.relative_to(lint.library_dir(library))
    is_public = library in lint.PUBLIC and inside.parts[0] == "include"
    if not angled:
        if is_public:
            return f"a public header includes the internal {name}"
        if name not in QUOTED[library]:
            return f"{name} is no internal header that libsio-{library} may include"
    elif name.startswith("sio/"):
        if name not in SIO[library]:
            return f"libsio-{library} may not include <{name}>"
    elif is_public and inside.name in LEAVES:
        return None  # inline glue for programs that have the other library already
    elif is_public:
        if name not in PUBLIC_SYSTEM:
            return f"a public header includes <{name}>: forward-declare instead"
    elif library == "proto":
        if name not in CORE_SYSTEM:
            return f"the core may not include <{name}>"
    elif library != "net" and LOOP.match(name) and lint.short(path) not in LOOP_ALLOWED:
        return f"<{name}> is reached through libsio-net only"
    if library == "proto" and (not angled or name.startswith("sio/")):
        return core_direction(path, name)
    return None


tap = lint.Tap()
for library in lint.LIBRARIES:
    found = []
    for path in lint.sources(library):
        for angled, name, line in includes(path):
            what = problem(library, path, angled, name)
            if what:
                found.append(f"{lint.short(path)}:{line}: {what}")
    tap.case(f"libsio-{library} includes only what lies below it", found)

installed = public("proto", "client", "server")
found = []
for path in sorted((lint.SOURCE / "examples").rglob("*.[ch]")):
    for angled, name, line in includes(path):
        own = (path.parent / name).exists() or (lint.SOURCE / "examples" / name).exists()
        if (angled and name.startswith("sio/") and name not in installed) or (not angled and not own):
            found.append(f"{lint.short(path)}:{line}: {name} is not installed")
tap.case("examples include only what is installed", found)

found = []
for path in sorted((lint.SOURCE / "tools").rglob("*.[ch]")):
    for angled, name, line in includes(path):
        own = (path.parent / name).exists() or name == "debug_log.h"
        if (angled and name.startswith("sio/") and name not in installed) or (not angled and not own):
            found.append(f"{lint.short(path)}:{line}: {name} is not installed")
tap.case("tools include only what is installed", found)
tap.finish()
