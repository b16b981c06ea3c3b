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
    for each in programs:
        each.kill()  # left by a case that failed
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
    """Engine.IO 4 by long-polling. Begins with the packet `connect`, which `answer` answers."""

    def __init__(self, connect="40", answer="40{", **how):
        self.how = how
        self.path = "/socket.io/?EIO=4&transport=polling"
        self.packets = []
        opened = self.next()
        assert opened[0] == "0", opened
        self.path += "&sid=" + json.loads(opened[1:])["sid"]
        self.send(connect)
        self.answer = self.until(answer)

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

    def acknowledge(self, event, answer):
        packet = self.until("42")
        assert packet.endswith(event), packet
        self.send("43" + packet[2 : -len(event)] + answer)


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


def acks():
    """acks: a sum, a name that is asked for, and a vote of all"""
    program = start("acks")
    ann, bob = Client(), Client()
    for client, name in (ann, "Ann"), (bob, "Bob"):
        client.acknowledge('["who are you"]', f'["{name}"]')
        program.printed(f"^hello, {name}$")
    ann.send('420["add",1,41]')
    assert ann.until("43") == "430[42]"
    ann.send('42["vote","tea?"]')
    for client, yes in (ann, "true"), (bob, "false"):
        client.acknowledge('["question","tea?"]', f"[{yes}]")
    assert ann.until("42") == bob.until("42") == '42["result",1,0]'
    stop(program)


def binary():
    """binary: bytes in reverse, and bytes inside of an object for the others"""
    program = start("binary")
    ann, bob = Client(), Client()
    ann.send('451-0["turn",{"_placeholder":true,"num":0}]\x1ebAQIDBA==')
    assert ann.until("46") == '461-0[{"_placeholder":true,"num":0}]'
    assert ann.next() == "bBAMCAQ=="
    file = '451-["file",{"name":"x","data":{"_placeholder":true,"num":0}}]'
    ann.send(file + "\x1ebAQI=")
    assert bob.until("45") == file
    assert bob.next() == "bAQI="
    stop(program)


def rooms():
    """rooms: what is said in a room, and to all but a room"""
    program = start("rooms")
    ann, bob, cat = Client(), Client(), Client()
    for number, client in enumerate((ann, bob), 1):
        client.send('420["join","red"]')
        assert client.until("43") == f"430[{number}]"
    ann.send('42["join","quiet"]')
    cat.send('42["say","red","not a member"]')
    ann.send('42["say","red","hi"]')
    assert bob.until("42") == '42["said","red","hi"]'
    bob.send('42["leave","red"]')
    ann.send('42["say","red","nobody"]')
    cat.send('42["shout","hey"]')
    assert bob.until("42") == cat.until("42") == '42["said",null,"hey"]'
    ann.send('420["join","blue"]')
    assert ann.next() == "430[1]"
    stop(program)


def auth():
    """auth: a token opens, and an event is kept from its handler"""
    program = start("auth")
    for token in "", '{"token":"guess"}', '{"token":["secret"]}':
        refused = Client("40" + token, "44").answer
        assert refused == '44{"message":"not authorized","data":{"retry":false}}', refused
    client = Client('40{"token":"secret"}')
    assert client.until("42") == '42["welcome",{"role":"user"}]'
    client.send('42["admin-restart"]')
    assert client.until("42") == '42["refused","for administrators only"]'
    stop(program)


def dynamic_namespaces():
    """dynamic_namespaces: two games that do not hear each other, and a name that is none"""
    program = start("dynamic_namespaces")
    none = Client("40/game-x,", "44").answer
    assert none == '44/game-x,{"message":"Invalid namespace"}', none
    players = []
    for game, count in (1, 1), (1, 2), (2, 1):
        player = Client(f"40/game-{game},", f"40/game-{game},{{")
        playing = player.until("42")
        assert playing == f'42/game-{game},["playing","/game-{game}",{count}]', playing
        players.append(player)
    program.printed("^new: /game-1$")
    program.printed("^new: /game-2$")
    players[2].send('42/game-2,["move","elsewhere"]')
    players[0].send('42/game-1,["move","e2","e4"]')
    assert players[1].until("42") == '42/game-1,["move","e2","e4"]'
    stop(program)


def recovery():
    """recovery: a subscriber comes back as the same peer, and gets what it has missed"""
    program = start("recovery")
    writer, reader = Client(), Client()
    reader.until('42["session",false,')
    reader.send('42["subscribe","news"]')
    writer.send('42["publish","news","one"]')
    offset = json.loads(reader.until('42["item","one"')[2:])[2]
    before = json.loads(reader.answer[2:])
    reader.send("1")
    writer.send('42["publish","news","two"]')
    known = json.dumps({"pid": before["pid"], "offset": offset})
    reader = Client("40" + known, '42["item","two"')
    assert json.loads(reader.until("40")[2:])["sid"] == before["sid"]
    assert json.loads(reader.until("42")[2:])[1] is True
    writer.send('42["publish","news","three"]')
    reader.until('42["item","three"')
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


def loops():
    """loops: everyone hears what is said on any loop, and it is counted on all"""
    program = start("loops", "3")
    clients = [Client() for _ in range(4)]
    for number, client in enumerate(clients, 1):
        client.send(f'42["say","number {number}"]')
        for each in clients:
            assert each.until("42").endswith(f',"number {number}"]')
        client.send('420["total"]')
        assert client.until("43") == f"430[{number}]"
    stop(program, signal.SIGTERM, (0,))


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
cases = [
    acks,
    adopt,
    auth,
    binary,
    dynamic_namespaces,
    evhttp_glue,
    http_routes,
    loops,
    metrics,
    own_loop,
    recovery,
    rooms,
    tls_server,
]
signal.alarm(len(cases) * PATIENCE)
try:
    result = run_all(cases)
finally:
    for each in programs:
        each.kill()
sys.exit(result)
