"""A program under test: started behind SIO_WRAPPER, spoken to by lines, ended. And TAP."""

import os
import queue
import re
import subprocess
import sys
import threading
from pathlib import Path

BUILD = Path(os.environ["MESON_BUILD_ROOT"])
WRAPPER = os.environ.get("SIO_WRAPPER", "").split()
PATIENCE = 60 if WRAPPER else 20  # seconds; reached by failures only


class Program:
    """With `terminal` it writes to one, and so line by line although it never says so itself."""

    def __init__(self, path, *args, terminal=False):
        self.name = Path(path).name
        reader, writer = os.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(
            [*WRAPPER, str(BUILD / path), *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=writer,
            text=True,
        )
        os.close(writer)
        self.output = open(reader, encoding="utf-8")
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for line in self.output:
                self.lines.put(line.rstrip("\r\n"))
        except OSError:
            pass  # how a terminal ends
        self.lines.put(None)

    def printed(self, pattern):
        """The match of the next line that is like this."""
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{self.name}: no line like {pattern} in {self.seen}")
            self.seen.append(line)
            match = re.search(pattern, line)
            if match:
                return match

    def write(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def close_input(self):
        self.process.stdin.close()

    def exit_status(self):
        return self.process.wait(timeout=PATIENCE)

    def stop(self):
        """End it with SIGTERM. The exit status; minus the signal's number when that killed it."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.exit_status()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def run_all(cases):
    failed = 0
    for number, case in enumerate(cases, 1):
        try:
            case()
            print(f"ok {number} - {case.__doc__}")
        except Exception as error:  # the next case may tell more
            failed += 1
            print(f"not ok {number} - {case.__doc__}")
            print(f"# {error!r}", file=sys.stderr)
        sys.stdout.flush()
    print(f"1..{len(cases)}")
    return 1 if failed else 0
