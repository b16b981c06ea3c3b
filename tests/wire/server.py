"""Raw bytes to a server built on the public headers: what stands on the wire, and how faults are
answered. After each fault a fresh client must be served."""

import base64
import json
import os
import re
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
from program import run_all  # noqa: E402

BUILD = os.environ["MESON_BUILD_ROOT"]
WRAPPER = os.environ.get("SIO_WRAPPER", "").split()
PATIENCE = 60 if WRAPPER else 20  # seconds; reached by failures only
PATH = "/socket.io/?EIO=4&transport="
KEY = base64.b64encode(bytes(range(16))).decode()

server = subprocess.Popen(
    [*WRAPPER, f"{BUILD}/tests/interop/interop-server", "--host", "127.0.0.1", "--port", "0"],
    stdout=subprocess.PIPE,
    text=True,
)
port = int(re.search(r"LISTENING (\d+)", server.stdout.readline()).group(1))
proxy = None
if "SIO_PROXY" in os.environ:  # commands for a faults-proxy to stand before the server
    proxy = subprocess.Popen(
        [f"{BUILD}/tests/faults/faults-proxy", "0", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    port = int(re.search(r"LISTENING (\d+)", proxy.stdout.readline()).group(1))
    for command in os.environ["SIO_PROXY"].split(";"):
        proxy.stdin.write(f"{command.strip()}\n")
        proxy.stdin.flush()
        assert proxy.stdout.readline() == "OK\n"


class Raw:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def take(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.buffer)
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def until(self, mark):
        while mark not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.buffer)
            self.buffer += more
        return self.take(self.buffer.index(mark) + len(mark))

    def response(self):
        head = self.until(b"\r\n\r\n").decode()
        length = re.search(r"(?i)^content-length: (\d+)\r$", head, re.M)
        body = self.take(int(length.group(1))) if length else b""
        return int(head.split(" ")[1]), head, body

    def ended(self):
        """Nothing more comes, and the server lets go."""
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def frame(self):
        first, second = self.take(2)
        length = second & 127
        assert second < 128, "a server does not mask"
        if length == 126:
            (length,) = struct.unpack(">H", self.take(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.take(8))
        return first, self.take(length)


def masked(first, data, length=None):
    size = len(data) if length is None else length
    if size < 126:
        head = bytes([first, 128 | size])
    elif size < 65536:
        head = bytes([first, 254]) + struct.pack(">H", size)
    else:
        head = bytes([first, 255]) + struct.pack(">Q", size)
    key = b"\x12\x34\x56\x78"
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(data))


def request(target, extra="", method="GET"):
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\n{extra}\r\n"


def websocket():
    raw = Raw()
    raw.send(request(PATH + "websocket", "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"))
    status, head, _ = raw.response()
    assert status == 101, head
    first, data = raw.frame()
    assert first == 0x81 and data.startswith(b'0{"sid":"'), data
    return raw


def joined():
    raw = websocket()
    raw.send(masked(0x81, b"40"))
    first, data = raw.frame()
    assert first == 0x81 and re.fullmatch(rb'40\{"sid":"[\w-]{20}"\}', data), data
    raw.frame()  # the server's welcome
    return raw


def polling_handshake():
    """the polling handshake, byte by byte"""
    raw = Raw()
    for byte in request(PATH + "polling").encode():
        raw.send(bytes([byte]))
    status, head, body = raw.response()
    assert status == 200 and "cache-control: no-store\r\n" in head, head
    assert re.fullmatch(
        rb'0\{"sid":"[\w-]{20}","upgrades":\["websocket"\],"pingInterval":\d+,"pingTimeout":\d+,'
        rb'"maxPayload":\d+\}', body), body


def websocket_echo():
    """a WebSocket session: accept key, frames, echo, ping"""
    raw = joined()
    raw.send(masked(0x81, '42["echo",1,"☃",null]'.encode()))
    assert raw.frame() == (0x81, '42["echo-back",1,"☃",null]'.encode())
    raw.send(masked(0x89, b"are you there"))
    assert raw.frame() == (0x8A, b"are you there")


def fragments():
    """fragments with a ping between them, one byte at a time"""
    raw = joined()
    frames = masked(0x01, b'42["ec') + masked(0x89, b"") + masked(0x80, b'ho",[]]')
    for byte in frames:
        raw.send(bytes([byte]))
    assert raw.frame() == (0x8A, b"")
    assert raw.frame() == (0x81, b'42["echo-back",[]]')


# E107 E108 E112
def compressed_poll():
    """a long answer to a poll is compressed as the client takes it, a short one is not"""
    for encoding, window in (("gzip", 31), ("deflate", 15), ("br", None)):
        raw = Raw()
        lines = f"Accept-Encoding: {encoding}\r\n"
        raw.send(request(PATH + "polling", lines))
        _, head, body = raw.response()
        assert "content-encoding" not in head.lower(), head
        target = f"{PATH}polling&sid={json.loads(body[1:])['sid']}"
        event = '42["echo","' + "x" * 5000 + '"]'
        for data in ("40", event):
            raw.send(request(target, f"Content-Length: {len(data)}\r\n", "POST") + data)
            assert raw.response()[2] == b"ok"
        got = b""
        while b"echo-back" not in got:
            raw.send(request(target, lines))
            _, head, body = raw.response()
            packed = f"content-encoding: {encoding}\r\n" in head.lower()
            plain = zlib.decompress(body, window) if packed else body
            assert packed == (window is not None and len(plain) >= 1024), head
            got += plain
        assert b'42["echo-back","' + b"x" * 5000 + b'"]' in got, got[:100]


def pipelining():
    """pipelined requests are answered in order"""
    raw = Raw()
    raw.send(request("/nothing") + request(PATH + "polling") + request(PATH + "none"))
    assert raw.response()[0] == 404
    assert raw.response()[2].startswith(b'0{"sid"')
    assert raw.response()[2] == b'{"code":0,"message":"Transport unknown"}'


def refused(lines, status=400, method="GET"):
    raw = Raw()
    raw.send(f"{method} {PATH}polling HTTP/1.1\r\n{lines}\r\n\r\n")
    got = raw.response()[0]
    assert got == status, (lines, got)
    assert raw.ended(), lines


def smuggling():
    """what smuggles requests is refused, and the connection closed"""
    for lines in (
        "Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
        "Host: x\r\nContent-Length: 4\r\nContent-Length: 4",
        "Host: x\r\nContent-Length: +4",
        "Host: x\r\nContent-Length: 18446744073709551616",
        "Host: x\r\nTransfer-Encoding: chunked, chunked",
        "Host : x",
        "Host: x\r\n folded: y",
        "Host: x\r\nA: b\nC: d",
        "Host: x\r\nA: b\x00c",
        "Host: x\r\nHost: y",
        "No-Host: x",
    ):
        refused(lines, method="POST")


def large_heads():
    """heads and bodies over the limits are refused before they are read"""
    refused("Host: x\r\nA: " + "a" * 20000, 431)
    refused("Host: x\r\n" + "\r\n".join(f"A{i}: b" for i in range(200)), 431)
    raw = Raw()
    raw.send(request(PATH + "polling&sid=" + "x" * 20, "Content-Length: 99999999999\r\n", "POST"))
    assert raw.response()[0] in (400, 413)


def close_code(raw, data, code):
    raw.send(data)
    first, payload = raw.frame()
    assert first == 0x88, (first, payload)
    assert payload[:2] == struct.pack(">H", code), (payload, code)


def broken_frames():
    """broken frames get their close code"""
    close_code(joined(), b"\x81\x02hi", 1002)  # not masked
    close_code(joined(), masked(0xC1, b"x"), 1002)  # reserved bit
    close_code(joined(), masked(0x83, b"x"), 1002)  # opcode
    close_code(joined(), masked(0x80, b"x"), 1002)  # continues nothing
    close_code(joined(), masked(0x09, b"x"), 1002)  # fragmented ping
    close_code(joined(), masked(0x81, b"4\xff"), 1007)
    for length in (2**24 + 2**20, 2**32 + 5, 2**63 - 1):
        close_code(joined(), masked(0x82, b"", length), 1009)


def violations():
    """Socket.IO packets out of place end the connection without a code"""
    for text in (b"4abc", b'42["early"]', b"44", b"7"):
        raw = websocket()
        raw.send(masked(0x81, text))
        assert raw.frame() == (0x88, b""), text


def garbage():
    """garbage does no harm"""
    for data in (b"\x00" * 100, b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\r\n\r\n\r\n"):
        raw = Raw()
        raw.send(data)
        raw.socket.shutdown(socket.SHUT_WR)
        while raw.socket.recv(65536):
            pass


def survives():
    """after all that a fresh client is served, and the server ends when told to"""
    websocket_echo()
    server.terminate()
    assert server.wait(timeout=PATIENCE) == 0


cases = [polling_handshake, websocket_echo, fragments, compressed_poll, pipelining, smuggling, large_heads,
         broken_frames, violations, garbage, survives]
try:
    status = run_all(cases)
finally:
    if server.poll() is None:
        server.kill()
sys.exit(status)
