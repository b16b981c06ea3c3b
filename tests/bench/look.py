#!/usr/bin/env python3
"""A short look at the bench programs: each scenario runs against server and floor without a fault,
and the load driver notices a single altered byte. Prints TAP. Nothing is measured here."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

PROGRAMS = sys.argv[1]
HAS_TLS, HAS_DEFLATE = (feature in sys.argv[2:] for feature in ("tls", "deflate"))
SHORT = ["-t", "0.1", "--warmup", "0.02"]
SCENARIOS = [
    "echo -c 10 -w 4",
    "echo -c 3 -w 2 -p 70000",
    "echo -c 4 --rate 500",
    "ack -c 10 -w 4",
    "binary -c 10 -w 2 -p 1000",
    "broadcast -c 10 -w 2",
    "polling -c 5 -w 2",
    "idle -c 50",
    "connect -c 4",
]
TLS_SCENARIOS = [
    "echo -c 5 -w 4",
    "echo -c 3 -w 2 -p 70000",
    "polling -c 5 -w 2",
    "idle -c 20 --touch",
    "connect -c 2",
]
DEFLATE_SCENARIOS = [
    "echo -c 5 -w 4 -p 2000 --json",
    "echo -c 2 -w 2 -p 70000",
    "binary -c 2 -p 5000",
    "broadcast -c 5 -w 2 -p 2000 --json",
    "idle -c 20 -p 2000 --json --touch",
]
SERVERS = [["bench-server"], ["bench-server", "build"], ["bench-server", "cjson"],
           ["bench-server", "--threads", "2"], ["bench-floor"]]
count = 0


def report(fine, what, detail=""):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if fine else "not ok", count, what))
    for line in detail.splitlines() if not fine else []:
        print("# " + line)


def program(name):
    return os.path.join(PROGRAMS, name)


class Server:
    def __init__(self, command):
        self.process = subprocess.Popen(
            [program(command[0]), *command[1:]],
            env={**os.environ, "PORT": "0"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(re.search(r"listening on (\d+)", self.process.stdout.readline()).group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def load(arguments, port, pid):
    return subprocess.run(
        [program("bench-load"), *arguments, "--port", str(port), "--pid", str(pid), *SHORT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )


def result_of(done):
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"ok": False}


def look(command, scenario, what=None):
    with Server(command) as server:
        done = load(scenario.split(), server.port, server.process.pid)
    result = result_of(done)
    worked = scenario.startswith("idle") or result.get("messages", 0) + result.get("connects", 0) > 0
    fine = done.returncode == 0 and result["ok"] and worked
    report(fine, what or "%s: %s" % (" ".join(command), scenario), done.stderr + done.stdout)
    return result


# What an idle client may cost, in bytes of memory with what malloc adds: docs/performance.md.
CLIENT_BYTES = 3584
CLIENT_SCENARIOS = ["echo -c 1 -w 4", "echo -c 20 -w 4", "echo -c 3 -w 2 -p 70000", "echo -c 5 -w 2 --polling",
                    "idle -c 100 --count", "idle -c 20 --polling", "start"]


def client(arguments, port):
    command = [program("bench-client"), *arguments.split(), "--port", str(port)]
    return subprocess.run([*command, *SHORT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


def look_at_client(scenario):
    with Server(["bench-server"]) as server:
        done = client(scenario, server.port)
    fine = done.stdout == "acknowledged\n" if scenario == "start" else '"ok":true' in done.stdout
    if scenario.endswith("--count"):
        fine = fine and json.loads(done.stdout)["bytes_per_client"] <= CLIENT_BYTES
    report(done.returncode == 0 and fine, "client: " + scenario, done.stderr + done.stdout)


def look_at_allocations():
    """Events of a client that is warm take no memory, in or out."""
    with Server(["bench-server"]) as server:
        done = client("echo -c 10 -w 4 --count", server.port)
    fine = done.returncode == 0 and json.loads(done.stdout)["allocations"] == 0
    report(fine, "client: an echo allocates nothing", done.stderr + done.stdout)


def copy(source, sink, change):
    """Bytes from one socket to another; in the first text `change` of each read o and x become 0."""
    try:
        while data := source.recv(65536):
            sink.sendall(data.replace(change, re.sub(b"[ox]", b"0", change), 1) if change else data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def altering_proxy(port, change=b'"echo"'):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", port))
        there = threading.Thread(target=copy, args=(client, server, b""))
        there.start()
        copy(server, client, change)
        there.join()
        client.close()
        server.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


def look_at_faults():
    with Server(["bench-floor"]) as server, altering_proxy(server.port) as proxy:
        done = load(["echo", "-c", "1"], proxy.getsockname()[1], server.process.pid)
    noticed = done.returncode == 1 and '"ok":false' in done.stdout and "ech0" in done.stderr
    report(noticed, "an altered byte is noticed", done.stderr + done.stdout)
    with Server(["bench-server"]) as server, altering_proxy(server.port, b"x") as proxy:
        done = client("echo -p 17", proxy.getsockname()[1])
    report(done.returncode == 1 and '"ok":false' in done.stdout, "the client notices one as well",
           done.stderr + done.stdout)
    done = subprocess.run([program("bench-load"), "echo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    report(done.returncode == 2, "bad arguments are refused")


def make_certificate(folder, name):
    paths = [os.path.join(folder, name + end) for end in (".crt", ".key")]
    line = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    line += " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -out %s -keyout %s" % tuple(paths)
    subprocess.run(line.split(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return paths


def look_at_tls(folder):
    cert, key = make_certificate(folder, "ours")
    other, _ = make_certificate(folder, "other")
    command = ["bench-server", "--tls", cert, key]
    for scenario in TLS_SCENARIOS:
        look(command, "%s --tls %s" % (scenario, cert), "over TLS: " + scenario)
    result = look(command, "connect -c 2 --resume --tls " + cert, "over TLS: connections resume sessions")
    report(result.get("resumed_pct") == 100, "all of them do", json.dumps(result))
    with Server(command) as server:
        done = load(["echo", "-c", "1", "--tls", other], server.port, server.process.pid)
    refused = done.returncode == 1 and "certificate verify failed" in done.stderr
    report(refused, "another certificate is refused", done.stderr + done.stdout)


def look_at_compression():
    agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    for scenario in DEFLATE_SCENARIOS:
        result = look(["bench-server", "--deflate"], scenario + " --deflate", "compressed: " + scenario)
        found = result.get("extensions", "")
        report(set(found.split("; ")) == set(agreed.split("; ")), "as was offered", json.dumps(result))
    with Server(["bench-server"]) as server:
        done = load(["echo", "-c", "1", "--deflate"], server.port, server.process.pid)
    report(done.returncode == 1, "a server that does not compress is noticed", done.stderr + done.stdout)


def main():
    tls = len(TLS_SCENARIOS) + 3 if HAS_TLS else 0
    deflate = 2 * len(DEFLATE_SCENARIOS) + 1 if HAS_DEFLATE else 0
    print("1..%d" % (len(SERVERS) * len(SCENARIOS) + len(CLIENT_SCENARIOS) + 4 + tls + deflate))
    for command in SERVERS:
        for scenario in SCENARIOS:
            look(command, scenario)
    for scenario in CLIENT_SCENARIOS:
        look_at_client(scenario)
    look_at_allocations()
    look_at_faults()
    if HAS_TLS:
        with tempfile.TemporaryDirectory() as folder:
            look_at_tls(folder)
    if HAS_DEFLATE:
        look_at_compression()


main()
