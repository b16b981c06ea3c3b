"""scripts/bench --growth: what an operation costs when there is much of something else."""
import re
import subprocess

CONNECTIONS = [100, 1000, 10000]
IDLE = [100, 1000, 10000, 19900]


def instructions(bench, case, size, times):
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*command, bench.program("bench-growth"), case, str(size), str(times)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.search(r"Collected : (\d+)", done.stdout)
    if done.returncode != 0 or not found:
        raise SystemExit("%s\nscripts/bench: failed: %s %s" % (done.stdout, case, size))
    return int(found.group(1)) / int(times)


def operations(bench):
    rows = []
    for line in bench.run(bench.program("bench-growth")).splitlines():
        case, times, sizes, what = line.split("\t")
        counts = [instructions(bench, case, size, times) for size in sizes.split()]
        rows.append([case, ", ".join(sizes.split()), ", ".join("%.0f" % count for count in counts),
                     "%.2f" % (counts[-1] / counts[0]), what])
    print("### Instructions in user space, of server and clients together\n")
    bench.table(["case", "sizes", "instructions", "last to first", "what is done once"], rows)


def loads(bench, options):
    """The floor grows, too: by what the kernel's sockets take in the caches."""
    rows = []
    fine = True
    for count in CONNECTIONS:
        results = {"libsio": [], "floor": []}
        for _ in range(options.rounds):
            for name in results:
                results[name].append(bench.measure(name, "echo -c %d -w 1 -p 16" % count, options))
        fine = fine and all(result["ok"] for name in results for result in results[name])
        rows.append([str(count), bench.number(bench.median(results["libsio"], "cpu_us")),
                     bench.number(bench.median(results["floor"], "cpu_us")),
                     bench.ratio_text(results["floor"], results["libsio"])])
    print("### CPU for an echo, us; one message on its way on each connection\n")
    bench.table(["connections", "libsio", "floor", "multiple"], rows)
    return fine


def memory(bench, options):
    rows = []
    fine = True
    for count in IDLE:
        result = bench.measure("libsio", "idle -c %d" % count, options)
        fine = fine and result["ok"]
        rows.append([str(count), bench.number(result.get("kib_per_connection"))])
    print("### Memory of an idle connection, KiB\n")
    bench.table(["connections", "KiB"], rows)
    return fine


def compare(bench, options):
    bench.describe()
    operations(bench)
    fine = loads(bench, options)
    return memory(bench, options) and fine
