#!/usr/bin/env python3
"""Writes the seeds of server_connection and client_connection: whole sessions, by hand.

A chunk of the input is (connection, bytes) with optional end, act and time; see connection.h."""

import pathlib
import zlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
TIMES = [0, 1, 100, 1000, 9000, 21000, 26000, 46000]


def chunk(link, data=b"", end=False, act=0, ms=0):
    data = data.encode() if isinstance(data, str) else data
    control = link | end << 2 | act << 3 | TIMES.index(ms) << 5
    return bytes([control]) + len(data).to_bytes(2, "big") + data


def seed(target, name, *chunks, first=b""):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(first + b"".join(chunks))


def frame(data, opcode=1, masked=True, rsv1=False, fin=True, key=b"\0\0\0\0"):
    data = data.encode() if isinstance(data, str) else data
    head = bytes([opcode | fin << 7 | rsv1 << 6])
    size = len(data)
    mask = masked << 7
    if size < 126:
        head += bytes([mask | size])
    else:
        head += bytes([mask | 126]) + size.to_bytes(2, "big")
    if not masked:
        return head + data
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


# ---- to a server ----


def get(query, extra=""):
    return f"GET /socket.io/?{query} HTTP/1.1\r\nHost: x\r\n{extra}\r\n"


def post(query, body, extra=""):
    body = body.encode() if isinstance(body, str) else body
    head = f"POST /socket.io/?{query} HTTP/1.1\r\nHost: x\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def upgrade(query, extra=""):
    return get(
        query,
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + extra,
    )


P4 = "EIO=4&transport=polling"
P4S = P4 + "&sid=S0"
P3 = "EIO=3&transport=polling"
P3S = P3 + "&sid=S0"
W4 = "EIO=4&transport=websocket"
W3 = "EIO=3&transport=websocket"
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
PLACE = '{"_placeholder":true,"num":0}'


def deflated(text):
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(text.encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
    return frame(data[:-4], rsv1=True)


def server():
    t = "server_connection"
    seed(t, "empty")
    start = [chunk(0, get(P4)), chunk(0, post(P4S, "40")), chunk(1, get(P4S))]
    seed(t, "polling", *start, chunk(1, get(P4S)), chunk(0, post(P4S, '42["hello",1]\x1e420["x"]')))
    seed(t, "polling-binary", *start, chunk(1, get(P4S)),
         chunk(0, post(P4S, f'451-["b",{PLACE}]\x1ebAQIDBA==')))
    seed(t, "polling-heartbeat", *start, chunk(1, get(P4S)), chunk(0, b"", ms=26000),
         chunk(0, post(P4S, "3")), chunk(1, get(P4S)), chunk(0, b"", ms=46000))
    seed(t, "polling-overlap", *start, chunk(1, get(P4S)), chunk(2, get(P4S)))
    seed(t, "polling-pipelined", chunk(0, get(P4) + get(P4S) + get("EIO=4&transport=polling&sid=no")))
    seed(t, "polling-aborted", *start, chunk(1, get(P4S)), chunk(1, b"", end=True))
    seed(t, "polling-close", *start, chunk(1, get(P4S)), chunk(0, post(P4S, "1")))
    seed(t, "polling-chunked", *start, chunk(0, f"POST /socket.io/?{P4S} HTTP/1.1\r\nHost: x\r\n"
         "Transfer-Encoding: chunked\r\n\r\n3\r\n42[\r\n4\r\n\"a\"]\r\n0\r\n\r\n"))
    seed(t, "polling-too-large", *start, chunk(0, f"POST /socket.io/?{P4S} HTTP/1.1\r\nHost: x\r\n"
         "Content-Length: 99999\r\n\r\n"))
    seed(t, "upgrade", *start, chunk(2, upgrade(W4 + "&sid=S0")), chunk(2, frame("2probe")),
         chunk(1, get(P4S)), chunk(2, frame("5")), chunk(2, frame('42["up"]')), chunk(0, act=1))
    seed(t, "upgrade-lost", *start, chunk(1, get(P4S)), chunk(2, upgrade(W4 + "&sid=S0")),
         chunk(2, frame("2probe")), chunk(2, b"", end=True), chunk(0, b"", ms=9000))
    ws = [chunk(0, upgrade(W4)), chunk(0, frame("40"))]
    seed(t, "websocket", *ws, chunk(0, frame('420["hello",{"a":[1]}]') + frame('42["ask"]')),
         chunk(0, frame("430[]")), chunk(0, frame("x", 9) + frame(b"\x03\xe8", 8)))
    seed(t, "websocket-binary", *ws, chunk(0, frame(f'451-12["b",{PLACE}]') + frame(b"\1\2\3", 2)))
    seed(t, "websocket-fragments", *ws, chunk(0, frame('42["fr', fin=False) + frame("p", 9)
         + frame('ag"]', 0)))
    seed(t, "websocket-deflate", chunk(0, upgrade(W4, DEFLATE)), chunk(0, deflated("40")),
         chunk(0, deflated('42["squeeze","aaaaaaaaaaaaaaaaaaaaaaaa"]')), chunk(0, act=1))
    seed(t, "websocket-masked", *ws, chunk(0, frame('42["x","' + "y" * 300 + '"]', key=b"\1\2\3\4")),
         chunk(0, frame('42["z"]', key=b"\xff\0\x80\x7f")))
    seed(t, "websocket-timeout", *ws, chunk(0, b"", ms=26000), chunk(0, frame("3")),
         chunk(0, b"", ms=46000))
    seed(t, "namespaces", *ws, chunk(0, frame('40/admin,{"t":1}') + frame("40/pending,")),
         chunk(0, frame('42/admin,7["x"]')), chunk(0, act=2), chunk(0, frame("41/admin,")),
         chunk(0, frame("40/unreasonable,")), chunk(0, frame('42["leave"]')))
    seed(t, "violation", *ws, chunk(0, frame('42/no,["x"]')))
    seed(t, "bad-packet", *ws, chunk(0, frame('42["x"')))
    seed(t, "revision3", chunk(0, get(P3)), chunk(1, get(P3S)),
         chunk(0, post(P3S, '11:42["hello"]10:b4AQIDBA==')), chunk(1, get(P3S)),
         chunk(0, post(P3S, "1:2")), chunk(0, act=1))
    seed(t, "revision3-binary", chunk(0, get(P3)), chunk(1, get(P3S)), chunk(0, post(P3S,
         b"\0\4\4\xff451-[\"b\",{\"_placeholder\":true,\"num\":0}]\1\4\xff\4abc",
         "Content-Type: application/octet-stream\r\n")), chunk(0, act=1), chunk(1, get(P3S)))
    seed(t, "revision3-jsonp", chunk(0, get(P3 + "&j=0")), chunk(1, get(P3S)),
         chunk(0, post(P3S, "d=11%3A42%5B%22hello%22%5D")))
    seed(t, "revision3-websocket", chunk(0, upgrade(W3)), chunk(0, frame("2")),
         chunk(0, frame("40/chat?token=a,")), chunk(0, frame(f'451-["b",{PLACE}]')
         + frame(b"\4\1\2", 2)))
    seed(t, "two-clients", *ws, chunk(1, upgrade(W3)), chunk(2, get(P4)), chunk(0, act=1),
         chunk(0, act=3), chunk(1, b"", end=True))
    seed(t, "refused", chunk(0, get("EIO=4&transport=carrier-pigeon")), chunk(0, post(P4, "40")),
         chunk(0, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), chunk(0, "BREW /pot HTTP/9\r\n\r\n"))


# ---- to a client ----

OPEN4 = ('0{"sid":"S","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,'
         '"maxPayload":1000}')
OPEN_WS = OPEN4.replace('"websocket"', "")


def ok(body, extra=""):
    body = body.encode() if isinstance(body, str) else body
    return f"HTTP/1.1 200 OK\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


SWITCH = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n")
SWITCHED = SWITCH + "\r\n"


def down(*texts):
    return b"".join(frame(text, masked=False) for text in texts)


def client():
    t = "client_connection"
    polling, websocket, old, both3 = b"\4", b"\1", b"\6", b"\3"
    get_, post_, ws_, = 0, 1, 2
    start = [chunk(get_, ok(OPEN4)), chunk(post_, ok("ok")), chunk(get_, ok('40{"sid":"I","pid":"P"}'))]
    seed(t, "polling", *start, chunk(post_, ok("ok")), chunk(get_, ok('42["a",1]\x1e421["q"]')),
         chunk(post_, ok("ok")), chunk(get_, ok("430[1]")), first=polling)
    seed(t, "polling-binary", *start, chunk(get_, ok(f'451-["b",{PLACE}]\x1ebAQID')), first=polling)
    seed(t, "polling-heartbeat", *start, chunk(get_, ok("2"), ms=21000), chunk(post_, ok("ok")),
         chunk(get_, b"", ms=46000), first=polling)
    seed(t, "polling-close", *start, chunk(get_, ok("1")), first=polling)
    seed(t, "polling-error", *start, chunk(get_, "HTTP/1.1 400 Bad Request\r\n"
         "Content-Length: 2\r\n\r\nno"), first=polling)
    seed(t, "polling-chunked", chunk(get_, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         f"{len(OPEN4):x}\r\n{OPEN4}\r\n0\r\n\r\n"), first=polling)
    seed(t, "polling-until-end", chunk(get_, "HTTP/1.1 200 OK\r\n\r\n" + OPEN4, end=True),
         first=polling)
    seed(t, "upgrade", *start, chunk(ws_, SWITCHED), chunk(ws_, down("3probe")),
         chunk(get_, ok("6")), chunk(post_, ok("ok")), chunk(ws_, down('42["up"]')),
         first=b"\0")
    seed(t, "upgrade-refused", *start, chunk(ws_, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
         chunk(get_, ok('42["still"]')), first=b"\0")
    seed(t, "upgrade-lost", *start, chunk(ws_, SWITCHED), chunk(ws_, down("3probe"), end=True),
         chunk(get_, ok("6"), ms=9000), first=b"\0")
    ws = [chunk(ws_, SWITCHED), chunk(ws_, down(OPEN_WS)), chunk(ws_, down('40{"sid":"I"}'))]
    seed(t, "websocket", *ws, chunk(ws_, down('420["q",{"a":1}]', "430[]", "2")),
         chunk(ws_, frame("p", 9, False) + frame(b"\x03\xe8", 8, False)), first=websocket)
    seed(t, "websocket-binary", *ws, chunk(ws_, down(f'451-3["b",{PLACE}]')
         + frame(b"\1\2", 2, False)), chunk(ws_, act=1), chunk(ws_, act=2), first=websocket)
    seed(t, "websocket-bad-accept", chunk(ws_, SWITCHED.replace("ICX", "XCI")), first=websocket)
    seed(t, "websocket-deflate", chunk(ws_, SWITCH + "Sec-WebSocket-Extensions: permessage-deflate; "
         "server_no_context_takeover; client_no_context_takeover\r\n\r\n"),
         chunk(ws_, down(OPEN_WS, '40{"sid":"I"}')), chunk(ws_, act=1), first=b"\x09")
    seed(t, "websocket-timeout", *ws, chunk(ws_, down("2"), ms=26000), chunk(ws_, b"", ms=46000),
         first=websocket)
    seed(t, "websocket-masked", *ws, chunk(ws_, frame('42["a"]')), first=websocket)
    seed(t, "namespaces", *ws, chunk(ws_, down('44/admin,{"message":"no"}', "41", '42/x,["late"]')),
         chunk(ws_, act=2), first=websocket)
    seed(t, "early-event", chunk(ws_, SWITCHED), chunk(ws_, down(OPEN_WS, '42["e","offset"]',
         '40{"sid":"I","pid":"P"}')), first=websocket)
    seed(t, "old-server", chunk(ws_, SWITCHED), chunk(ws_, down(OPEN_WS, "40")), first=websocket)
    seed(t, "bad-handshake", chunk(get_, ok('0{"sid":""}')), chunk(get_, ok(OPEN4)), first=polling)
    seed(t, "close", *ws, chunk(ws_, act=3), chunk(ws_, b"", end=True), first=websocket)
    opened = OPEN4.encode()
    seed(t, "revision3", chunk(get_, ok(str(len(opened)) + ":" + OPEN4)), chunk(get_, ok("2:40")),
         chunk(post_, ok("ok")), chunk(get_, ok('9:42["a",1]1:3')), first=old)
    seed(t, "revision3-binary", chunk(get_, ok(str(len(opened)) + ":" + OPEN4 + "2:40")),
         chunk(get_, ok(b"\0\4\xff42[1]\1\3\xff\4ab", "Content-Type: application/octet-stream\r\n")),
         first=old)
    seed(t, "revision3-websocket", chunk(ws_, SWITCHED), chunk(ws_, down(OPEN_WS, "40", '42["a"]')),
         chunk(ws_, b"", ms=26000), chunk(ws_, down("3")), first=both3)


server()
client()
