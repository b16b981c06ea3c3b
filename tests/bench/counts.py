"""scripts/bench --counts: system calls and allocations of the server for each message. Two runs that
differ in nothing but the number of messages are compared, so that connecting does not count."""
import os
import re
import signal
import struct
import subprocess
import tempfile

# name: messages of the shorter run; the longer has three times as many
MESSAGES = {
    "echo-16-w1": 4000, "echo-16": 16000, "echo-1k": 8000, "echo-64k": 800, "ack-16": 16000,
    "bin-1k": 8000, "bin-64k": 800, "bcast-100": 200, "bcast-1000": 40, "polling": 2000,
}
GROUPS = {
    "receive": {"recvfrom", "recvmsg", "read", "readv"},
    "send": {"sendto", "sendmsg", "write", "writev"},
    "epoll_wait": {"epoll_wait", "epoll_pwait", "epoll_pwait2"},
    "epoll_ctl": {"epoll_ctl"},
    "timers": {"timerfd_settime", "timerfd_gettime"},
    "memory": {"mmap", "munmap", "brk", "madvise", "mremap"},
}


def summary(text):
    """Of strace -c: calls by name."""
    calls = {}
    for line in text.splitlines():
        found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if found and found.group(2) != "total":
            calls[found.group(2)] = int(found.group(1))
    return calls


def child_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return int(file.read().split()[0])


def run(bench, arguments, messages, options, folder):
    calls = os.path.join(folder, "calls")
    allocations = os.path.join(folder, "allocations")
    if os.path.exists(allocations):
        os.remove(allocations)
    command = ["strace", "-f", "-c", "-o", calls, "-E", "BENCH_ALLOCATIONS=" + allocations,
               "-E", "LD_PRELOAD=" + bench.program("libbench-allocations.so"),
               bench.program("bench-server"), "pass"]
    with bench.Server(command, options.server_core) as server:
        driver = ["taskset", "-c", str(options.driver_core), bench.program("bench-load"),
                  *arguments.split(), "--port", str(server.port), "--messages", str(messages)]
        with subprocess.Popen(driver, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
            said = load.stdout.readline()
            if '"ok":true' not in said:
                raise SystemExit("%s\nscripts/bench: failed: %s" % (said, arguments))
            os.kill(child_of(server.process.pid), signal.SIGTERM)
            server.process.wait()
    with open(allocations, "rb") as file:
        count = struct.unpack("Q", file.read())[0]
    with open(calls) as file:
        return {**summary(file.read()), "allocations": count}


def share(value):
    return "0" if abs(value) < 0.0005 else "%.3f" % value


def row(bench, name, options, folder):
    arguments, messages = bench.SCENARIOS[name], MESSAGES[name]
    few = run(bench, arguments, messages, options, folder)
    many = run(bench, arguments, 3 * messages, options, folder)
    answers = int(arguments.split()[2]) if name.startswith("bcast") else 1
    each = {key: (many.get(key, 0) - few.get(key, 0)) / (2 * messages * answers)
            for key in {*few, *many}}
    cells = [share(sum(each.get(key, 0) for key in keys)) for keys in GROUPS.values()]
    known = set().union(*GROUPS.values(), {"allocations"})
    others = ["%s %s" % (key, share(each[key])) for key in sorted(set(each) - known)
              if share(each[key]) != "0"]
    return [name, *cells, ", ".join(others) or "0", share(each["allocations"])]


def compare(bench, options):
    wanted = options.scenarios.split(",") if options.scenarios else MESSAGES
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(bench, name, options, folder) for name in MESSAGES if name in wanted]
    bench.describe()
    print("### For each message (a broadcast: for each delivery): system calls, and allocations\n")
    bench.table(["scenario", *GROUPS, "others", "allocations"], rows)
    return True
