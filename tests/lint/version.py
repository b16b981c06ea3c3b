"""One version number: meson.build, the public header and the lock of the ABI say the same."""

import re

import lint

project = (lint.SOURCE / "meson.build").read_text()
version = re.search(r"^\s*version: '([0-9.]+)'", project, re.M).group(1)
header = (lint.library_dir("proto") / "include" / "sio" / "types.h").read_text()
parts = [
    re.search(rf"#define SIO_VERSION_{name} (\S+)", header).group(1)
    for name in ("MAJOR", "MINOR", "PATCH", "STRING")
]
node = "SIO_" + ".".join(version.split(".")[:2])

tap = lint.Tap()
tap.case(
    "sio/types.h has the version of meson.build",
    [] if parts == version.split(".") + [f'"{version}"'] else [f"{parts} is not {version}"],
)
for library in lint.PUBLIC:
    text = (lint.library_dir(library) / f"libsio-{library}.map").read_text()
    nodes = re.findall(r"^(SIO_[0-9.]+) \{", text, re.M)
    tap.case(
        f"libsio-{library}.map has the node of this version",
        [] if node in nodes else [f"{nodes} lacks {node}"],
    )
tap.finish()
