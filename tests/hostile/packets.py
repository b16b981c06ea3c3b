"""Socket.IO packets of no honest client: our server ends that session or answers as documented, and
goes on serving others, in plain, compressed and over TLS, and on a small stack."""

import json
import re
import resource

from bad_packets import FATAL, nested, objects, placeholder
from wire import (BINARY, CLOSE, ENGINE, FIN, TEXT, Certificate, Raw, Server, Tap, engine_websocket,
                  frame, handshake, joined, request, serves, wait_until)

PROGRAM = "tests/conformance/conformance-server"


def send(raw, messages):
    """Each as a message of Engine.IO. The peer may end the stream meanwhile."""
    for message in messages:
        binary = isinstance(message, bytes)
        data = frame(BINARY, message) if binary else frame(TEXT, "4" + message)
        if not raw.send_some(data):
            return


def ends(raw):
    """Nothing but the end of the stream comes, with or without a Close frame."""
    while raw.buffer or raw.more():
        first, data = raw.frame()
        assert first == FIN | CLOSE, (first, data[:100])
    raw.close()


def receive(raw):
    first, data = raw.frame()
    assert first == FIN | TEXT, (first, data[:100])
    return data.decode()


def echoes(raw, text='["message",1]'):
    raw.send(frame(TEXT, "42" + text))
    assert receive(raw) == "42" + text.replace('"message"', '"message-back"', 1)


# ---- what ends a session -------------------------------------------------------------------------


def fatal(server, name, messages):
    raw = joined(server)
    if name == "attachment behind an event":
        # In one read with what ends the session, the event would be as lost as the session is.
        send(raw, messages[:1])
        assert receive(raw) == '42["message-back"]'
        messages = messages[1:]
    send(raw, messages)
    ends(raw)
    serves(server)


def before_connect(server):
    """in front of CONNECT everything is refused (CVE-2026-48804)"""
    for messages in (['2["message"]'], ["51-" + placeholder(0)], [b"x"], ["1"], ['31["a"]'],
                     ['2/other,["message"]']):
        raw, _, _ = engine_websocket(server)
        send(raw, messages)
        ends(raw)
        serves(server)


def engine_packets(server):
    """packets of Engine.IO in the wrong place"""
    for text in ("1", "2", "2probe", "7", "9", "x", "", "8hello", "bAAAA", "\u20ac"):
        raw = joined(server)
        raw.send(frame(TEXT, text))
        ends(raw)
    # What is for nobody is passed over.
    raw = joined(server)
    for text in ("0", '0{"sid":"a"}', "3", "3probe", "5", "6", "6" * 1000):
        raw.send(frame(TEXT, text))
    echoes(raw)
    raw.close()
    serves(server)


# ---- what a session survives ---------------------------------------------------------------------


def names_without_handlers(server):
    """Any other name may come. `error` killed the reference (CVE-2024-38355)."""
    raw = joined(server)
    for name in ("error", "__proto__", "constructor", "toString", "hasOwnProperty", "", "a" * 100000,
                 "\\u0000", "message\\u0000", "%s%n%x", "../../etc/passwd", "\\ud800", "☃"):
        raw.send(frame(TEXT, f'42["{name}"]'))
        raw.send(frame(TEXT, f'427["{name}",1]'))  # nobody acknowledges it
    raw.send(frame(TEXT, "42[1]"))
    echoes(raw)
    raw.close()


def names_are_not_cut(server):
    """U+0000 in a name: it is not the name in front of it."""
    raw = joined(server)
    for name in ("message\\u0000", "message\\u0000x", "\\u0000message"):
        raw.send(frame(TEXT, f'42["{name}","bad"]'))
    echoes(raw, '["message","a\\u0000b",{"c\\u0000d":"\\u0000"}]')
    raw.close()


def deep_but_allowed(server):
    """200 levels are echoed"""
    raw = joined(server)
    echoes(raw, f'["message",{nested(200)}]')
    echoes(raw, f'["message",{objects(200)}]')
    echoes(raw, f'["message",{nested(255)}]')
    raw.close()


def many_keys(server):
    """50,000 members, all different and all equal, pass"""
    raw = joined(server)
    different = ",".join(f'"k{i}":{i}' for i in range(50000))
    equal = ",".join('"k":1' for _ in range(50000))
    for members in (different, equal):
        echoes(raw, f'["message",{{{members}}}]')
    raw.close()


def numbers_pass(server):
    """numbers are not rounded on their way"""
    raw = joined(server)
    echoes(raw, '["message",9007199254740993,-0.0,1e308,1e400,0.1,123456789012345678901234567890]')
    raw.close()


def unknown_namespaces(server):
    """200 namespaces that do not exist: 200 refusals, and the session lives"""
    raw = joined(server)
    for i in range(200):
        raw.send(frame(TEXT, f"40/none{i},"))
    for i in range(200):
        assert receive(raw) == f'44/none{i},{{"message":"Invalid namespace"}}', i
    for name in ("/__proto__", "/" + "n" * 100000, "/\x00", "/%00", "/☃"):
        raw.send(frame(TEXT, f"40{name},"))
        assert receive(raw).endswith(',{"message":"Invalid namespace"}'), name[:20]
    echoes(raw)
    raw.close()


def foreign_acknowledgements(server):
    """answers to what was never asked"""
    raw = joined(server)
    for text in ("30[]", "31[1]", "32[]", "39007199254740991[1]"):
        raw.send(frame(TEXT, "4" + text))
    send(raw, ['61-2[{"_placeholder":true,"num":0}]', b"x"])
    echoes(raw)
    raw.close()


def large_ids(server):
    """identifiers up to 2^53-1 come back as they were"""
    raw = joined(server)
    for number in ("0", "1", "4294967297", "9007199254740991"):
        raw.send(frame(TEXT, f'42{number}["message-with-ack","x"]'))
        assert receive(raw) == f'43{number}["x"]'
    raw.close()


def joining_twice(server):
    """a second CONNECT of one namespace ends the session or is answered, once"""
    raw = joined(server)
    raw.send(frame(TEXT, "40"))
    ends(raw)
    serves(server)


def leave_and_talk(server):
    """behind its own DISCONNECT a client has nothing to say"""
    raw = joined(server)
    send(raw, ["1", '2["message","late"]'])
    ends(raw)
    serves(server)


def leave_in_mid_event(server):
    """10,000 clients leave in the middle of a binary event: the memory is back"""
    part = frame(TEXT, "452-" + '["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
    data = handshake(ENGINE + "websocket") + frame(TEXT, "40") + part + frame(BINARY, b"\0" + b"x" * 2000)

    def leave(count):
        for i in range(count):
            with server.raw() as raw:
                raw.send(data)
                raw.until(b'40{"sid":"')
                if i % 2:
                    raw.reset()

    leave(200)
    serves(server)
    descriptors = server.fds()
    memory = server.memory()
    leave(10000 if memory and not server.tls else 500)
    wait_until(lambda: server.fds() <= descriptors)
    serves(server)
    if memory:
        assert memory.growth() < 512 << 10, memory.growth()


def digits_are_cheap(server):
    """a megabyte of digits costs no more than its own size again"""
    memory = server.memory()
    for text in ("42" + "9" * 900000 + "[]", "45" + "1" * 900000 + "-[]", "43" + "1" * 900000 + "[]"):
        raw = joined(server)
        raw.send_some(frame(TEXT, text))
        ends(raw)
    serves(server)
    if memory:
        assert memory.peak() < 3 << 20, memory.peak()


def hidden_session_ids(server):
    """the id of a socket is never that of its session"""
    for _ in range(50):
        raw, opened, _ = engine_websocket(server)
        raw.send(frame(TEXT, "40"))
        own = json.loads(receive(raw)[2:])["sid"]
        assert own != opened["sid"]
        assert re.fullmatch(r"[\w-]{20}", own), own
        raw.close()


SURVIVED = [
    names_without_handlers, names_are_not_cut, deep_but_allowed, many_keys, numbers_pass,
    unknown_namespaces, foreign_acknowledgements, large_ids, hidden_session_ids,
]
ENDED = [before_connect, engine_packets, joining_twice, leave_and_talk, digits_are_cheap,
         leave_in_mid_event]


def run(tap, mode, server):
    for name, messages in FATAL:
        tap.case(f"{mode}: {name}", fatal, server, name, messages)
    for case in SURVIVED + ENDED:
        tap.case(f"{mode}: {case.__doc__.splitlines()[0].rstrip('.')}", case, server)
    tap.case(f"{mode}: the server has survived", serves, server)


def main():
    tap = Tap()
    deep = [row for row in FATAL if "deep" in row[0] or "open brackets" in row[0]]
    with Server(PROGRAM, "--profile", "wire") as server:
        run(tap, "plain", server)
    with Server(PROGRAM, "--profile", "wire", "--deflate") as server:
        run(tap, "deflate", server)
    with Server(PROGRAM, "--profile", "wire", tls=Certificate()) as server:
        run(tap, "tls", server)
    # Inherited by what is started from here on.
    resource.setrlimit(resource.RLIMIT_STACK, (256 << 10, 256 << 10))
    with Server(PROGRAM, "--profile", "wire") as server:
        for name, messages in deep:
            tap.case(f"stack of 256 KiB: {name}", fatal, server, name, messages)
        tap.case("stack of 256 KiB: what is allowed", deep_but_allowed, server)
    tap.finish()


main()
