"""Functions that overflow, keep hidden state, or depend on the locale or the environment."""

import re

import lint

# Overflow, or cannot report an error.
UNSAFE = """
    alloca atof atoi atol atoll gets mktemp scanf sprintf sscanf stpcpy strcat strcpy strncat strncpy
    strtok tmpnam vsprintf
""".split()
# Hidden state, environment, predictable randomness: fine in a program, not in a library.
HIDDEN = """
    asctime ctime drand48 exit getenv getpwnam gethostbyname gmtime localtime lrand48 perror printf
    puts rand random secure_getenv setenv setlocale signal srand srandom strerror system
""".split()
# Besides: the core has no clock, no stdio, and reads and writes numbers by itself.
CORE = """
    assert clock clock_gettime fopen fprintf fputs fread fwrite getrandom gettimeofday isalnum isalpha
    isdigit islower isprint ispunct isspace isupper isxdigit localeconv snprintf strcasecmp
    strncasecmp strtod strtof strtol strtold strtoll strtoul strtoull time tolower toupper vprintf
    vsnprintf
""".split()

# Tests read the answers that they have asked for; a number that does not fit is a failed test.
PARSING = {"examples": set(), "tools": set(), "tests": {"atoi", "sscanf", "strtok"}}

# (file, function): reason
ALLOWED = {}


def uses(path, banned):
    text = lint.strip(path.read_text())
    for match in re.finditer(r"(?<![\w.>])(\w+)\s*\(", text):
        name = match.group(1)
        if name in banned and (lint.short(path), name) not in ALLOWED:
            yield f"{lint.short(path)}:{lint.line_of(text, match.start())}: {name}"


tap = lint.Tap()
for library in lint.LIBRARIES:
    banned = set(UNSAFE + HIDDEN + (CORE if library == "proto" else []))
    tap.case(
        f"libsio-{library} calls no banned function",
        [use for path in lint.sources(library) for use in uses(path, banned)],
    )
for folder in ("examples", "tools", "tests"):
    files = sorted((lint.SOURCE / folder).rglob("*.[ch]"))
    files = [path for path in files if "node_modules" not in path.parts]
    tap.case(
        f"{folder} call no unsafe function",
        [use for path in files for use in uses(path, set(UNSAFE) - PARSING[folder])],
    )
tap.finish()
