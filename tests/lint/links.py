"""Relative links of the pages lead somewhere, and every page of docs is reachable from its index."""

import re
import subprocess

import lint

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def pages():
    found = subprocess.run(
        ["git", "-C", str(lint.SOURCE), "ls-files", "-co", "--exclude-standard", "*.md"],
        stdout=subprocess.PIPE, text=True, check=False,
    ).stdout.split()
    # A release archive has no git.
    return sorted(lint.SOURCE / name for name in found) or sorted(
        [*lint.SOURCE.glob("*.md"), *(lint.SOURCE / "docs").rglob("*.md")]
    )


def targets(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    return [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]


tap = lint.Tap()
for page in pages():
    tap.case(
        f"{lint.short(page)}: links",
        [f"{link} does not exist" for link in targets(page) if not (page.parent / link).exists()],
    )

docs = lint.SOURCE / "docs"
seen, todo = set(), [docs / "README.md"]
while todo:
    page = todo.pop()
    if page not in seen and page.is_file() and page.suffix == ".md":
        seen.add(page)
        todo += [(page.parent / link).resolve() for link in targets(page)]
tap.case(
    "every page of docs is reachable from docs/README.md",
    [lint.short(page) for page in sorted(docs.rglob("*.md")) if page not in seen],
)
tap.finish()
