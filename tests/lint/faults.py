"""The seeded faults (scripts/seeded-faults) still apply to the sources, and each says what it breaks."""

import re
import subprocess

import lint


def problems(patch):
    text = patch.read_text()
    said = text.split("\n--- ", 1)[0].strip()
    found = [] if said.endswith(".") else ["it does not say what is broken"]
    changed = re.findall(r"^\+\+\+ b/(.*)$", text, re.M)
    if len(changed) != 1 or not re.fullmatch(r"libsio-\w+/src/\w+\.c", changed[0]):
        found.append(f"it changes {changed}, not one source of a library")
    applied = subprocess.run(
        ["git", "apply", "--check", str(patch)], cwd=lint.SOURCE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )
    if applied.returncode != 0:
        found.append("it does not apply any more: " + applied.stdout.strip())
    return [f"{lint.short(patch)}: {problem}" for problem in found]


tap = lint.Tap()
for folder in ("tests/unit/faults", "tests/sim/faults"):
    patches = sorted((lint.SOURCE / folder).glob("*.patch"))
    tap.case(f"{folder}: there are at least 24", [] if len(patches) >= 24 else [f"{len(patches)}"])
    tap.case(f"{folder}: they apply", [problem for patch in patches for problem in problems(patch)])
tap.finish()
