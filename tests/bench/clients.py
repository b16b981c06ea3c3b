"""The client against the JavaScript client: `scripts/bench --client`. Both have the same server, which
stands on one core while the client has the other, and take turns in each round."""
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# The targets: a share of the JavaScript client's CPU time, and KiB of an idle client.
CPU_SHARE = 1 / 5
IDLE_KIB = 4

# name: arguments. An echo is compared by CPU time, idle clients by their memory.
ECHOES = {
    "echo-1-w1": "echo -c 1 -w 1 -p 16",
    "echo-1-w16": "echo -c 1 -w 16 -p 16",
    "echo-1000-w1": "echo -c 1000 -w 1 -p 16",
    "echo-1000-w4": "echo -c 1000 -w 4 -p 16",
    "echo-1000-1k": "echo -c 1000 -w 4 -p 1024",
    "polling-1": "echo -c 1 -w 16 -p 16 --polling",
    "polling-1000": "echo -c 1000 -w 1 -p 16 --polling",
}
IDLES = {
    "idle-1": "idle -c 1",
    "idle-1000": "idle -c 1000",
    "idle-10000": "idle -c 10000",
    "idle-polling-1000": "idle -c 1000 --polling",
    "idle-tls-1000": "idle -c 1000 --tls",
}
STARTS = {"start": "start", "start-polling": "start --polling"}
NAMES = ("libsio", "javascript")
FLOOR = "floor"


def commands(program):
    return {
        "libsio": [program("bench-client")],
        "javascript": ["node", "--expose-gc", os.path.join(HERE, "peers", "client.mjs")],
        FLOOR: [program("bench-load")],
    }


def run_json(command, timeout):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=timeout)
        return json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        return {"ok": False}


def run_floor(command, server, options):
    """The load driver: raw frames and one receive and one send for each turn of a connection. Its own
    CPU time is what the kernel takes for the same traffic, and little more."""
    command = [*command, "--pid", str(server.process.pid), "-t", str(options.seconds), "--warmup", str(options.warmup)]
    result = run_json(command, options.seconds + options.warmup + 300)
    if not result["ok"] or not result.get("rate"):
        return {"ok": False}
    return {"ok": True, "cpu_us": result["driver_pct"] * 1e4 / result["rate"]}


def run_start(command):
    """From before the process is made to its line; and the CPU time of all of it."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    took = time.monotonic() - began
    process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    return {
        "ok": status == 0 and line == "acknowledged\n",
        "ms": took * 1e3,
        "cpu_ms": (used.ru_utime + used.ru_stime) * 1e3,
    }


def has_floor(scenario):
    return scenario.startswith("echo-")


class Rounds:
    """`bench` is scripts/bench: its servers, its tables."""

    def __init__(self, bench, options, folder):
        self.certificate = bench.certificate(folder)
        self.bench = bench
        self.options = options
        self.results = {}
        self.fine = True

    def measure(self, name, arguments):
        options = self.options
        server_command = [self.bench.program("bench-server"), "pass"]
        words = arguments.split()
        if "--tls" in words:
            words[words.index("--tls"):] = ["--ca", self.certificate[0]]
            server_command += ["--tls", *self.certificate]
        with self.bench.Server(server_command, options.server_core) as server:
            command = ["taskset", "-c", str(options.driver_core), *commands(self.bench.program)[name]]
            command += [*words, "--port", str(server.port)]
            if name == FLOOR:
                return run_floor(command, server, options)
            if arguments.startswith("start"):
                return run_start(command)
            if arguments.startswith("echo"):
                command += ["-t", str(options.seconds), "--warmup", str(options.warmup)]
            return run_json(command, options.seconds + options.warmup + 300)

    def take(self, scenario, arguments, key):
        for turn in range(self.options.rounds):
            names = [*NAMES, FLOOR] if has_floor(scenario) else NAMES
            for name in names if turn % 2 == 0 else names[::-1]:
                result = self.measure(name, arguments)
                self.fine = self.fine and result["ok"]
                self.results.setdefault((scenario, name), []).append(result)
                shown = "%9.3f" % result[key] if result["ok"] else "FAILED"
                print("%d %-17s %-11s %s" % (turn + 1, scenario, name, shown), file=sys.stderr)

    def median(self, scenario, name, key):
        return self.bench.median(self.results[scenario, name], key)

    def ratio(self, scenario, key):
        pairs = zip(self.results[scenario, "libsio"], self.results[scenario, "javascript"])
        return sorted(b[key] / a[key] for a, b in pairs if a["ok"] and b["ok"] and a[key] > 0)

    def rows(self, scenarios, key):
        number = self.bench.number
        for scenario in scenarios:
            ratios = self.ratio(scenario, key)
            middle = ratios[len(ratios) // 2] if ratios else None
            spread = "%s-%s" % (number(ratios[0]), number(ratios[-1])) if ratios else "-"
            names = [*NAMES, FLOOR] if has_floor(scenario) else NAMES
            values = [self.median(scenario, name, key) for name in names]
            yield scenario, values, middle, spread


def print_table(rounds, title, last, scenarios, key, verdict):
    bench = rounds.bench
    print("### %s\n" % title)
    head = ["scenario", *NAMES, "ratio", "of the rounds", last]
    rows = [
        [s, *map(bench.number, values[:2]), bench.number(middle), spread, verdict(s, values, middle),
         *map(bench.number, values[2:])]
        for s, values, middle, spread in rounds.rows(scenarios, key)
    ]
    if any(has_floor(s) for s in scenarios):
        head.append(FLOOR)
        rows = [row + [""] * (len(head) - len(row)) for row in rows]
    bench.table(head, rows)


def met(fine):
    return "met" if fine else "missed"


def cpu_verdict(scenario, values, middle):
    return met(middle is not None and middle >= 1 / CPU_SHARE)


def idle_verdict(scenario, values, middle):
    """One client alone brings its loop; what TLS takes is OpenSSL's."""
    meant = scenario in ("idle-1000", "idle-10000")
    return met(values[0] is not None and values[0] <= IDLE_KIB) if meant else ""


def compare(bench, options):
    parts = [(bench.chosen(ECHOES, options), "cpu_us"), (bench.chosen(IDLES, options), "kib_per_client"),
             (bench.chosen(STARTS, options), "ms")]
    with tempfile.TemporaryDirectory() as folder:
        rounds = Rounds(bench, options, folder)
        for scenarios, key in parts:
            for scenario, arguments in scenarios.items():
                rounds.take(scenario, arguments, key)
    bench.describe()
    echoes, idles, starts = (scenarios for scenarios, _ in parts)
    if echoes:
        print_table(rounds, "CPU of the client, us an echoed event", "at most 1/5", echoes, "cpu_us", cpu_verdict)
    if idles:
        print_table(rounds, "Memory, KiB a further idle client (idle-1: the only one)", "at most %d" % IDLE_KIB,
                    idles, "kib_per_client", idle_verdict)
        print_table(rounds, "Memory of the whole process, KiB", "", idles, "rss_kib", lambda *_: "")
    if starts:
        for title, key in (("From the process's start to its first acknowledged event, ms", "ms"),
                           ("CPU of the process until then, ms", "cpu_ms")):
            print_table(rounds, title, "", starts, key, lambda *_: "")
    return rounds.fine
