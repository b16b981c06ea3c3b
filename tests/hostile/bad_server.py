"""A server that means harm, against a real client: every packet of bad_packets.py and more. The
client never delivers what it smuggles in, ends what is no protocol, comes back, and works."""

import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading

from bad_packets import FATAL, nested, objects, placeholder
from wire import (BINARY, CLOSE, CONTINUATION, FIN, PATIENCE, PING, RSV1, RSV2, TEXT, WRAPPER, Raw, Tap,
                  accept_key, close_frame, frame, program)

CLIENT = program("tests/conformance/conformance-client")
OPEN = "0" + json.dumps({"sid": "s", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000,
                         "maxPayload": 1000000})
BATCH = 25  # connections of one client, which has 20 s


def text(data):
    return frame(TEXT, data, key=None)


def messages(items):
    return b"".join(frame(BINARY, item, key=None) if isinstance(item, bytes) else text("4" + item)
                    for item in items)


# ---- more that only a server can do wrong: the client ends the connection -------------------------

FRAMES = [
    ("a masked frame", frame(TEXT, '42["bad"]')),
    ("a reserved bit", frame(TEXT, '42["bad"]', rsv=RSV2, key=None)),
    ("compression that was not agreed on", frame(TEXT, '42["bad"]', rsv=RSV1, key=None)),
    ("an unknown opcode", frame(3, '42["bad"]', key=None)),
    ("a continuation of nothing", frame(CONTINUATION, '42["bad"]', key=None)),
    ("a fragmented ping", frame(PING, b"x", fin=False, key=None)),
    ("a ping of 126 bytes", frame(PING, b"x" * 126, key=None)),
    ("text that is not UTF-8", frame(TEXT, b'42["bad","\xff"]', key=None)),
    ("2^63-1 bytes", frame(BINARY, b"", length=2**63 - 1, key=None)),
    ("2^63 bytes", frame(BINARY, b"", length=2**63, key=None)),
    ("2^64-1 bytes", frame(BINARY, b"", length=2**64 - 1, key=None)),
    ("a length in too long a form", frame(TEXT, '42["bad"]', form=64, key=None)),
    ("a message inside a message", frame(TEXT, '42["ba', fin=False, key=None) + text('42["bad"]')),
    ("a close of one byte", frame(CLOSE, b"x", key=None)),
    ("a close with code 1005", close_frame(1005, key=None)),
    ("packet of type 7", text("7")),
    ("packet of type 9", text("9")),
    ("an empty packet", text("")),
    ("bad base64", text("b!")),
    ("a letter", text("x")),
    ("an error that is no JSON", text("44{")),
]

# What is for nobody is passed over: the connection goes on.
IDLE = [
    ("CONNECT without a sid", text("40{}")),
    ("CONNECT with a number as sid", text('40{"sid":1}')),
    ("answers to what was never asked", messages(["30[]", "31[1]", "39007199254740991[1]", "32[]"])),
    ("an answer with an attachment", messages(['61-2[{"_placeholder":true,"num":0}]', b"x"])),
    ("other names", messages(['2["error"]', '2["__proto__",1]', '2["toString"]', '2[""]', "2[1]",
                              '2["bad\\u0000"]', '2["%s%n"]', '20["constructor"]'])),
    ("many keys", messages(['2["x",{' + ",".join(f'"k{i}":{i}' for i in range(50000)) + "}]"])),
    ("200 arrays deep", messages([f'2["x",{nested(200)}]', f'2["x",{objects(200)}]'])),
    ("namespaces nobody is in", messages(['2/other,["bad"]', "1/other,", '0/other,{"sid":"o"}',
                                          '4/other,{"message":"no"}'])),
    ("pings of WebSocket", b"".join(frame(PING, b"x" * 125, key=None) for _ in range(2000))),
    ("packets of Engine.IO for nobody", text("3") + text("3probe") + text("6") + text(OPEN)),
]


class Peer:
    """The server's side."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        """A WebSocket whose client has asked for the main namespace."""
        raw = Raw(sock=self.listener.accept()[0])
        head = raw.until(b"\r\n\r\n").decode()
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
        key = {name.lower(): value for name, value in lines.items()}["sec-websocket-key"]
        raw.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n")
        raw.send(text(OPEN))
        assert raw.frame() == (FIN | TEXT, b"40")
        return raw

    def joined(self):
        raw = self.accept()
        raw.send(text('40{"sid":"z"}'))
        return raw


def expect_end(raw, name):
    """The client lets go, and says nothing but why."""
    while raw.buffer or raw.more():
        first, data = raw.frame()
        assert first == FIN | CLOSE or first == FIN | 10, (name, first, data[:100])
    raw.close()


def still_there(raw, name):
    """A ping of Engine.IO is answered behind everything before it."""
    raw.send(text("2"))
    while True:
        first, data = raw.frame()
        if first == FIN | TEXT:
            assert data == b"3", (name, data[:100])
            return
        assert first == FIN | 10, (name, first, data[:100])


def farewell(peer):
    with peer.joined() as raw:
        raw.send(text('42["bye","ok"]'))
        assert raw.frame() == (FIN | TEXT, b'42["done"]')
        raw.rest()


def play(peer, rows):
    for name, data, fatal in rows:
        raw = peer.accept() if name.startswith("CONNECT") else peer.joined()
        sent = raw.send_some(data)
        if fatal:
            expect_end(raw, name)
        else:
            assert sent, name
            still_there(raw, name)
            raw.close()
    farewell(peer)


def batch(rows):
    """One client meets one bad packet on each of its connections."""
    peer = Peer()
    url = f"http://127.0.0.1:{peer.port}"
    client = subprocess.Popen([*WRAPPER, CLIENT, "malformed", url, "websocket"],
                              stderr=subprocess.PIPE, text=True)
    try:
        play(peer, rows)
        _, said = client.communicate(timeout=PATIENCE)
        assert client.returncode == 0, (client.returncode, said)
    finally:
        peer.listener.close()
        if client.poll() is None:
            client.kill()
            client.communicate()


# ---- handshakes ----------------------------------------------------------------------------------


def refused(mode, url, act, **env):
    """The client reports an error, is never connected, and ends in good order."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    listener.settimeout(PATIENCE)
    faults = []

    def serve():
        try:
            while True:
                act(listener.accept()[0])
        except OSError:
            pass
        except Exception as error:  # shown by the case
            faults.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        done = subprocess.run(
            [*WRAPPER, CLIENT, "refused", url.format(listener.getsockname()[1]), mode],
            stderr=subprocess.PIPE, text=True, timeout=PATIENCE + 20,
            env={**{k: v for k, v in os.environ.items() if not k.startswith("SSL_CERT")}, **env})
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
    assert not faults, faults
    assert done.returncode == 0, (done.returncode, done.stderr)


def answer(data):
    def act(sock):
        with Raw(sock=sock) as raw:
            try:
                raw.until(b"\r\n\r\n")
                raw.send_some(data)
                raw.rest()
            except (EOFError, OSError):
                pass

    return act


def http(lines, body=b""):
    return ("HTTP/1.1 200 OK\r\n" + lines + "\r\n").encode() + body


RESPONSES = {
    "two lengths": http("Content-Length: 5\r\nContent-Length: 6\r\n", b"x" * 6),
    "length and chunks": http("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "2^64 bytes": http("Content-Length: 18446744073709551616\r\n"),
    "2^63-1 bytes": http("Content-Length: 9223372036854775807\r\n"),
    "a chunk of 2^64 bytes": http("Transfer-Encoding: chunked\r\n", b"10000000000000000\r\n"),
    "5000 header lines": http("X: y\r\n" * 5000),
    "a header line of 64 KiB": http("X: " + "y" * 65536 + "\r\n"),
    "folding": http("X: y\r\n z\r\nContent-Length: 0\r\n"),
    "a NUL": http("X: \x00\r\nContent-Length: 0\r\n"),
    "interim responses without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
    "a page": http("Content-Length: 6\r\n", b"<html>"),
    "status 999": b"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n",
    "status 20": b"HTTP/1.1 20 x\r\nContent-Length: 0\r\n\r\n",
    "an open packet that is none": http("Content-Length: 4\r\n", b'0{"s'),
    "a deep open packet": http("Content-Length: 200001\r\n", b"0" + nested(100000).encode()),
    "a sid with CR and LF": http("Content-Length: 89\r\n", b'0{"sid":"a\\r\\nX: y","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}'),
    "101 unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
}


# ---- certificates --------------------------------------------------------------------------------


class Authority:
    """Certificates of all kinds, in files that live as long as this."""

    EC = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sio-bad-server-")
        for name in ("ca", "stranger"):
            self.make(name, f"-subj /CN={name} -days 2")
        self.signed("good", "DNS:localhost")
        self.signed("wrong name", "DNS:example.org")
        self.signed("a name that only looks so", "DNS:localhost.example.org")
        self.expired()
        self.signed("unknown authority", "DNS:localhost", by="stranger")
        self.signed("for clients only", "DNS:localhost", "-addext extendedKeyUsage=clientAuth")
        self.make("self-signed", "-subj /CN=localhost -days 2 -addext subjectAltName=DNS:localhost")

    def path(self, name, kind="pem"):
        return os.path.join(self.folder.name, f"{name}.{kind}".replace(" ", "-"))

    def make(self, name, line):
        self.openssl("req", "-x509", *self.EC.split(), *line.split(), "-keyout",
                     self.path(name, "key"), "-out", self.path(name))

    def openssl(self, *command):
        subprocess.run(["openssl", *command], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def signed(self, name, names, more="", by="ca"):
        self.make(name, f"-CA {self.path(by)} -CAkey {self.path(by, 'key')} -subj /CN=localhost "
                  f"-days 2 -addext subjectAltName={names} {more}")

    def expired(self):
        """What is valid for no day has expired when it is made."""
        extensions, asked = self.path("expired", "ext"), self.path("expired", "csr")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("subjectAltName=DNS:localhost")
        self.openssl("req", "-new", *self.EC.split(), "-subj", "/CN=localhost", "-keyout",
                     self.path("expired", "key"), "-out", asked)
        self.openssl("x509", "-req", "-in", asked, "-CA", self.path("ca"), "-CAkey",
                     self.path("ca", "key"), "-days", "0", "-extfile", extensions, "-out",
                     self.path("expired"))

    def context(self, name, old=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(name), self.path(name, "key"))
        if old:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context


BAD = ["self-signed", "expired", "wrong name", "unknown authority", "a name that only looks so",
       "for clients only"]


def over_tls(authority, mode, name, old=False, good=False):
    """Not one byte of a request reaches a server that cannot show who it is."""
    context = authority.context(name, old)
    seen = []
    names = []
    context.sni_callback = lambda sock, asked, ctx: names.append(asked)

    def act(sock):
        sock.settimeout(PATIENCE)
        try:
            with context.wrap_socket(sock, server_side=True) as tls:
                seen.append(tls.recv(65536))
        except OSError:
            pass
        finally:
            sock.close()

    refused(mode, "https://localhost:{}", act, SIO_CA=authority.path("ca"))
    if not old:
        assert set(names) == {"localhost"}, names
    requests = [data for data in seen if data]
    assert bool(requests) == good, requests


def main():
    tap = Tap()
    rows = [(name, messages(items), True) for name, items in FATAL]
    rows += [(name, data, True) for name, data in FRAMES]
    rows += [(name, data, False) for name, data in IDLE]
    for at in range(0, len(rows), BATCH):
        part = rows[at : at + BATCH]
        tap.case(f"packets {at + 1} to {at + len(part)}: {part[0][0]} ... {part[-1][0]}", batch, part)
    for name, data in RESPONSES.items():
        for mode in ("polling", "websocket"):
            tap.case(f"{mode}: response: {name}", refused, mode, "http://127.0.0.1:{}", answer(data))
    authority = Authority()
    for mode in ("polling", "websocket"):
        for name in BAD:
            tap.case(f"{mode}: certificate: {name}", over_tls, authority, mode, name)
        tap.case(f"{mode}: certificate: TLS 1.1", over_tls, authority, mode, "good", True)
        tap.case(f"{mode}: certificate: a good one", over_tls, authority, mode, "good", False, True)
    tap.finish()


main()
