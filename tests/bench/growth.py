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
    rows = []
    fine = True
    for count in CONNECTIONS:
        results = [bench.measure("libsio", "echo -c %d -w 1 -p 16" % count, options)
                   for _ in range(options.rounds)]
        fine = fine and all(result["ok"] for result in results)
        rows.append([str(count), bench.number(bench.median(results, "cpu_us"))])
    print("### CPU of the server for an echo, us; one message on its way on each connection\n")
    bench.table(["connections", "us"], rows)
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
