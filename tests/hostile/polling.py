"""HTTP of no honest client: smuggled and endless requests, odd session ids, transports and upgrades.
Everything has its answer at once, and the server goes on serving others."""

import json
import socket
import struct
import time

from wire import (ENGINE, FIN, TEXT, Certificate, Server, Tap, engine_websocket, frame, handshake,
                  more_descriptors, request, serves, wait_until)

PROGRAM = "tests/conformance/conformance-server"
POLLING = ENGINE + "polling"
UNKNOWN_SID = {"code": 1, "message": "Session ID unknown"}


def ask(server, data):
    """The answer to one request on a connection of its own."""
    with server.raw() as raw:
        raw.send_some(data)
        return raw.response()


def refused(server, data, *statuses):
    """An error, and nothing that stands behind it is taken for a request."""
    with server.raw() as raw:
        raw.send_some(data)
        response = raw.response()
        assert response.status in (statuses or (400,)), response.head
        assert raw.ended(), "the connection goes on"


def session(server):
    """The target of a polling session."""
    response = ask(server, request(POLLING))
    assert response.status == 200, response.head
    return f"{POLLING}&sid={json.loads(response.body[1:])['sid']}"


def post(server, target, body):
    return ask(server, request(target, method="POST", body=body))


def over(server, target):
    """Whether the session has ended, once what it had to say is fetched."""
    return any(ask(server, request(target)).status == 400 for _ in range(3))


# ---- request smuggling ---------------------------------------------------------------------------

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKS = b"4\r\n4abc\r\n0\r\n\r\n"

HEADS = {
    "Content-Length and Transfer-Encoding": "Content-Length: 4\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding and Content-Length": "Transfer-Encoding: chunked\r\nContent-Length: 4",
    "two lengths": "Content-Length: 4\r\nContent-Length: 5",
    "two equal lengths": "Content-Length: 4\r\nContent-Length: 4",
    "a list of lengths": "Content-Length: 4, 4",
    "+4": "Content-Length: +4",
    "-1": "Content-Length: -1",
    "0x4": "Content-Length: 0x4",
    "4 4": "Content-Length: 4 4",
    "4.0": "Content-Length: 4.0",
    "an empty length": "Content-Length:",
    "2^64": "Content-Length: 18446744073709551616",
    "2^64+4": "Content-Length: 18446744073709551620",
    "a thousand digits": "Content-Length: " + "9" * 1000,
    "a space before the colon": "Content-Length : 4",
    "a tab before the colon": "Content-Length\t: 4",
    "folding": "X-Folded: a\r\n b\r\nContent-Length: 4",
    "folding by a tab": "X-Folded: a\r\n\tContent-Length: 4",
    "folding of the length": "Content-Length:\r\n 4",
    "a bare CR": "X-Bare: a\rContent-Length: 4",
    "a CR at the end": "Content-Length: 4\r",
    "a NUL in a value": "X-Nul: a\x00b",
    "a NUL in a name": "X\x00: a",
    "a control byte": "X-Control: a\x08b",
    "a DEL": "X-Delete: a\x7fb",
    "a name of nothing": ": a",
    "no colon": "Content-Length",
    "chunked twice": "Transfer-Encoding: chunked, chunked",
    "two codings": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "an unknown coding": "Transfer-Encoding: gzip, chunked",
    "chunked not last": "Transfer-Encoding: chunked, identity",
    "a coding in quotes": 'Transfer-Encoding: "chunked"',
    "xchunked": "Transfer-Encoding: xchunked",
    "a vertical tab": "Transfer-Encoding:\x0bchunked",
    "two hosts": "Host: y",
}


def head(server, lines):
    target = session(server)
    text = f"POST {target} HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n"
    refused(server, text.encode("latin-1") + CHUNKS + SMUGGLED, 400, 413, 431, 501)


LINES = {
    "no host": "GET {} HTTP/1.1\r\n\r\n",
    "HTTP/0.9": "GET {}\r\n\r\n",
    "HTTP/2.0": "GET {} HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/1.10": "GET {} HTTP/1.10\r\nHost: x\r\n\r\n",
    "http/1.1": "GET {} http/1.1\r\nHost: x\r\n\r\n",
    "two spaces": "GET  {} HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab": "GET\t{} HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space at the end": "GET {} HTTP/1.1 \r\nHost: x\r\n\r\n",
    "a space in front": " GET {} HTTP/1.1\r\nHost: x\r\n\r\n",
    "a NUL in the target": "GET {}\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bare CR in the target": "GET {}\rX HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment": "GET {}#x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method of nothing": " {} HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method with a brace": "G{{T {} HTTP/1.1\r\nHost: x\r\n\r\n",
    "an empty host twice": "GET {} HTTP/1.1\r\nHost:\r\nHost:\r\n\r\n",
    "a host with a path": "GET {} HTTP/1.1\r\nHost: x/y\r\n\r\n",
}


def line(server, text):
    refused(server, text.format(POLLING).encode("latin-1") + SMUGGLED, 400, 501, 505)


BODIES = {
    "a chunk size with a sign": b"+4\r\n4abc\r\n0\r\n\r\n",
    "a chunk size with 0x": b"0x4\r\n4abc\r\n0\r\n\r\n",
    "a chunk size of 2^64": b"10000000000000000\r\n4abc\r\n0\r\n\r\n",
    "a negative chunk size": b"-4\r\n4abc\r\n0\r\n\r\n",
    "a chunk size of nothing": b"\r\n4abc\r\n0\r\n\r\n",
    "a space in front of a chunk size": b" 4\r\n4abc\r\n0\r\n\r\n",
    "a bare CR in a chunk extension": b"4;a\rb\r\n4abc\r\n0\r\n\r\n",
    "more bytes than the chunk": b"4\r\n4abcdef\r\n0\r\n\r\n",
    "a bare LF behind a chunk": b"4\r\n4abc\n0\r\n\r\n",
    "an endless chunk extension": b"4;" + b"a" * 100000 + b"\r\n4abc\r\n0\r\n\r\n",
    "endless trailers": b"4\r\n4abc\r\n0\r\n" + b"X-Trailer: a\r\n" * 10000 + b"\r\n",
    "a length as trailer": b"4\r\n4abc\r\n0\r\nContent-Length : 5\r\n\r\n",
}


def body(server, chunks):
    target = session(server)
    refused(server, request(target, "Transfer-Encoding: chunked\r\n", "POST") + chunks + SMUGGLED,
            400, 413, 431)


def escaped_targets(server):
    """%0d%0a and %00 in targets change nothing but the target (CVE-2026-63385)"""
    for text in ("%0d%0aX-Injected:%20a", "%00", "%", "%zz", "%u0041", "a%0d%0a%0d%0aGET%20/"):
        for target in (f"/socket.io/{text}?EIO=4&transport=no", f"{ENGINE}{text}",
                       f"{POLLING}&sid={text}", f"{POLLING}&{text}={text}", f"/{text}"):
            response = ask(server, request(target))
            assert response.status in (200, 400, 404), response.head
            assert "injected" not in response.head.lower(), response.head
            assert response.status != 200 or text in target.split("&", 2)[-1], target


def pipelined_behind_an_error(server):
    """what follows a refused request in the same segment is not read"""
    with server.raw() as raw:
        raw.send_some(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + request(POLLING) * 100)
        assert raw.response().status == 400
        assert raw.ended()


# ---- bodies --------------------------------------------------------------------------------------


def announced_bodies(server):
    """1 TiB is refused at its head, a body over the limit before it is read (CVE-2020-36048)"""
    for length in (2**40, 1000001, 2**63 - 1, 2**64 - 1):
        for target in (session(server), POLLING, POLLING + "&sid=" + "x" * 20, "/"):
            with server.raw() as raw:
                raw.send(request(target, f"Content-Length: {length}\r\n", "POST"))
                assert raw.response().status == 413
                assert raw.ended()


def expected_bodies(server):
    """who asks before it sends the body is told at once"""
    with server.raw() as raw:
        raw.send(request(session(server), "Content-Length: 1099511627776\r\nExpect: 100-continue\r\n",
                         "POST"))
        assert raw.response().status == 413
        assert raw.ended()


def chunked_bodies(server):
    """a body without a length ends at the limit, too"""
    with server.raw() as raw:
        raw.send(request(session(server), "Transfer-Encoding: chunked\r\n", "POST"))
        chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
        for _ in range(40):
            if not raw.send_some(chunk):
                break
        assert raw.response().status == 413


def one_byte_more(server):
    """1,000,000 bytes are taken, 1,000,001 are not"""
    target = session(server)
    assert post(server, target, "40").body == b"ok"
    fits = '42["x","' + "a" * (1000000 - 10) + '"]'
    assert len(fits) == 1000000
    assert post(server, target, fits).body == b"ok"
    assert post(server, target, fits + " ").status == 413


def separators(server):
    """100,000 separators cost their own size and little time"""
    memory = server.memory()
    bodies = ["\x1e" * 100000, "4\x1e" * 100000, "6\x1e" * 100000 + "6"]
    for text in bodies:
        target = session(server)
        assert post(server, target, "40").body == b"ok"
        began = time.monotonic()
        assert post(server, target, text).status == 200
        assert time.monotonic() - began < 5  # seconds, where milliseconds are enough
        if text.startswith("6"):  # noops are packets
            assert ask(server, request(target)).body.startswith(b"40{")
        else:
            assert over(server, target)
    if memory:
        assert memory.peak() < 4 << 20, memory.peak()


def packets_that_are_none(server):
    """a POST of no packet is answered 400, and its session is over"""
    for text in (b"", b"abc", b"4\xff", b"b", b"b!!!!", b"4a\x1e", b"\x1e", b"9", b"\x80\x81", b"4" * 3 + b"\x1e9"):
        target = session(server)
        assert post(server, target, b"40").body == b"ok"
        response = post(server, target, text)
        assert response.status in (200, 400), (text, response.head)
        assert over(server, target), text


def binary_posts(server):
    """binary bodies are answered, a thousand times, and no descriptor is lost (CVE-2026-59725)"""
    octets = "Content-Type: application/octet-stream\r\n"
    descriptors = server.fds()
    for _ in range(1000):
        target = session(server)
        answer = ask(server, request(target, octets, "POST", body=b"\x04\x00abc"))
        assert answer.status == 400, answer.head
        assert over(server, target)
    wait_until(lambda: server.fds() <= descriptors)


# ---- sessions ------------------------------------------------------------------------------------


def odd_sids(server):
    """ids that are none are unknown (CVE-2026-59724, CVE-2026-102600)"""
    odd = ("__proto__", "constructor", "hasOwnProperty", "%00", "x" * 4000, "x" * 12000, "..%2f", "0",
           "%E2%98%83", "null", "undefined", "AAAAAAAAAAAAAAAAAAAA", "%41" * 20, "[object%20Object]")
    for sid in odd:
        for target in (f"{POLLING}&sid={sid}", f"{ENGINE}websocket&sid={sid}"):
            for data in (request(target), request(target, method="POST", body="40"), handshake(target)):
                response = ask(server, data)
                assert response.status == 400, (sid, response.head)
                if b"Upgrade" not in data and "polling" in target:
                    assert response.json() == UNKNOWN_SID, response.body
    # Without an id it is a handshake.
    assert ask(server, request(POLLING + "&sid=")).body.startswith(b"0{")
    assert ask(server, request(POLLING + "&sid")).body.startswith(b"0{")


def repeated_parameters(server):
    """parameters that stand twice name no second session"""
    one, other = session(server), session(server)
    sid = other.rsplit("=", 1)[1]
    for target in (f"{one}&sid={sid}", f"{one}&sid=x", f"{POLLING}&sid=x&sid={sid}"):
        assert post(server, target, "40").status in (200, 400), target
    assert ask(server, request(f"{POLLING}&transport=websocket")).status in (200, 400)
    assert ask(server, request("/socket.io/?EIO=4&EIO=3&transport=polling")).status in (200, 400)


def unknown_transports(server):
    """transports that are none are refused, upgrades as well (CVE-2023-31125)"""
    for name in ("__proto__", "constructor", "toString", "webtransport", "polling%00", "WEBSOCKET",
                 "websocket,polling", "", "x" * 8000):
        for target in (ENGINE + name, f"{session(server)}".replace("=polling", "=" + name)):
            assert ask(server, request(target)).status == 400, target[:80]
            assert ask(server, handshake(target)).status == 400, target[:80]
            assert ask(server, request(target, method="POST", body="40")).status == 400, target[:80]


def other_revisions(server):
    """the revision is settled by the handshake (CVE-2026-102599)"""
    target = session(server)
    for revision in ("EIO=3", "EIO=5", "EIO=", "EIO=__proto__", ""):
        changed = target.replace("EIO=4", revision)
        assert ask(server, request(changed)).status == 400, changed
        assert post(server, changed, "40").status == 400, changed
        upgrade = changed.replace("=polling", "=websocket")
        assert ask(server, handshake(upgrade)).status == 400, upgrade
    assert post(server, target, "40").body == b"ok"  # the session goes on


def methods(server):
    """methods that are none of the protocol's"""
    target = session(server)
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "get", "X" * 20):
        for where in (target, POLLING):
            response = ask(server, request(where, method=method))
            assert response.status in (400, 500, 501), (method, response.head)
    with server.raw() as raw:
        raw.send(request("x:443", method="CONNECT"))
        assert raw.response().status >= 400


# ---- upgrades ------------------------------------------------------------------------------------


def second_probe(server):
    """a session has one WebSocket: a second probe is refused, the first goes on"""
    target = session(server)
    assert post(server, target, "40").body == b"ok"
    upgrade = target.replace("=polling", "=websocket")
    with server.raw() as first, server.raw() as second:
        first.send(handshake(upgrade))
        assert first.response().status == 101
        first.send(frame(TEXT, "2probe"))
        assert first.frame() == (FIN | TEXT, b"3probe")
        second.send(handshake(upgrade))
        if second.response().status == 101:
            second.send_some(frame(TEXT, "2probe"))
            while second.buffer or second.more():
                assert second.frame()[0] != FIN | TEXT
        assert b'40{"sid"' in ask(server, request(target)).body
        first.send(frame(TEXT, "5"))
        first.send(frame(TEXT, '42["message",1]'))
        assert first.frame() == (FIN | TEXT, b'42["message-back",1]')


def bad_frame_behind_the_upgrade(server):
    """a broken frame in the same segment as the upgrade request (CVE-2022-21676)"""
    for data in (b"\xff" * 100, b"\x81\x05hello", frame(TEXT, b"\xff"), b"\x00" * 64):
        with server.raw() as raw:
            raw.send(handshake(ENGINE + "websocket") + data)
            assert raw.response().status == 101
            while raw.buffer or raw.more():
                first, payload = raw.frame()
                if first & 15 == 8:
                    assert struct.unpack(">H", payload[:2])[0] in (1002, 1007), payload
    serves(server)


def resets_at_every_byte(server):
    """1000 connections end at every byte of an upgrade request (CVE-2022-41940)"""
    data = handshake(ENGINE + "websocket") + frame(TEXT, "40") + frame(TEXT, '42["message",1]')
    serves(server)
    descriptors = server.fds()
    for i in range(1000):
        raw = server.raw()
        raw.send(data[: i % (len(data) + 1)])
        if i % 3 == 0:
            raw.close()
        else:
            raw.reset()
    wait_until(lambda: server.fds() <= descriptors)
    serves(server)


def resets_while_an_answer_is_held(server):
    """who hangs up while its poll waits leaves nothing"""
    descriptors = server.fds()
    for i in range(300):
        target = session(server)
        raw = server.raw()
        raw.send(request(target))
        raw.reset() if i % 2 else raw.close()
    wait_until(lambda: server.fds() <= descriptors)
    serves(server)


def garbage(server):
    """bytes of other protocols"""
    for data in (b"\x00" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
                 b"SSH-2.0-x\r\n", b"EHLO x\r\n", b"\r\n" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 b"GET /" + b"a" * 100000, b"\xff" * 65536, b"HTTP/1.1 200 OK\r\n\r\n"):
        with server.raw() as raw:
            raw.send_some(data)
            if not server.tls:
                try:
                    raw.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            if not server.tls:
                raw.rest()
    serves(server)


CASES = [
    escaped_targets, pipelined_behind_an_error, announced_bodies, expected_bodies, chunked_bodies,
    one_byte_more, separators, packets_that_are_none, binary_posts, odd_sids, repeated_parameters,
    unknown_transports, other_revisions, methods, second_probe, bad_frame_behind_the_upgrade,
    resets_at_every_byte, resets_while_an_answer_is_held, garbage,
]
TABLES = (("head", head, HEADS), ("line", line, LINES), ("body", body, BODIES))


def run(tap, mode, server):
    for kind, function, table in TABLES:
        for name, value in table.items():
            tap.case(f"{mode}: {kind}: {name}", function, server, value)
    for case in CASES:
        tap.case(f"{mode}: {case.__doc__.splitlines()[0]}", case, server)
    tap.case(f"{mode}: the server has survived", serves, server)


def main():
    tap = Tap()
    more_descriptors()
    with Server(PROGRAM, "--profile", "wire") as server:
        run(tap, "plain", server)
    with Server(PROGRAM, "--profile", "wire", tls=Certificate()) as server:
        run(tap, "tls", server)
    tap.finish()


main()
