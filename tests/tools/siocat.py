"""siocat against interop-server, and against peers that refuse: every exit status, what is printed,
what is read. Each case is bounded by PATIENCE; nothing sleeps."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
from program import BUILD, PATIENCE, WRAPPER, Program, run_all  # noqa: E402

FOLDER = Path(tempfile.mkdtemp(prefix="siocat-"))
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
programs = {}


def environment(**more):
    plain = {k: v for k, v in os.environ.items() if k.lower() not in PROXIES and k != "DEBUG"}
    return {**plain, **more}


def command(*args):
    return [*WRAPPER, str(BUILD / "tools/siocat/siocat"), *map(str, args)]


def siocat(*args, status=0, stdin=b"", env=None, **how):
    """Run it to its end. Its output and its messages, as lines."""
    if not hasattr(stdin, "fileno"):
        how["input"] = stdin
    else:
        how["stdin"] = stdin
    how.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run(command(*args), stderr=subprocess.PIPE, timeout=PATIENCE,
                          env=environment(**(env or {})), **how)
    messages = done.stderr.decode()
    assert done.returncode == status, (done.returncode, done.stdout, messages)
    return (done.stdout or b"").decode().splitlines(), messages


def hear_hang_ups():
    """What is ignored here stays so in children, as for those of nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def started(*args, **how):
    return subprocess.Popen(command(*args), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment(),
                            preexec_fn=hear_hang_ups, **how)


def serve(name, *options):
    server = Program("tests/interop/interop-server", *options)
    programs[name] = server
    return server.printed(r"^LISTENING (\d+)$").group(1)


def ack(*args):
    lines, _ = siocat("--json", "--ack", url, "emit", *args)
    (line,) = lines
    return json.loads(line)


def openssl(text):
    subprocess.run(["openssl", *text.split()], cwd=FOLDER, check=True, capture_output=True)


class Refuser:
    """Answers one HTTP request with a status, and keeps its head."""

    def __init__(self, status):
        self.head = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._answer, args=(status,), daemon=True)
        self.thread.start()

    def _answer(self, status):
        peer, _ = self.listener.accept()
        with peer:
            while b"\r\n\r\n" not in self.head:
                self.head += peer.recv(4096)
            peer.sendall(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        self.listener.close()

    def seen(self):
        self.thread.join(PATIENCE)
        return self.head.decode()


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def arguments_are_json_text_or_files():
    """arguments: JSON, text, a file as binary; acknowledgements as JSON lines"""
    (FOLDER / "all bytes").write_bytes(bytes(range(256)))
    reply = ack("echo", 12345678901234567890, "hello", '"5"', '{"a":[1,true]}', "@@at",
                f"@{FOLDER}/all bytes", "--", "-7")
    assert reply["event"] == "echo" and reply["number"] == 1 and reply["type"] == "ack"
    *values, binary, negative = reply["args"]
    assert values == [12345678901234567890, "hello", "5", {"a": [1, True]}, "@at"], values

    assert base64.b64decode(binary["@base64"]) == bytes(range(256)) and negative == -7


def readable_lines():
    """readable lines, safe for terminals"""
    lines, _ = siocat("-a", url, "emit", "echo", "a\u009b\u202eb\x7f", '{"x":{"@base64":"AAEC"}}',
                      "@/dev/null")
    assert lines == ['ack echo "a\\u009b\\u202eb\\u007f" {"x":<3 bytes 00 01 02>} <0 bytes>'], lines
    lines, _ = siocat("--count", 1, "--auth", '{"token": 1}', url)
    assert re.fullmatch(r'welcome "\S+" \{"token":1\}', lines[0]), lines
    (FOLDER / "auth").write_text('{"token": "from a file"}\n')
    lines, _ = siocat("-j", "-c1", "-A", f"@{FOLDER}/auth", f"{url}/chat", "listen")
    assert json.loads(lines[0])["args"][1] == {"token": "from a file"}


def keys_with_at_come_back_as_they_were():
    """what a server sends is never taken for a file"""
    lines, _ = siocat("-aj", url, "emit", "echo", '{"@@file":"/etc/passwd","@other":{"@@@b":1}}')
    assert json.loads(lines[0])["args"] == [
        {"@@file": "/etc/passwd", "@@other": {"@@@b": 1}}], lines
    again, _ = siocat("-aj", url, "emit", stdin=json.dumps(
        ["echo", *json.loads(lines[0])["args"]]).encode())
    assert json.loads(again[0])["args"] == json.loads(lines[0])["args"]


def standard_input_is_streamed():
    """lines of standard input are sent when they come, each waits for its acknowledgement"""
    process = started("-aj", url, "emit")
    for number in range(3):
        process.stdin.write(f'["echo",{number}]\n\n'.encode())
        process.stdin.flush()
        reply = json.loads(process.stdout.readline())
        assert reply["args"] == [number] and reply["number"] == number + 1
    process.stdin.write(b'["echo","no line end"]')
    process.stdin.close()
    assert json.loads(process.stdout.readline())["args"] == ["no line end"]
    assert process.wait(PATIENCE) == 0
    process.stdout.close()
    process.stderr.close()


def files_are_read_too():
    """standard input and --input may be regular files and devices; 2000 events stay in order"""
    events = FOLDER / "events"
    events.write_text("".join(f'["echo",{n}]\r\n' for n in range(2000)))
    wanted = [f"echo-back {n}" for n in range(2000)]
    with events.open("rb") as file:
        lines, _ = siocat("-l", "-o", "echo-back", "-c", 2000, url, "emit", stdin=file)
    assert lines == wanted
    lines, _ = siocat("-i", events, "--on", "echo-back", "-c", 2000, url, "emit")
    assert lines == wanted
    with open("/dev/null", "rb") as null:
        assert siocat(url, "emit", stdin=null) == ([], "")


def binary_in_input():
    """input lines name files and hold base64"""
    data = os.urandom(100000)
    (FOLDER / "random").write_bytes(data)
    line = json.dumps(["echo", {"deep": [{"@file": str(FOLDER / "random")}]}, {"@base64": "AAE="}])
    lines, _ = siocat("-aj", url, "emit", stdin=line.encode())

    deep, small = json.loads(lines[0])["args"]
    assert base64.b64decode(deep["deep"][0]["@base64"]) == data and small == {"@base64": "AAE="}


def bad_input():
    """bad input ends with 6, and its line is named"""
    os.mkfifo(FOLDER / "fifo")
    good = b'["echo",1]\n'
    for bad, message in (
        (b'["echo","\xff"]', "line 2: JSON: invalid UTF-8"),
        (b'["echo"', "line 2: JSON: syntax error"),
        (b'{"a":1}', "line 2: not an array"),
        (b'[{"a":1}]', "line 2: not an array"),
        (b'["echo",{"@file":"/nowhere/at all"}]', "line 2: /nowhere/at all: No such file"),
        (b'["echo",{"@file":"%s"}]' % bytes(FOLDER / "fifo"), "Illegal seek"),
        (b'["echo",{"@file":"a","b":1}]', "line 2: @file and @base64 want one string"),
        (b'["echo",{"@base64":"A"}]', "line 2: @base64: not base64"),
        (b'["echo",{"_placeholder":true,"num":0},{"@base64":""}]', "line 2: _placeholder"),
        (b'["connect"]', "line 2: the event name is reserved"),
        (b'["echo","' + b"x" * 100 + b'"]', "line 2: longer than --max-line"),
        (b"[" * 100000, "line 2: longer than --max-line"),
    ):
        lines, messages = siocat("-aj", "--max-line", 90, url, "emit", status=6,
                                 stdin=good + bad + b"\n" + good)
        assert len(lines) == 1 and message in messages, (bad, lines, messages)
    assert "nowhere" in siocat(url, "emit", "echo", "@/nowhere", status=6)[1]
    assert "UTF-8" in siocat(url, "emit", "echo", os.fsdecode(b"\xff"), status=6)[1]
    assert "nowhere" in siocat("-i", "/nowhere", url, "emit", status=6)[1]


def usage():
    """impossible options end with 1, --help and --version with 0"""
    for bad in (
        [], ["--nonsense", url], [url, "fly"], [url, "listen", "more"], ["--count", "x", url],
        ["--count", "0", url], ["--timeout", "-1", url], ["--auth", "[]", url],
        ["--auth", '{"a":', url], ["--transport", "pigeon", url], ["--eio", "5", url],
        ["--header", "nothing", url], ["--header", "Host: x", url], ["--tls-min", "1.1", url],
        ["--echo", "x", url], ["--input", "x", url], ["--ping", "--listen", url],
        ["ftp://example.org"], ["--ca-file", "/nowhere", "https://127.0.0.1:1"],
        ["--parser", "protobuf", url], ["--passphrase-env", "SIOCAT_NOT_SET", url],
        ["--namespace", "a,b", url],
    ):
        lines, messages = siocat(*bad, status=1)
        assert lines == [] and messages, bad
    assert "siocat [OPTION]" in siocat("--help")[0][0]
    assert re.fullmatch(r"siocat \d+\.\d+\.\d+", siocat("--version")[0][0])


def every_option_is_documented():
    """manual, help and completion name the same options"""
    source = Path(__file__).resolve().parents[2] / "tools/siocat"
    helped = set(re.findall(r"--[a-z0-9][a-z0-9-]+", "\n".join(siocat("--help")[0])))
    manual = (source / "siocat.1").read_text().replace("\\-", "-")
    completion = (source / "siocat.bash").read_text()
    assert len(helped) > 35
    for option in helped:
        assert option in manual and re.search(option + r"\b", completion), option
    known = set(re.findall(r'^    \{"([a-z0-9-]+)", ', (source / "options.c").read_text(), re.M))
    assert {f"--{name}" for name in known} == helped


def no_connection():
    """2: nobody listens, or speaks something else"""
    lines, messages = siocat(f"http://127.0.0.1:{closed_port()}", status=2)
    assert lines == [] and "could not connect: connect: " in messages, messages
    assert siocat("--quiet", f"http://127.0.0.1:{closed_port()}", status=2)[1] == ""
    assert "404" in siocat(Refuser(404).url, status=2)[1]


def refused():
    """3: the namespace does not exist; the request is not wanted"""
    assert "refused: Invalid namespace" in siocat(f"{url}/nowhere", status=3)[1]
    assert "refused: " in siocat("-n", "nowhere", "-T", "websocket", url, status=3)[1]
    siocat(Refuser(403).url, status=3)
    siocat(Refuser(401).url, status=3)


def requests_carry_what_was_asked_for():
    """path, query, headers and revision are in the request"""
    peer = Refuser(403)
    siocat("--path", "/other", "-q", "a=1", "-q", "b=%20", "-H", "X-One:  1", "-H", "Cookie: c=2",
           "-e", 3, "-T", "polling", f"{peer.url}/?z=0", status=3)
    head = peer.seen()
    target = head.split()[1]
    assert target.startswith("/other/?") and "EIO=3" in target and "transport=polling" in target
    assert "z=0&a=1&b=%20" in target, target
    assert "X-One: 1\r\n" in head and "Cookie: c=2\r\n" in head


def no_acknowledgement():
    """4: an acknowledgement does not come; other events are sent all the same"""
    lines, messages = siocat("-a", "-t", 0.2, url, "emit", "nobody", "listens", status=4)
    assert lines == [] and "event 1: no acknowledgement within 0.2 s" in messages
    lines, messages = siocat("-a", "-t", 0.2, url, "emit", status=4,
                             stdin=b'["echo",1]\n["nobody"]\n["echo",2]\n')
    assert lines == ["ack echo 1", "ack echo 2"] and "event 2: no ack" in messages


def disconnected():
    """5: the server disconnects, or goes"""
    assert "io server disconnect" in siocat("-l", url, "emit", "kick", status=5)[1]
    assert "siocat: " in siocat("-a", url, "emit", "drop", status=5)[1]
    port = serve("mortal")
    process = started(f"http://127.0.0.1:{port}")
    assert process.stdout.readline().startswith(b"welcome")
    programs["mortal"].kill()
    assert process.wait(PATIENCE) == 5
    process.communicate()


def output_closed():
    """7: nobody reads what is printed"""
    reader, writer = os.pipe()
    os.close(reader)
    _, messages = siocat(url, status=7, stdout=writer)
    os.close(writer)
    assert messages == "", messages
    with open("/dev/full", "wb") as full:
        assert "No space left" in siocat(url, status=7, stdout=full)[1]


def time_is_up():
    """8: --max-time passes before the work is done; 0 when there is none"""
    siocat("--max-time", 0.2, "--count", 5, url, status=8)
    siocat("--max-time", 0.2, "-a", url, "emit", "nobody", status=8)
    silent = socket.create_server(("127.0.0.1", 0))
    silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    siocat("--max-time", 0.2, silent_url, status=8)
    siocat("--connect-timeout", 0.2, silent_url, status=2)
    silent.close()
    process = started("--max-time", 2 if not WRAPPER else 15, url)
    assert process.stdout.readline().startswith(b"welcome")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def signals_end_it():
    """128 + N: a signal ends it, also while nobody reads its output"""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = started(url)
        assert process.stdout.readline().startswith(b"welcome")
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 128 + number
    process = started("-l", url, "emit", "echo", "x" * 120000)  # more than a pipe holds
    process.stdout.read(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    process.communicate()


def the_wire_is_shown():
    """-v shows packets, DEBUG chooses them, credentials are left out"""
    secret = ["-A", '{"token":"secret"}', "-c1", "-o", "echo-back", url, "emit", "echo", "shown"]
    _, messages = siocat("-v", *secret)
    for line in ('> 2["echo","shown"]', '< 2["echo-back","shown"]', "> 0...", "connected to /"):
        assert line in messages, messages
    assert '> 0{' not in messages and messages.count("secret") == 1  # in the server's greeting
    _, messages = siocat(*secret, env={"DEBUG": "*,-socket.io-client:packet"})
    assert "engine.io-client:socket open" in messages and "packet" not in messages


def round_trips():
    """--ping measures acknowledgements and echoed events"""
    (line,), _ = siocat("-j", "--ping=20", url, "emit", "echo", "payload")
    report = json.loads(line)
    assert report["sent"] == 20 and report["lost"] == 0 and report["type"] == "ping"
    assert 0 < report["min_ms"] <= report["median_ms"] <= report["p99_ms"] <= report["max_ms"]
    (line,), _ = siocat("-p5", "--echo", "echo-back", "--interval", 0.01, url, "emit", "echo")
    assert re.fullmatch(r"5 round trips, 0 lost: min [\d.]+ ms, median [\d.]+ ms, "
                        r"p99 [\d.]+ ms, max [\d.]+ ms", line), line
    (line,), _ = siocat("-p2", "-t", 0.1, url, status=4)
    assert line == "2 round trips, 2 lost"
    (line,), _ = siocat("-jp1", "-t", 0.1, "--echo", "never", url, status=4)
    assert json.loads(line) == {"type": "ping", "sent": 1, "lost": 1}


def transports():
    """polling, WebSocket, upgrade, and servers of Socket.IO 2.x"""
    for options in (["-T", "polling"], ["-T", "websocket"], ["-T", "upgrade"], ["-e", 3],
                    ["-e", 3, "-T", "websocket"], ["--no-compression", "--cookies"]):
        assert siocat("-a", *options, f"{url}/chat", "emit", "echo", 1)[0] == ["ack echo 1"]
    assert siocat("-aT", "polling", url, "emit", "transport")[0] == ['ack transport "polling"']


def msgpack():
    """MessagePack, when the server speaks it"""
    port = serve("msgpack", "--msgpack")
    echo = [f"http://127.0.0.1:{port}", "emit", "echo", 1.5, '{"b":{"@base64":"AAEC"}}']
    assert siocat("-aP", "msgpack", *echo)[0] == ['ack echo 1.5 {"b":<3 bytes 00 01 02>}']
    assert programs["msgpack"].stop() == 0


def tls():
    """TLS: unknown, wrong host, pinned, trusted, not verified, a key with a passphrase"""
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2"
    openssl(f"req -x509 {key} -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost"
            " -keyout server.key -out server.pem")
    openssl(f"req -x509 {key} -passout pass:opensesame -subj /CN=me -keyout my.key -out my.pem")
    port = serve("tls", "--tls-cert", FOLDER / "server.pem", "--tls-key", FOLDER / "server.key")
    secure, by_address = f"https://localhost:{port}", f"wss://127.0.0.1:{port}"
    trust = ["--ca-file", FOLDER / "server.pem"]
    echo = ["emit", "echo", 1]
    for transport in ("polling", "websocket"):
        how = ["-T", transport, "-a"]
        assert "self-signed" in siocat(*how, secure, *echo, status=2)[1]
        assert "mismatch" in siocat(*how, *trust, by_address, *echo, status=2)[1]
        siocat(*how, *trust, "--server-name", "localhost", by_address, *echo)
        siocat(*how, *trust, "--pin", "A" * 43 + "=", secure, *echo, status=2)
        assert siocat(*how, *trust, "--tls-min", "1.3", secure, *echo)[0] == ["ack echo 1"]
    _, messages = siocat("-kav", by_address, *echo)
    assert "TLS VERIFICATION IS OFF" in messages
    mine = [*trust, "-a", "--cert", FOLDER / "my.pem", "--key", FOLDER / "my.key"]
    (FOLDER / "passphrase").write_text("opensesame\n")
    siocat(*mine, "--passphrase-file", FOLDER / "passphrase", secure, *echo)
    siocat(*mine, "--passphrase-env", "SIOCAT_TEST", secure, *echo,
           env={"SIOCAT_TEST": "opensesame"})
    siocat(*mine, "--passphrase-env", "SIOCAT_TEST", secure, *echo, status=1,
           env={"SIOCAT_TEST": "wrong"})


def proxies_of_the_environment():
    """proxies are read from the environment, options win"""
    dead = f"127.0.0.1:{closed_port()}"
    echo = ["-a", url, "emit", "echo", 1]
    siocat(*echo, status=2, env={"http_proxy": dead})
    siocat(*echo, status=2, env={"ALL_PROXY": f"socks5://{dead}"})
    siocat(*echo, env={"https_proxy": dead, "HTTP_PROXY": dead})
    siocat(*echo, env={"http_proxy": dead, "no_proxy": "example.org,127.0.0.1"})
    siocat("--proxy", "", *echo, env={"http_proxy": dead})
    siocat("--no-proxy", "127.0.0.0/8", *echo, env={"http_proxy": dead})
    siocat("--proxy", f"http://{dead}", *echo, status=2)
    proxy = Refuser(407)
    assert "proxy" in siocat(*echo, status=2, env={"http_proxy": proxy.url})[1]
    assert proxy.seen().startswith("CONNECT 127.0.0.1:")


def reconnecting():
    """--reconnect waits for a server that comes later"""
    port = closed_port()
    process = started("--reconnect", "-c1", f"http://127.0.0.1:{port}")
    assert b"could not connect" in process.stderr.readline()
    serve("late", "--port", port)
    out, _ = process.communicate(timeout=PATIENCE)
    assert out.startswith(b"welcome") and process.returncode == 0


def servers_end():
    """the servers end in good order"""
    for name in ("main", "tls", "late"):
        assert programs[name].stop() == 0, name


try:
    url = f"http://127.0.0.1:{serve('main', '--eio3')}"
    outcome = run_all([
        arguments_are_json_text_or_files, readable_lines, keys_with_at_come_back_as_they_were,
        standard_input_is_streamed, files_are_read_too, binary_in_input, bad_input, usage,
        every_option_is_documented, no_connection, refused, requests_carry_what_was_asked_for,
        no_acknowledgement, disconnected, output_closed, time_is_up, signals_end_it,
        the_wire_is_shown, round_trips, transports, msgpack, tls, proxies_of_the_environment,
        reconnecting, servers_end,
    ])
finally:
    for program in programs.values():
        program.kill()
    shutil.rmtree(FOLDER, ignore_errors=True)
sys.exit(outcome)
