"""Each source file has its unit test, and each unit test is registered."""

import re

import lint

UNIT = lint.SOURCE / "tests" / "unit"

# source: reason
ALLOWED = {
    "libsio-server/src/cluster_requests.c": "asked and answered: test_server_adapter_cluster_answer.c",
    "libsio-server/src/recovery_adapter.c": "seen by clients: test_server_recovery.c",
    "libsio-server/src/front_conn.c": "a connection of the front: test_server_front.c",
    "libsio-client/src/version.c": "one constant, held by the version check",
    "libsio-server/src/version.c": "one constant, held by the version check",
}


def registered():
    text = (UNIT / "meson.build").read_text()
    lists = re.findall(r"^(\w+)_unit_tests = \[(.*?)^\]", text, re.S | re.M)
    return {library: re.findall(r"'(\w+)'", body) for library, body in lists}


def names_for(library, stem):
    if library == "proto" or stem.split("_")[0] == library:
        return [stem]
    return [f"{library}_{stem}"]


tap = lint.Tap()
lists = registered()
for library in lint.LIBRARIES:
    names = lists[library]
    problems = []
    for path in sorted((lint.library_dir(library) / "src").rglob("*.c")):
        if lint.short(path) in ALLOWED:
            continue
        wanted = names_for(library, path.stem)
        if not set(wanted) & set(names):
            problems.append(
                f"{lint.short(path)}: no test_{wanted[0]}.c in {library}_unit_tests of tests/unit"
            )
    problems += [f"'{b}' stands behind '{a}'" for a, b in zip(names, names[1:]) if a >= b]
    tap.case(f"libsio-{library}: each source has a unit test", problems)

everything = {name for names in lists.values() for name in names}
tap.case(
    "each test file is registered",
    [
        f"{lint.short(path)} is in no list"
        for path in sorted(UNIT.glob("test_*.c"))
        if path.stem[len("test_") :] not in everything
    ],
)
tap.finish()
