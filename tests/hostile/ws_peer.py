"""The peer of a WebSocket endpoint that echoes: it plays the client against a server and the server
against a client, with and without permessage-deflate (RFC 7692), and speaks to an endpoint that
echoes plainly or to one that echoes Socket.IO events. A case says what it does in these words and
runs unchanged against all of them.
"""

import json
import re
import zlib

from wire import (BINARY, CLOSE, CONTINUATION, ENGINE, FIN, MASK, PATIENCE, PING, PONG, RSV1, TEXT,
                  Raw, accept_key, close_frame, frame, fragments, handshake, header, xor)

TAIL = b"\x00\x00\xff\xff"  # what a sender of compressed messages leaves out
NAMES = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping",
         PONG: "pong"}


# ---- compression ---------------------------------------------------------------------------------


class Deflate:
    """Both directions of permessage-deflate as agreed on in `answer`, the header's value."""

    def __init__(self, answer, client=True):
        found = re.fullmatch(r"permessage-deflate((?:; *[a-z_]+(?:=\d+)?)*)", answer)
        assert found, answer
        params = re.findall(r"([a-z_]+)(?:=(\d+))?", found.group(1))
        self.params = dict(params)
        assert len(self.params) == len(params), answer
        known = {"server_no_context_takeover", "client_no_context_takeover",
                 "server_max_window_bits", "client_max_window_bits"}
        assert set(self.params) <= known, answer
        us, them = ("client", "server") if client else ("server", "client")
        self.our_bits = int(self.params.get(us + "_max_window_bits") or 15)
        self.their_bits = int(self.params.get(them + "_max_window_bits") or 15)
        self.we_forget = us + "_no_context_takeover" in self.params
        self.they_forget = them + "_no_context_takeover" in self.params
        self.packer = self.unpacker = None

    def pack(self, data, **options):
        if self.packer is None or self.we_forget:
            # zlib cannot compress for the smallest window: then without looking back at all.
            strategy = zlib.Z_HUFFMAN_ONLY if self.our_bits == 8 else zlib.Z_DEFAULT_STRATEGY
            self.packer = zlib.compressobj(wbits=-max(self.our_bits, 9), strategy=strategy)
        return self.pack_with(self.packer, data)

    @staticmethod
    def pack_with(packer, data):
        packed = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
        assert packed.endswith(TAIL)
        return packed[:-4]

    def unpack(self, data):
        if self.unpacker is None or self.they_forget:
            self.unpacker = zlib.decompressobj(-self.their_bits)
        return self.unpacker.decompress(data + TAIL)


def pack(data, level=6, bits=15, flush=zlib.Z_SYNC_FLUSH):
    """One message without context."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -bits)
    packed = packer.compress(data) + packer.flush(flush)
    return packed[:-4] if flush == zlib.Z_SYNC_FLUSH else packed


# ---- what is echoed ------------------------------------------------------------------------------


class Plain:
    """Messages come back as they are."""

    name = "plain"
    text_overhead = 0
    limit = 16 << 20  # bytes of a message

    @staticmethod
    def wrap(kind, data):
        return [(kind, data)]

    @staticmethod
    def check(sent, got):
        """Each of `sent` and `got` is a list of (kind, data)."""
        if got != sent:
            short = [(NAMES[kind], len(data), data[:60]) for kind, data in got]
            raise AssertionError(f"came back as {short}")

    @staticmethod
    def join(peer):
        pass


class Events:
    """Messages are the arguments of Socket.IO events, the echo is an event of another name."""

    name = "events"
    text_overhead = len('42["message",""]')
    limit = 1000000

    @staticmethod
    def wrap(kind, data):
        if kind == TEXT:
            text = b'42["message","' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"]'
            return [(TEXT, re.sub(rb"[\x00-\x1f]", lambda c: b"\\u%04x" % c.group()[0], text))]
        return [(TEXT, b'451-["message",{"_placeholder":true,"num":0}]'), (BINARY, data)]

    @staticmethod
    def check(sent, got):
        assert [kind for kind, _ in got] == [kind for kind, _ in sent], got
        assert sent[1:] == got[1:], "another attachment"
        digits = len(sent[0][1]) - len(sent[0][1].lstrip(b"0123456789-"))
        assert got[0][1][:digits] == sent[0][1][:digits], got[0][1][:60]
        _, *arguments = json.loads(sent[0][1][digits:])
        assert json.loads(got[0][1][digits:]) == ["message-back", *arguments], got[0][1][:60]

    @staticmethod
    def join(peer):
        kind, data = peer.message()
        assert kind == TEXT and data.startswith(b'0{"sid":"'), data
        peer.send(frame(TEXT, "40", key=peer.key))
        kind, data = peer.message()
        assert kind == TEXT and data.startswith(b'40{"sid":"'), data


# ---- the peer ------------------------------------------------------------------------------------


class Peer:
    """One connection behind the handshake."""

    def __init__(self, raw, dialect, client, answer):
        """`client`: we are one. `answer`: what was agreed on as extension, None for nothing."""
        self.raw = raw
        self.dialect = dialect
        self.client = client
        self.key = MASK if client else None
        self.deflate = Deflate(answer, client) if answer else None
        dialect.join(self)

    # -- sending --

    def send(self, data):
        self.raw.send(data)

    def chops(self, data, size):
        for at in range(0, len(data), size):
            self.raw.send(data[at : at + size])

    def frame(self, opcode, data=b"", **more):
        return frame(opcode, data, key=self.key, **more)

    def header(self, first, length, form=None):
        return header(first, length, self.key, form)

    def payload(self, data, at=0):
        """Bytes of a payload from position `at` on, as they go over the wire."""
        key = self.key and self.key[at & 3 :] + self.key[: at & 3]
        return xor(data, key) if key else data

    def fragments(self, opcode, data, size):
        return fragments(opcode, data, size, key=self.key)

    def sized(self, kind, size):
        """A payload whose message has so many bytes on the wire, where the dialect has it so."""
        if kind == TEXT:
            size = max(size - self.dialect.text_overhead, 0)
            return b"*" * size
        return b"\xfe" * size

    def lead(self, kind, data):
        """(what has to be sent before, the bytes of the last message, all that is echoed)"""
        messages = self.dialect.wrap(kind, data)
        before = b"".join(self.frame(*message) for message in messages[:-1])
        return before, messages[-1][1], messages

    def say(self, kind, data):
        """Send a message in one frame; returns what is to be echoed."""
        messages = self.dialect.wrap(kind, data)
        self.send(b"".join(self.frame(*message) for message in messages))
        return messages

    # -- receiving --

    def read(self):
        """One frame: (first byte, payload), with its mask checked."""
        first, data = self.raw.frame()
        assert self.raw.masked == (not self.client), "a client masks and a server does not"
        return first, data

    def message(self):
        """One data message: (kind, data), put together and unpacked. Control frames are faults."""
        first, data = self.read()
        packed = bool(first & RSV1)
        kind = first & 15
        assert kind in (TEXT, BINARY), (first, data[:80])
        assert first & ~(FIN | RSV1 | 15) == 0 and (not packed or self.deflate), first
        parts = [data]
        while not first & FIN:
            first, data = self.read()
            assert first & ~FIN == CONTINUATION, first
            parts.append(data)
        data = b"".join(parts)
        return kind, self.deflate.unpack(data) if packed else data

    def echoed(self, messages):
        """What was sent as `messages` comes back."""
        self.dialect.check(messages, [self.message() for _ in messages])

    def echo(self, kind, data):
        self.echoed(self.say(kind, data))

    def ponged(self, data=b""):
        assert self.read() == (FIN | PONG, data)

    # -- ends --

    def closed(self, code, reason=None):
        """The endpoint sends a Close frame with this code (None: without one), then ends."""
        first, data = self.read()
        got = int.from_bytes(data[:2], "big") if data else None
        assert first == FIN | CLOSE, f"{first:#x} {data[:80]!r} in place of a Close frame"
        assert got == code, f"closed with {got} in place of {code}"
        self.gone()

    def gone(self):
        """Nothing more comes, whatever else we say, and the stream ends."""
        rest = self.raw.rest()
        assert rest == b"", f"{len(rest)} bytes behind the Close frame: {rest[:60]!r}"

    def bye(self, code=1000, reason=b""):
        """We close, and the endpoint answers with the same code."""
        self.send(close_frame(code, reason, key=self.key))
        self.closed(code)

    def fails(self, data, code=1002):
        """These bytes end the connection with this code."""
        self.raw.send_some(data)
        self.closed(code)


# ---- endpoints -----------------------------------------------------------------------------------


class ServerEndpoint:
    """We are the client of a server under test."""

    client = True

    def __init__(self, server, dialect, offer=None):
        self.server = server
        self.dialect = dialect
        self.offer = offer  # what cases without a wish of their own offer as extension
        self.target = "/" if dialect is Plain else ENGINE + "websocket"
        self.raws = []

    def raw(self, **options):
        raw = self.server.raw(**options)
        self.raws.append(raw)
        return raw

    def finish(self):
        for raw in self.raws:
            raw.close()

    def open(self, lines="", raw=None, offer=None, behind=b"", **more):
        """A Peer, or the Response where the handshake was refused. `offer` "" offers nothing,
        `behind` follows in the same segment."""
        raw = raw or self.raw()
        offer = self.offer if offer is None else offer
        if offer:
            lines += f"Sec-WebSocket-Extensions: {offer}\r\n"
        raw.send(handshake(self.target, lines, **more) + behind)
        response = raw.response()
        if response.status != 101:
            return response
        assert response.get("sec-websocket-accept") == accept_key(), response.head
        assert response.get("upgrade").lower() == "websocket", response.head
        assert response.get("connection").lower() == "upgrade", response.head
        answer = response.get("sec-websocket-extensions")
        assert answer is None or offer, f"{answer} was not offered"
        peer = Peer(raw, self.dialect, True, answer)
        peer.response = response
        return peer


class ClientEndpoint:
    """We are the server of a client under test, which has connected already."""

    client = False
    dialect = Plain

    def __init__(self, raw, request, answer=None):
        self.raw = raw
        self.request = request
        self.answer = answer  # what is agreed on unless a case says otherwise

    def finish(self):
        self.raw.close()

    def switch(self, lines=None, accept=None, status="101 Switching Protocols"):
        """The bytes of the response; `lines` replaces the lines Upgrade and Connection."""
        key = re.search(r"(?im)^sec-websocket-key: *(.*?)\r$", self.request).group(1)
        lines = "Upgrade: websocket\r\nConnection: Upgrade\r\n" if lines is None else lines
        accept = accept_key(key) if accept is None else accept
        return f"HTTP/1.1 {status}\r\n{lines}Sec-WebSocket-Accept: {accept}\r\n".encode()

    def open(self, lines="", offer=None, behind=b"", **_):
        """`offer`: what we answer; "" agrees on nothing."""
        answer = self.answer if offer is None else offer
        if answer:
            lines += f"Sec-WebSocket-Extensions: {answer}\r\n"
        self.raw.send(self.switch() + lines.encode() + b"\r\n" + behind)
        return Peer(self.raw, Plain, False, answer or None)
