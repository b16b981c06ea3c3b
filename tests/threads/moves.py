"""Raw bytes to a server with several loops: one connection asks for sessions of all of them, in any
pieces, ahead of the answers, and ends anywhere. Each request must be answered in its turn, by the
member that has the session."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hostile"))

from wire import (ENGINE, FIN, TEXT, WRAPPER, Certificate, Server, Tap, frame, handshake, program,
                  request, wait_until)

THREADS = 4
TAGS = "ABCD"
POLLING = ENGINE + "polling"


class Group(Server):
    """A threads-server."""

    def __init__(self, tls=None):  # pylint: disable=super-init-not-called
        self.path = program("tests/threads/threads-server")
        self.tls = tls
        more = ["--tls-cert", tls.cert, "--tls-key", tls.key] if tls else []
        self.process = subprocess.Popen(
            [*WRAPPER, self.path, "--threads", str(THREADS), *more],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(re.fullmatch(r"LISTENING (\d+)\n", self.process.stdout.readline()).group(1))


def ask(raw, data):
    raw.send(data)
    return answer(raw)


def answer(raw):
    response = raw.response()
    assert response.status == 200, response.head
    return response.body.decode()


def handshake_on(raw):
    """A session of the member that has this connection now: its id."""
    body = ask(raw, request(POLLING))
    assert body[0] == "0", body
    return json.loads(body[1:])["sid"]


def of(sid):
    return f"{POLLING}&sid={sid}"


def post(sid, body):
    return request(of(sid), method="POST", body=body)


def sessions(server):
    """One of each member, in the order of members. Connections go to each in turn."""
    found = {}
    raws = []
    while len(found) < THREADS:
        raw = server.raw()
        raws.append(raw)
        sid = handshake_on(raw)
        found[sid[0]] = sid
    for raw in raws:
        raw.close()
    assert sorted(found) == list(TAGS), found
    return [found[tag] for tag in TAGS]


def join(raw, sids):
    """All of them in the main namespace, over one connection."""
    raw.send(b"".join(post(sid, "40") + request(of(sid)) for sid in sids))
    for index, sid in enumerate(sids):
        assert answer(raw) == "ok"
        packets = answer(raw).split("\x1e")
        assert packets[0].startswith('40{"sid":"'), packets
        if len(packets) == 1:
            packets += ask(raw, request(of(sid))).split("\x1e")
        assert packets[1] == f'42["hello",{index},false]', packets


def echo(value):
    return f'42["echo",{json.dumps(value)}]'


# ---- requests ------------------------------------------------------------------------------------


def ahead(server):
    """Requests for all members in one piece, and a large body in the middle."""
    sids = sessions(server)
    with server.raw() as raw:
        join(raw, sids)
        texts = [echo(n) if n % 5 else echo("x" * 100000) for n in range(40)]
        raw.send(b"".join(post(sids[n % THREADS], text) + request(of(sids[n % THREADS]))
                          for n, text in enumerate(texts)))
        for text in texts:
            assert answer(raw) == "ok"
            assert answer(raw) == text


def chunked(sid, text):
    head = f"POST {of(sid)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    half = len(text) // 2
    pieces = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (text[:half], text[half:]))
    return f"{head}{pieces}0\r\n\r\n".encode()


def pieces(server, step):
    """The same bytes cut in two at each place, and singly."""
    sids = sessions(server)
    with server.raw() as raw:
        join(raw, sids)
        data = (post(sids[1], echo(1)) + request(of(sids[1])) + chunked(sids[2], echo(2)) +
                request(of(sids[2])) + request("/nowhere"))
        for at in [*range(1, len(data), step), None]:
            if at is None:
                raw.send_bytewise(data)
            else:
                raw.send(data[:at])
                raw.send(data[at:])
            assert [answer(raw) for _ in range(4)] == ["ok", echo(1), "ok", echo(2)]
            assert raw.response().status == 404


def last_request(server):
    """The connection ends behind the answer where it was answered."""
    for sid in sessions(server):
        with server.raw() as raw:
            raw.send(request(of(sid), "Connection: close\r\n", method="POST", body="40"))
            assert answer(raw) == "ok"
            assert raw.ended()
        with server.raw() as raw:
            raw.send(f"GET {of(sid)} HTTP/1.0\r\n\r\n")
            assert answer(raw).startswith("40{")
            assert raw.ended()


def bad_request(server):
    """What follows the head is judged by the other member."""
    for sid in sessions(server):
        with server.raw() as raw:
            raw.send(f"POST {of(sid)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            assert raw.response().status == 400
            assert raw.ended()


# ---- upgrades ------------------------------------------------------------------------------------


def upgrade(server, step):
    """A session goes on on a WebSocket that came to another member; its first frames came in one
    piece with the request."""
    probe = frame(TEXT, "2probe")
    go_on = frame(TEXT, "5") + frame(TEXT, echo("first")) + frame(TEXT, echo("second"))
    cut = 1
    length = 2
    while cut < length:
        for sid in sessions(server):
            with server.raw() as raw:
                assert ask(raw, post(sid, "40")) == "ok"
            with server.raw() as raw:
                data = handshake(f"{ENGINE}websocket&sid={sid}") + probe + go_on
                length = len(data)
                raw.send(data[:cut])
                raw.send(data[cut:])
                assert raw.response().status == 101
                assert raw.frame() == (FIN | TEXT, b"3probe")
                seen = [raw.frame()[1].decode() for _ in range(4)]
                assert seen[0].startswith("40{"), seen
                assert seen[1] == f'42["hello",{TAGS.index(sid[0])},false]', seen
                assert seen[2:] == [echo("first"), echo("second")], seen
            cut += step


# ---- ends ----------------------------------------------------------------------------------------


def leave_anywhere(server, dice, count):
    """Connections that end, in every way, in the middle of what moves them."""
    sids = sessions(server)
    before = server.fds()
    for _ in range(count):
        with server.raw() as raw:
            data = b"".join(
                dice.choice((request(of(sid)), post(sid, "2"), post(sid, "40" * 3000),
                             handshake(f"{ENGINE}websocket&sid={sid}") + frame(TEXT, "2probe")))
                for sid in dice.choices(sids, k=dice.randrange(1, 5)))
            if dice.random() < 0.3:
                raw.send(post(dice.choice(sids), "2"))
                raw.response()
            raw.send_some(data[: dice.randrange(len(data)) + 1])
            if dice.random() < 0.5 and not server.tls:
                raw.reset()
    wait_until(lambda: server.fds() <= before)
    fresh = sessions(server)
    with server.raw() as raw:
        join(raw, fresh)


def hammer(server, stop):
    """Requests for all members until the server goes."""
    dice = random.Random(5)
    while not stop.is_set():
        try:
            sids = sessions(server)
            with server.raw() as raw:
                while not stop.is_set():
                    raw.send(b"".join(post(sid, "2") for sid in dice.choices(sids, k=8)))
                    for _ in range(8):
                        raw.response()
        except (OSError, EOFError, AssertionError, ValueError):
            if not server.alive():
                return


def end_while_moving(tls, number):
    """The server closes, or is freed, while connections are on their way."""
    server = Group(tls)
    stop = threading.Event()
    threads = [threading.Thread(target=hammer, args=(server, stop)) for _ in range(3)]
    for thread in threads:
        thread.start()
    with server.raw() as raw:
        handshake_on(raw)
    server.process.send_signal(number)
    status = server.process.wait(timeout=60)
    stop.set()
    for thread in threads:
        thread.join()
    server.process.stdout.close()
    assert status == 0, f"ended with {status}"


def main():
    tap = Tap()
    dice = random.Random(20261121)
    for tls, name in ((None, ""), (Certificate(), ", TLS")):
        with Group(tls) as server:
            tap.case(f"requests ahead for all members{name}", ahead, server)
            tap.case(f"requests in pieces{name}", pieces, server, 7 if tls else 3)
            tap.case(f"the last request of a connection{name}", last_request, server)
            tap.case(f"a request that goes wrong behind its head{name}", bad_request, server)
            tap.case(f"an upgrade in one piece with its frames{name}", upgrade, server, 3)
            tap.case(f"connections that end anywhere{name}", leave_anywhere, server, dice, 150)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            tap.case(f"the end while connections move, {number.name}{name}", end_while_moving, tls,
                     number)
    tap.finish()


main()
