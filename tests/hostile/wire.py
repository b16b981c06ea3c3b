"""What the hostile tests share: programs under test, raw sockets, HTTP messages, WebSocket frames
(RFC 6455 §5), measuring, and TAP. The frame codec is the tests' own, so that a fault of the library
cannot hide itself.
"""

import base64
import hashlib
import json
import os
import re
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = os.environ["MESON_BUILD_ROOT"]
WRAPPER = os.environ.get("SIO_WRAPPER", "").split()
PATIENCE = 60 if WRAPPER else 20  # seconds; reached by failures only

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10

MASK = b"\x37\xfa\x21\x3d"  # of the example in RFC 6455 §5.7
KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # of the example in RFC 6455 §1.3
ENGINE = "/socket.io/?EIO=4&transport="


# ---- programs ------------------------------------------------------------------------------------


def program(name):
    """The path of a program of the build; `name` is its path in the build folder."""
    return os.path.join(BUILD, name)


def is_sanitized(path):
    """Whether the program was built with a sanitizer: its memory cannot be measured then."""
    with open(path, "rb") as binary:
        return b"__asan_init" in binary.read() or bool(WRAPPER)


class Server:
    """A program that prints `LISTENING <port>`; as a context it is stopped at the end, and must
    then end with status 0."""

    def __init__(self, path, *arguments, env=None, tls=None):
        self.path = program(path)
        self.tls = tls
        more = ["--tls", tls.cert, tls.key] if tls else []
        self.process = subprocess.Popen(
            [*WRAPPER, self.path, "--host", "127.0.0.1", "--port", "0", *arguments, *more],
            stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.fullmatch(r"LISTENING (\d+)\n", line)
        assert found, f"{path} printed {line!r}"
        self.port = int(found.group(1))

    @property
    def pid(self):
        return self.process.pid

    def raw(self, **options):
        return Raw(self.port, tls=self.tls, **options)

    def alive(self):
        return self.process.poll() is None

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory(self):
        """A Memory of the process, or None where it says nothing."""
        return None if is_sanitized(self.path) else Memory(self.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()
        assert status == 0, f"{self.path} ended with {status}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


class Memory:
    """The growth of a process's resident memory since this was made. Now it is exact; the kernel
    keeps the highest point to within 64 pages."""

    def __init__(self, pid):
        self.pid = pid
        with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as clear:
            clear.write("5")  # VmHWM starts over
        self.before = self._now()

    def _read(self, file, name):
        with open(f"/proc/{self.pid}/{file}", encoding="ascii") as lines:
            return int(re.search(rf"^{name}:\s+(\d+) kB$", lines.read(), re.M).group(1)) * 1024

    def _now(self):
        return self._read("smaps_rollup", "Rss")

    def growth(self):
        return self._now() - self.before

    def peak(self):
        return max(self._read("status", "VmHWM") - self.before, self.growth())


class Certificate:
    """A self-signed certificate for 127.0.0.1 with its key, in files that live as long as this."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sio-hostile-")
        self.cert = os.path.join(self.folder.name, "cert.pem")
        self.key = os.path.join(self.folder.name, "key.pem")
        line = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        subprocess.run(
            [*line.split(), "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", self.key, "-out", self.cert],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.client = ssl.create_default_context(cafile=self.cert)


# ---- bytes ---------------------------------------------------------------------------------------


class Raw:
    """A connection that sends what it is told and reads what it is asked for. Every read fails
    after PATIENCE; EOFError when the peer ends the stream, in an orderly way or not."""

    def __init__(self, port=None, sock=None, tls=None, timeout=None, receive_buffer=None):
        if sock is None:
            sock = socket.socket()
            if receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.settimeout(timeout or PATIENCE)
            sock.connect(("127.0.0.1", port))
        sock.settimeout(timeout or PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            sock = tls.client.wrap_socket(sock, server_hostname="127.0.0.1")
        self.socket = sock
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """End with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, (bytes, bytearray)) else data.encode())

    def send_some(self, data):
        """Like send, to a peer that may end the stream meanwhile."""
        try:
            self.send(data)
            return True
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            return False

    def send_bytewise(self, data):
        for at in range(len(data)):
            self.send(data[at : at + 1])

    def more(self):
        """Wait for bytes. False at the end of the stream."""
        try:
            data = self.socket.recv(262144)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            data = b""
        self.buffer += data
        return bool(data)

    def take(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise EOFError(f"the stream ended behind {bytes(self.buffer[:200])!r}")
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def until(self, mark):
        while mark not in self.buffer:
            if not self.more():
                raise EOFError(f"the stream ended behind {bytes(self.buffer[:200])!r}")
        return self.take(self.buffer.index(mark) + len(mark))

    def rest(self):
        """Everything up to the end of the stream."""
        while self.more():
            pass
        return self.take(len(self.buffer))

    def ended(self):
        """Nothing more comes, and the peer lets go."""
        return self.rest() == b""

    def silent(self, seconds):
        """Nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            return not self.buffer and (not self.more() and False)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    # -- HTTP --

    def response(self, to="GET"):
        """One HTTP response with its body."""
        return Response(self, to)

    # -- WebSocket --

    def frame(self):
        """One frame: (first byte, payload). A mask is taken off."""
        first, second = self.take(2)
        length = second & 127
        if length == 126:
            (length,) = struct.unpack(">H", self.take(2))
            assert length >= 126, "a length not in its shortest form"
        elif length == 127:
            (length,) = struct.unpack(">Q", self.take(8))
            assert length >= 65536, "a length not in its shortest form"
        key = self.take(4) if second & 128 else None
        self.masked = key is not None
        payload = self.take(length)
        return first, xor(payload, key) if key else payload


# ---- HTTP ----------------------------------------------------------------------------------------


class Response:
    """Status, header lines (names in lower case, in order) and body of what a server answers."""

    def __init__(self, raw, to="GET"):
        self.head = raw.until(b"\r\n\r\n").decode("latin-1")
        lines = self.head[:-4].split("\r\n")
        found = re.fullmatch(r"HTTP/1\.1 (\d{3}) (.*)", lines[0])
        assert found, self.head
        self.status = int(found.group(1))
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            assert re.fullmatch(r"[\w-]+", name), line
            self.headers.append((name.lower(), value.strip()))
        self.body = b""
        if self.status >= 200 and self.status not in (204, 304) and to != "HEAD":
            self.body = self._body(raw)

    def _body(self, raw):
        length = self.get("content-length")
        if length is not None:
            return raw.take(int(length))
        if self.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(raw.until(b"\r\n"), 16):
                body += raw.take(size)
                assert raw.take(2) == b"\r\n"
            assert raw.take(2) == b"\r\n"
            return body
        return raw.rest()

    def get(self, name):
        values = [value for known, value in self.headers if known == name]
        assert len(values) <= 1, f"{name} stands {len(values)} times: {self.head}"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)


def request(target, lines="", method="GET", host="x", body=None):
    """The bytes of a request. `lines` are further header lines, each ending in CRLF."""
    if isinstance(body, str):
        body = body.encode()
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}{length}\r\n"
    return head.encode("latin-1") + (body or b"")


def handshake(target="/", lines="", key=KEY, version="13", upgrade="websocket",
              connection="Upgrade", **more):
    """The bytes of a WebSocket handshake; a None leaves its line out."""
    fields = (("Upgrade", upgrade), ("Connection", connection), ("Sec-WebSocket-Version", version),
              ("Sec-WebSocket-Key", key))
    known = "".join(f"{name}: {value}\r\n" for name, value in fields if value is not None)
    return request(target, known + lines, **more)


def accept_key(key=KEY):
    guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(key.encode() + guid).digest()).decode()


# ---- frames --------------------------------------------------------------------------------------


def xor(data, key):
    length = len(data)
    pad = key * (length // 4 + 1)
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(pad[:length], "big")
    return mixed.to_bytes(length, "big")


def header(first, length, key=MASK, form=None):
    """A frame's header. `form`: 7, 16 or 64 bits for the length; None takes the shortest."""
    masked = 128 if key else 0
    if form == 7 or (form is None and length < 126):
        head = bytes([first, masked | length])
    elif form == 16 or (form is None and length < 65536):
        head = bytes([first, masked | 126]) + struct.pack(">H", length)
    else:
        head = bytes([first, masked | 127]) + struct.pack(">Q", length)
    return head + (key or b"")


def frame(opcode, data=b"", fin=True, rsv=0, key=MASK, form=None, length=None):
    """A whole frame. `length` claims another length than that of `data`, `key` None sends it
    without a mask, as a server does."""
    data = data.encode() if isinstance(data, str) else bytes(data)
    first = opcode | (FIN if fin else 0) | rsv
    head = header(first, len(data) if length is None else length, key, form)
    return head + (xor(data, key) if key else data)


def close_frame(code=None, reason=b"", key=MASK):
    data = b"" if code is None else struct.pack(">H", code) + reason
    return frame(CLOSE, data, key=key)


def fragments(opcode, data, size, **more):
    """The frames of one message, `size` payload bytes each."""
    data = data.encode() if isinstance(data, str) else data
    starts = range(0, len(data), size) or [0]
    return b"".join(
        frame(opcode if at == 0 else CONTINUATION, data[at : at + size],
              fin=at + size >= len(data), **more)
        for at in starts
    )


# ---- Socket.IO -----------------------------------------------------------------------------------


def engine_websocket(server, lines="", target=ENGINE + "websocket"):
    """A WebSocket session of Engine.IO: (raw, the open packet, the handshake's response)."""
    raw = server.raw()
    raw.send(handshake(target, lines))
    response = raw.response()
    assert response.status == 101, response.head
    first, data = raw.frame()
    assert first == FIN | TEXT and data[:1] == b"0", (first, data)
    return raw, json.loads(data[1:]), response


def joined(server, lines=""):
    """A WebSocket in the main namespace."""
    raw, _, _ = engine_websocket(server, lines)
    raw.send(frame(TEXT, "40"))
    first, data = raw.frame()
    assert first == FIN | TEXT and data.startswith(b'40{"sid":"'), (first, data)
    return raw


def serves(server):
    """A fresh client gets an echo of a `conformance-server --profile wire` at once."""
    with joined(server) as raw:
        raw.send(frame(TEXT, '42["message","still there"]'))
        assert raw.frame() == (FIN | TEXT, b'42["message-back","still there"]')


# ---- TAP -----------------------------------------------------------------------------------------


class Tap:
    """Numbered results on stdout. What went wrong stands in comment lines before."""

    def __init__(self):
        self.count = 0
        self.failed = 0
        self.only = sys.argv[1:]

    def wanted(self, name):
        """Whether the command line asks for this case: its words are parts of names."""
        parts = [part for part in self.only if not part.startswith("-")]
        return not parts or any(part in name for part in parts)

    def case(self, name, function, *arguments, always=False):
        """Run one case; whatever it raises is its failure. Returns whether it passed. `always`: the
        command line has no say."""
        if not always and not self.wanted(name):
            return True
        self.count += 1
        try:
            function(*arguments)
        except Exception:  # a case may fail in any way
            self.failed += 1
            for line in traceback.format_exc().splitlines()[-8:]:
                print("#", line[:1000])
            print(f"not ok {self.count} - {name}", flush=True)
            return False
        print(f"ok {self.count} - {name}", flush=True)
        return True

    def finish(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


def more_descriptors():
    """As many open files as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def wait_until(condition, seconds=None):
    """Until something that leaves no trace on the wire has come about."""
    end = time.monotonic() + (seconds or PATIENCE)
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
