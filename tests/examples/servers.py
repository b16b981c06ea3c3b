"""The server's examples, each as it stands: does it do what its first comment says?"""

import json
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from network import enter
from program import PATIENCE, Program, run_all

PORT, TLS_PORT = 3000, 3443
SIGTERM_STATUS = (-signal.SIGTERM, 128 + signal.SIGTERM)
programs = []


def start(name, *args, port=PORT):
    program = Program(f"examples/{name}", *args)
    programs.append(program)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return program
        except ConnectionRefusedError:
            assert program.process.poll() is None, f"{name} has ended"
            assert time.monotonic() < end, f"{name} does not listen"
            time.sleep(0.02)


def stop(program, number=signal.SIGTERM, expected=SIGTERM_STATUS):
    program.process.send_signal(number)
    status = program.exit_status()
    assert status in expected, f"{program.name}: {status}"


def http(path, data=None, base=f"http://127.0.0.1:{PORT}", context=None):
    """Status and text."""
    body = data.encode() if data is not None else None
    try:
        with urllib.request.urlopen(base + path, body, PATIENCE, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Client:
    """Engine.IO 4 by long-polling, in the namespace "/"."""

    def __init__(self, **how):
        self.how = how
        self.path = "/socket.io/?EIO=4&transport=polling"
        self.packets = []
        opened = self.next()
        assert opened[0] == "0", opened
        self.path += "&sid=" + json.loads(opened[1:])["sid"]
        self.send("40")
        self.until("40{")

    def send(self, packet):
        assert http(self.path, packet, **self.how) == (200, "ok")

    def next(self):
        if not self.packets:
            status, text = http(self.path, **self.how)
            assert status == 200, (status, text)
            self.packets = text.split("\x1e")
        return self.packets.pop(0)

    def until(self, begin):
        while True:
            packet = self.next()
            if packet.startswith(begin):
                return packet


def adopt():
    """adopt: a line protocol and Socket.IO share a port"""
    program = start("adopt")
    with socket.create_connection(("127.0.0.1", PORT)) as line:
        line.settimeout(PATIENCE)
        line.sendall(b"PING\n")
        assert line.makefile("rb").read() == b"PONG\n"
    Client()
    stop(program)


def own_loop():
    """own_loop: the program's timer reaches the clients"""
    program = start("own_loop")
    Client().until('42["seconds",')
    stop(program)


def http_routes():
    """http_routes: a page, a form, an answer in pieces, and Socket.IO"""
    program = start("http_routes")
    status, page = http("/")
    assert status == 200 and "Hello" in page
    assert http("/echo", "a form") == (200, "a form")
    assert http("/count") == (200, "one\ntwo\nthree\n")
    assert http("/none")[0] == 404
    Client()
    stop(program)


def tls_server():
    """tls_server: Socket.IO over TLS, and a certificate that is missing"""
    with tempfile.TemporaryDirectory() as folder:
        cert, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
        command = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost"
            " -addext subjectAltName=DNS:localhost"
        )
        made = [*command.split(), "-keyout", key, "-out", cert]
        subprocess.run(made, check=True, stderr=subprocess.DEVNULL)
        program = start("tls_server", cert, key, port=TLS_PORT)
        context = ssl.create_default_context(cafile=cert)
        # In the namespace there may be no resolver: the address is given, the name is checked.
        context.check_hostname = False
        Client(base=f"https://127.0.0.1:{TLS_PORT}", context=context)
        stop(program)
        program = Program("examples/tls_server", Path(folder, "none.pem"), key)
        programs.append(program)
        assert program.exit_status() == 1


def metrics():
    """metrics: counters for Prometheus, and a line of them at the end"""
    program = start("metrics")
    client = Client()
    client.send('420["any",1,"two"]')
    assert client.until("43") == '430[1,"two"]'
    status, text = http("/metrics")
    assert status == 200
    assert any(line.startswith("# TYPE ") for line in text.splitlines()), text
    stop(program, signal.SIGINT, (0,))
    program.printed(r"^1 handshakes, \d+ packets in, \d+ packets out$")


def evhttp_glue():
    """evhttp_glue: evhttp answers what is not for Socket.IO"""
    program = start("evhttp_glue", PORT)
    assert http("/page") == (200, "evhttp\n")
    Client()
    stop(program)


enter()
signal.alarm(6 * PATIENCE)
try:
    result = run_all([adopt, own_loop, http_routes, tls_server, metrics, evhttp_glue])
finally:
    for each in programs:
        each.kill()
sys.exit(result)
