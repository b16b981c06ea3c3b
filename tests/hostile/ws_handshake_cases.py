"""Opening handshakes of RFC 6455 §4, lawful and hostile, for a server (H) and a client (C), and what
stands behind them in the same segment.
"""

import socket
import struct

from wire import (BINARY, ENGINE, FIN, KEY, PING, PONG, TEXT, accept_key, frame, handshake, request,
                  wait_until)
from ws_cases import Group
from ws_peer import Peer, Plain

OFFERS = "Sec-WebSocket-Extensions"
PROTOCOLS = "Sec-WebSocket-Protocol"


def works(peer):
    peer.echo(BINARY, b"it works")
    peer.bye()


def accepted(peer):
    assert isinstance(peer, Peer), peer.head
    return peer


# ---- servers -------------------------------------------------------------------------------------


def taken(**how):
    """The handshake is done, and messages flow."""
    return lambda endpoint: works(accepted(endpoint.open(offer="", **how)))


def refused(*statuses, head=None, **how):
    """It is answered with one of these; where the answer says so the connection ends. `head`: more
    to be checked."""
    def case(endpoint):
        raw = endpoint.raw()
        raw.send_some(handshake(endpoint.target, **how))
        response = raw.response("HEAD" if how.get("method") == "HEAD" else "GET")
        assert response.status in statuses, response.head
        if head:
            head(response)
        if response.get("connection") == "close":
            assert raw.ended()
    return case


def bytes_refused(data, *statuses):
    """The same for any bytes; `data` is given the target."""
    def case(endpoint):
        raw = endpoint.raw()
        raw.send_some(data(endpoint.target))
        response = raw.response()
        assert response.status in statuses, response.head
        assert raw.ended()
    return case


def spelled(change):
    """A handshake whose bytes are changed before they are sent."""
    def case(endpoint):
        raw = endpoint.raw()
        raw.send(change(handshake(endpoint.target)))
        response = raw.response()
        assert response.status == 101, response.head
        works(Peer(raw, endpoint.dialect, True, None))
    return case


def names(change):
    def changed(data):
        first, *lines = data.decode().split("\r\n")
        parts = (line.partition(":") for line in lines)
        return "\r\n".join([first] + [change(n) + c + v for n, c, v in parts]).encode()
    return changed


def says_version(response):
    assert response.get("sec-websocket-version") == "13", response.head
    assert response.get("upgrade") == "websocket", response.head


def one_of(*values):
    def case(endpoint, lines):
        peer = accepted(endpoint.open(lines, offer=""))
        assert peer.response.get("sec-websocket-protocol") in values, peer.response.head
        works(peer)
    return case


def declined_or_400(name, value):
    """Hostile text in a list: no extension comes of it, whether it is refused or not."""
    def case(endpoint):
        answer = endpoint.open(f"{name}: {value}\r\n", offer="")
        if not isinstance(answer, Peer):
            assert answer.status == 400, answer.head
            return
        works(answer)
    return case


def lawful(cases):
    group = Group(cases, "H")
    group.next()
    add = lambda text, run, *only: group.add(text, run, "server", *only)
    add("as in the example of the RFC", taken())
    add("names in lower case", spelled(names(str.lower)))
    add("names in upper case", spelled(names(str.upper)))
    add("names in any case", spelled(names(str.swapcase)))
    add("no space before the values", spelled(lambda data: data.replace(b": ", b":")))
    add("white space around the values",
        spelled(lambda data: data.replace(b": ", b": \t ").replace(b"\r\n", b" \t\r\n")
                .replace(b"1.1 \t", b"1.1").replace(b"\r\n \t\r\n", b"\r\n\r\n")))
    for value in ("upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade,keep-alive",
                  "keep-alive,, ,\tUpgrade ,"):
        add(f"Connection: {value}", taken(connection=value))
    add("Connection in two lines", taken(connection="keep-alive\r\nConnection: Upgrade"))
    for value in ("WebSocket", "WEBSOCKET"):
        add(f"Upgrade: {value}", taken(upgrade=value))
    add("Host with a port", taken(host="127.0.0.1:80"))
    add("60 lines of no meaning", taken(lines="".join(f"X-{i}: {i}\r\n" for i in range(60))))
    add("a value of 8000 bytes", taken(lines="X: " + "x" * 8000 + "\r\n"))
    add("values of bytes above 0x7f", taken(lines="X: \xe4\xf6\xff\r\n"))
    add("a foreign extension", taken(lines=f"{OFFERS}: x-webkit-deflate-frame; no_context\r\n"))
    add("key of zeros", taken_with_key("AAAAAAAAAAAAAAAAAAAAAA=="))
    add("key of all ones", taken_with_key("/////////////////////w=="))

    def absolute(endpoint):
        raw = endpoint.raw()
        raw.send(handshake("http://x" + endpoint.target))
        assert raw.response().status == 101
        works(Peer(raw, endpoint.dialect, True, None))
    add("absolute form of the target", absolute)

    def bytewise(endpoint):
        raw = endpoint.raw()
        raw.send_bytewise(handshake(endpoint.target))
        assert raw.response().status == 101
        works(Peer(raw, endpoint.dialect, True, None))
    add("octet by octet", bytewise)

    def cut_anywhere(endpoint):
        data = handshake(endpoint.target)
        for at in range(1, len(data)):
            raw = endpoint.raw()
            raw.send(data[:at])
            raw.send(data[at:])
            assert raw.response().status == 101
            raw.reset()
    add("cut in two at each place", cut_anywhere)

    def protocols(endpoint):
        peer = accepted(endpoint.open(f"{PROTOCOLS}: chat\r\n{PROTOCOLS}: superchat\r\n", offer=""))
        assert peer.response.get("sec-websocket-protocol") in (None, "chat", "superchat")
        works(peer)
    add("subprotocols in two lines: one of them or none", protocols)


def taken_with_key(key):
    def case(endpoint):
        raw = endpoint.raw()
        raw.send(handshake(endpoint.target, key=key))
        response = raw.response()
        assert response.get("sec-websocket-accept") == accept_key(key), response.head
        works(Peer(raw, endpoint.dialect, True, None))
    return case


def unlawful(cases):
    group = Group(cases, "H")
    group.section = 1
    group.next()
    add = lambda text, run, *only: group.add(text, run, "server", *only)
    for text, key in (
        ("without a key", None), ("empty key", ""), ("key of 15 bytes", "AAAAAAAAAAAAAAAAAAAA"),
        ("key of 17 bytes", "AAAAAAAAAAAAAAAAAAAAAAA="), ("key without padding", KEY[:-2]),
        ("key in URL letters", "_-_-_-_-_-_-_-_-_-_-_A=="), ("key of no letters", "!" * 22 + "=="),
        ("key with a space", KEY[:10] + " " + KEY[11:]), ("two keys in a line", f"{KEY}, {KEY}"),
        ("the key twice", f"{KEY}\r\nSec-WebSocket-Key: {KEY}"), ("key of 8000 bytes", "A" * 8000),
        ("key of bytes above 0x7f", "\xff" * 22 + "=="),
    ):
        add(f"{text}: 400", refused(400, key=key))
    for version in ("12", "14", "8", "0", "255", "256", "013", "+13", "13.0", "0x0d", "1e1",
                    "13, 8", "", "13 13", "9" * 100):
        add(f"version {version[:20]!r}: 426 and which one is spoken",
            refused(426, version=version, head=says_version))
    add("without a version: 400", refused(400, version=None))
    add("the version twice: 400 or 426",
        refused(400, 426, version="13\r\nSec-WebSocket-Version: 13"))
    for method in ("POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "get", "GETX", "BREW"):
        add(f"method {method}: refused", refused(204, 400, 404, 405, 426, 501, method=method))
    for minor in ("1.0", "1.2", "2.0", "0.9", "3", "1.1.1", "1.01"):
        def version(target, minor=minor):
            return handshake(target).replace(b"HTTP/1.1", b"HTTP/" + minor.encode())
        add(f"HTTP/{minor}: refused", bytes_refused(version, 400, 426, 505))
    for value in (None, "", "h2c", "websockets", "websocket/13", "web socket", "websocket, h2c",
                  "websocket\r\nUpgrade: h2c"):
        add(f"Upgrade {value!r}: 400 or 426", refused(400, 426, upgrade=value))
    for value in (None, "", "close", "keep-alive", "Upgraded", "Up, grade", "Upgrade;q=1"):
        add(f"Connection {value!r}: 400 or 426", refused(400, 426, connection=value))
    add("Connection: Upgrade, close: refused or done, then over",
        lambda endpoint: endpoint.open(connection="Upgrade, close", offer=""))
    for text, change in (
        ("without Host", lambda data: data.replace(b"Host: x\r\n", b"")),
        ("two Hosts", lambda data: data.replace(b"Host: x", b"Host: x\r\nHost: y")),
        ("two equal Hosts", lambda data: data.replace(b"Host: x", b"Host: x\r\nhost: x")),
        ("a list of Hosts", lambda data: data.replace(b"Host: x", b"Host: x, y")),
        ("a Host with a path", lambda data: data.replace(b"Host: x", b"Host: x/y")),
        ("space before a colon", lambda data: data.replace(b"Upgrade:", b"Upgrade :")),
        ("no colon", lambda data: data.replace(b"Host: x", b"Host: x\r\nnothing")),
        ("empty name", lambda data: data.replace(b"Host: x", b"Host: x\r\n: y")),
        ("folded line", lambda data: data.replace(b"Host: x", b"Host: x\r\nA: b\r\n c")),
        ("NUL in a value", lambda data: data.replace(b"Host: x", b"Host: x\r\nA: b\0c")),
        ("bare CR in a value", lambda data: data.replace(b"Host: x", b"Host: x\r\nA: b\rc")),
        ("lines that end in LF", lambda data: data.replace(b"\r\n", b"\n")),
        ("NUL in the target", lambda data: data.replace(b"GET /", b"GET /\0")),
        ("space in the target", lambda data: data.replace(b"GET /", b"GET /a /")),
        ("two spaces before the target", lambda data: data.replace(b"GET ", b"GET  ")),
        ("no target", lambda data: data.replace(data.split(b" ")[1], b"")),
        ("a body in chunks and a length",
         lambda data: data.replace(b"Host: x",
                                   b"Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked")),
    ):
        add(f"{text}: 400", bytes_refused(lambda target, change=change: change(handshake(target)),
                                          400))
    add("a line of 64 KiB: 431",
        bytes_refused(lambda target: handshake(target, "A: " + "a" * 65536 + "\r\n"), 431))
    add("a name of 64 KiB: 431",
        bytes_refused(lambda target: handshake(target, "a" * 65536 + ": A\r\n"), 431))
    add("5000 lines: 431",
        bytes_refused(lambda target: handshake(target, "A: b\r\n" * 5000), 431))
    add("101 lines: 431",
        bytes_refused(lambda target: handshake(target, "A: b\r\n" * 96), 431))
    add("a target of 64 KiB: 414 or 431",
        bytes_refused(lambda target: handshake("/" + "a" * 65536), 414, 431))
    add("64 KiB without an end of line: 400, 414 or 431",
        bytes_refused(lambda target: b"GET " * 16384, 400, 414, 431))


HOSTILE = ("constructor", "__proto__", "toString", "hasOwnProperty", ";", ",", ",,,,", ";;;;", "=",
           '"', '"\\', "a;", "a; b=", "a; =b", 'a; b="', "\xff", "a b", "permessage-deflate;",
           "permessage-deflate, ,", "__proto__; __proto__=__proto__", "a" * 8000,
           "a;" * 4000, '"' + "\\" * 7999, ", ".join(f"x{i}" for i in range(500)),
           ", ".join(["a"] * 500), "; ".join(f"p{i}" for i in range(800)))


def hostile_lists(cases):
    group = Group(cases, "H")
    group.section = 2
    for name in (OFFERS, PROTOCOLS):
        group.next()
        for value in HOSTILE:
            group.add(f"{name}: {value[:40]}{'...' if len(value) > 40 else ''}: 400, or no harm",
                      declined_or_400(name, value), "server")
        group.add(f"50 lines of {name}: 400, or no harm",
                  declined_or_400(name, f"a\r\n{name}: b\r\n" * 24 + f"{name}: c"), "server")


# ---- what is in the same segment -----------------------------------------------------------------


def same_segment(cases):
    group = Group(cases, "H")
    group.section = 4
    group.next()

    def behind(endpoint, *frames):
        data = b"".join(frame(*one) for one in frames)
        return accepted(endpoint.open(behind=data))

    def good(endpoint):
        peer = behind(endpoint, (PING, b"behind"), (TEXT, b"echo"))
        peer.ponged(b"behind")
        peer.echoed([(TEXT, b"echo")])
        works(peer)
    group.add("a ping and a text behind the request: answered", good, "server", "plain")

    def large(endpoint):
        peer = behind(endpoint, (BINARY, b"x" * 60000))
        peer.echoed([(BINARY, b"x" * 60000)])
        works(peer)
    group.add("60000 bytes of binary behind the request: echoed", large, "server", "plain")

    def half(endpoint):
        data = frame(TEXT, b"cut in two")
        peer = accepted(endpoint.open(behind=data[:9]))
        peer.send(data[9:])
        peer.echoed([(TEXT, b"cut in two")])
        works(peer)
    group.add("half a frame behind the request", half, "server", "plain")

    def ping(endpoint):
        raw = endpoint.raw()
        raw.send(handshake(endpoint.target) + frame(PING, b"behind"))
        assert raw.response().status == 101
        frames = [raw.frame()]
        if endpoint.dialect is not Plain:
            frames.append(raw.frame())
        assert (FIN | PONG, b"behind") in frames, frames
    group.add("a ping behind the request: answered", ping, "server")

    for text, data, code in (
        ("reserved bits", b"\xff\xff\xff\xff\xff\xff\xff\xff", 1002),
        ("a frame without a mask", b"\x81\x02hi", 1002),
        ("bad UTF-8", b"\x81\x81\0\0\0\0\xff", 1007),
        ("too long a frame", b"\x82\xff" + struct.pack(">Q", 2**62) + b"\0\0\0\0", 1009),
        ("close", b"\x88\x82\0\0\0\0\x03\xe8", 1000),
    ):
        def bad(endpoint, data=data, code=code):
            raw = endpoint.raw()
            raw.send(handshake(endpoint.target) + data)
            assert raw.response().status == 101
            first, payload = raw.frame()
            if endpoint.dialect is not Plain and payload[:1] == b"0":
                first, payload = raw.frame()
            assert (first, payload) == (0x88, struct.pack(">H", code)), (first, payload)
            assert raw.ended()
        group.add(f"{text} behind the request: {code}", bad, "server")

    def second_request(endpoint):
        raw = endpoint.raw()
        raw.send(handshake(endpoint.target) + handshake(endpoint.target))
        assert raw.response().status == 101
        raw.send_some(b"\r\n")
        rest = raw.rest()
        assert b"HTTP/1.1" not in rest and rest.endswith(b"\x88\x02\x03\xea"), rest
    group.add("another request behind the request is no frame: 1002", second_request, "server")
    group.next()

    def each_offset(endpoint, end):
        data = handshake(endpoint.target) + b"\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0"
        descriptors = endpoint.server.fds()
        for at in range(len(data) + 1):
            raw = endpoint.server.raw()
            raw.send(data[:at])
            end(raw)
        wait_until(lambda: endpoint.server.fds() <= descriptors)

    def half_close(raw):
        if hasattr(raw.socket, "unwrap"):
            raw.close()
            return
        raw.socket.shutdown(socket.SHUT_WR)
        raw.rest()
        raw.close()
    group.add("RST after each octet of the request: no descriptor stays",
              lambda endpoint: each_offset(endpoint, lambda raw: raw.reset()), "server")
    group.add("FIN after each octet of the request: ended, no descriptor stays",
              lambda endpoint: each_offset(endpoint, half_close), "server")


# ---- Engine.IO -----------------------------------------------------------------------------------


def engine(cases):
    group = Group(cases, "H")
    group.section = 6
    group.next()

    def asked(target, *statuses):
        def case(endpoint):
            raw = endpoint.raw()
            raw.send(handshake(target))
            response = raw.response()
            assert response.status in statuses, response.head
            assert raw.ended()
        return case

    base = "/socket.io/?EIO=4&transport=websocket"
    for target in ("/socket.io/?EIO=3&transport=websocket", "/socket.io/?transport=websocket",
                   "/socket.io/?EIO=abc&transport=websocket", "/socket.io/?EIO=4",
                   *(f"/socket.io/?EIO=4&transport={name}" for name in
                     ("__proto__", "constructor", "toString", "polling", "webtransport", "",
                      "websocket%00", "WebSocket", "websocket,polling")),
                   *(base + f"&sid={sid}" for sid in
                     ("__proto__", "constructor", "x", "x" * 20, "%00" * 20, "x" * 4000))):
        group.add(f"{target[:60]}: 400 at the handshake", asked(target, 400), "server", "events")

    def closes(endpoint):
        peer = endpoint.open()
        peer.send(peer.frame(TEXT, b"1"))
        peer.raw.socket.settimeout(5)  # a ping timeout would take 45 s
        first, _ = peer.read()
        assert first == 0x88, first
        peer.gone()
    group.add("the packet 1 closes at once", closes, "server", "events")

    def tebibyte(endpoint):
        raw = endpoint.raw()
        raw.send(request(ENGINE + "polling"))
        sid = raw.response().body.decode().split('"')[3]
        for length in (2**40, 1000001):
            raw = endpoint.raw()
            raw.send(request(f"{ENGINE}polling&sid={sid}", f"Content-Length: {length}\r\n", "POST"))
            response = raw.response()
            assert response.status == 413, response.head
            assert raw.ended()
    group.add("a POST of 1 TiB, and of the limit and 1: 413 from the head alone", tebibyte,
              "server", "events")


# ---- clients -------------------------------------------------------------------------------------


def client_takes(build):
    """`build` gives the bytes of a lawful response."""
    def case(endpoint):
        endpoint.raw.send(build(endpoint))
        works(Peer(endpoint.raw, Plain, False, None))
    return case


def client_refuses(build):
    """The client ends the connection without a frame."""
    def case(endpoint):
        endpoint.raw.send_some(build(endpoint))
        assert endpoint.raw.ended(), "it should have refused"
    return case


def client(cases):
    group = Group(cases, "C")
    group.next()
    END = b"\r\n"
    add = lambda text, build: group.add(text, client_takes(build), "client")
    add("as in the example of the RFC", lambda e: e.switch() + END)
    for value in ("upgrade", "keep-alive, Upgrade", "UPGRADE"):
        add(f"Connection: {value}",
            lambda e, value=value: e.switch(f"Upgrade: websocket\r\nConnection: {value}\r\n") + END)
    add("Connection in two lines", lambda e: e.switch(
        "Upgrade: websocket\r\nConnection: keep-alive\r\nConnection: Upgrade\r\n") + END)
    add("Upgrade: WebSocket",
        lambda e: e.switch("Upgrade: WebSocket\r\nConnection: Upgrade\r\n") + END)
    add("names in lower case", lambda e: names(str.lower)(e.switch() + END))
    add("names in upper case", lambda e: names(str.upper)(e.switch() + END))
    add("another reason phrase", lambda e: e.switch(status="101 Web Socket Protocol Handshake")
        + END)
    add("an empty reason phrase", lambda e: e.switch(status="101 ") + END)
    add("60 lines of no meaning",
        lambda e: e.switch() + b"".join(b"X-%d: y\r\n" % i for i in range(60)) + END)
    add("100 Continue before", lambda e: b"HTTP/1.1 100 Continue\r\n\r\n" + e.switch() + END)
    add("103 Early Hints before",
        lambda e: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + e.switch() + END)

    def bytewise(endpoint):
        endpoint.raw.send_bytewise(endpoint.switch() + END)
        works(Peer(endpoint.raw, Plain, False, None))
    group.add("octet by octet", bytewise, "client")

    def good(endpoint):
        peer = endpoint.open(offer="", behind=b"\x89\x01p\x81\x04echo")
        peer.ponged(b"p")
        peer.echoed([(TEXT, b"echo")])
        peer.bye()
    group.add("a ping and a text behind the response: answered", good, "client")
    for text, data, code in (("reserved bits", b"\xff\x00", 1002),
                             ("a masked frame", b"\x81\x82\0\0\0\0hi", 1002),
                             ("bad UTF-8", b"\x81\x01\xff", 1007),
                             ("too long a frame", b"\x82\x7f" + struct.pack(">Q", 2**62), 1009),
                             ("close", b"\x88\x02\x03\xe8", 1000)):
        def bad(endpoint, data=data, code=code):
            endpoint.open(offer="", behind=data).closed(code)
        group.add(f"{text} behind the response: {code}", bad, "client")
    group.next()
    add = lambda text, build: group.add(f"{text}: refused", client_refuses(build), "client")
    for status in ("200 OK", "301 Moved", "400 Bad Request", "401 Unauthorized", "404 Not Found",
                   "426 Upgrade Required", "500 Oops", "503 Busy", "099 x", "1010 x"):
        add(f"status {status}", lambda e, status=status: e.switch(status=status)
            + b"Content-Length: 0\r\n" * (status[0] not in "01") + END)
    for accept in ("", "x", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "A" * 28, "A" * 8000):
        add(f"accept {accept[:30]!r}", lambda e, accept=accept: e.switch(accept=accept) + END)
    add("accept twice", lambda e: e.switch() + e.switch().split(b"\r\n")[-2] + b"\r\n" + END)
    add("accept in another case", lambda e: swap_accept(e.switch()) + END)
    add("no accept", lambda e: b"\r\n".join(e.switch().split(b"\r\n")[:-2]) + b"\r\n" + END)
    for lines in ("", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
                  "Upgrade: h2c\r\nConnection: Upgrade\r\n",
                  "Upgrade: websocket\r\nConnection: keep-alive\r\n",
                  "Upgrade: websocket, h2c\r\nConnection: Upgrade\r\n"):
        add(f"lines {lines!r}", lambda e, lines=lines: e.switch(lines) + END)
    for line in (f"{PROTOCOLS}: chat", f"{OFFERS}: x-unknown", f"{OFFERS}: constructor",
                 f"{OFFERS}: permessage-deflate, permessage-deflate",
                 f"{OFFERS}: permessage-deflate\r\n{OFFERS}: permessage-deflate",
                 f"{OFFERS}: permessage-deflate; unknown", f"{OFFERS}: ;",
                 "A: " + "a" * 65536, "A: b\r\n" * 5000 + "A: b", "no colon", " folded: x",
                 "A : b", "A: b\0c", "A: b\rc"):
        add(f"line {line[:60]!r}", lambda e, line=line: e.switch() + line.encode() + b"\r\n" + END)
    for text, data in (("HTTP/1.0", b"HTTP/1.0 101 x\r\n"), ("HTTP/2", b"HTTP/2 101 x\r\n"),
                       ("no status line", b""), ("ICY 101", b"ICY 101 x\r\n")):
        add(text, lambda e, data=data: data + e.switch().split(b"\r\n", 1)[1] + END)
    add("frames in place of a response", lambda e: b"\x81\x02hi" * 5000)
    add("endless interim responses", lambda e: b"HTTP/1.1 100 Continue\r\n\r\n" * 20000
        + b"HTTP/1.1 500 x\r\n\r\n")
    group.next()
    for part in range(0, 20):
        def cut(endpoint, part=part):
            data = endpoint.switch() + END
            endpoint.raw.send(data[: len(data) * part // 20])
            endpoint.raw.reset()
        group.add(f"RST after {part} of 20 parts of the response", cut, "client")


def swap_accept(data):
    name, _, value = data.rpartition(b" ")
    return name + b" " + value.swapcase()


def all_cases():
    cases = []
    for make in (lawful, unlawful, hostile_lists, same_segment, engine, client):
        make(cases)
    return cases
