"""Cases of RFC 6455 for an endpoint in either role that echoes messages. The groups are numbered as
in the Autobahn suite, which everybody who knows WebSocket knows; the cases are our own.

1 framing, 2 pings and pongs, 3 reserved bits, 4 opcodes, 5 fragmentation, 6 UTF-8, 7 closing,
9 limits, 10 fragments of a given size. (8 and 11 are empty there as well.)
"""

import codecs
import struct

from wire import BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT

KINDS = ((TEXT, "text"), (BINARY, "binary"))


class Case:
    def __init__(self, number, text, run, only=(), needs=None):
        self.number = number
        self.text = text
        self.run = run  # is given the endpoint
        self.only = frozenset(only)  # server, client; plain, events
        self.needs = needs  # bytes of the largest message

    def fits(self, endpoint_kind, dialect):
        return ((not self.only & {"server", "client"} or endpoint_kind in self.only)
                and (not self.only & {"plain", "events"} or dialect.name in self.only)
                and (self.needs is None or self.needs <= dialect.limit))


class Group:
    """Cases with numbers that count up: `<group>.<section>.<n>`."""

    def __init__(self, cases, group):
        self.cases = cases
        self.group = group
        self.section = 0
        self.count = 0

    def next(self):
        self.section += 1
        self.count = 0

    def add(self, text, run, *only, needs=None):
        self.count += 1
        number = f"{self.group}.{self.section}.{self.count}"
        self.cases.append(Case(number, text, run, only, needs))


def opened(run, *arguments):
    """A case that begins behind the handshake."""
    def case(endpoint):
        peer = endpoint.open()
        run(peer, *arguments)
    return case


# ---- 1: framing ----------------------------------------------------------------------------------


def echo_of_size(peer, kind, size):
    peer.echo(kind, peer.sized(kind, size))
    peer.bye()


def echo_in_chops(peer, kind, size, chop):
    before, last, messages = peer.lead(kind, peer.sized(kind, size))
    peer.chops(before + peer.frame(kind, last), chop)
    peer.echoed(messages)
    peer.bye()


def framing(cases):
    group = Group(cases, 1)
    for kind, name in KINDS:
        group.next()
        for size in (0, 125, 126, 127, 128, 65535, 65536):
            only = ("plain",) if size == 0 else ()
            group.add(f"{name} of {size} bytes", opened(echo_of_size, kind, size), *only)
        group.add(f"{name} of 65536 bytes in chops of 997",
                  opened(echo_in_chops, kind, 65536, 997))
        group.add(f"{name} of 300 bytes, octet by octet", opened(echo_in_chops, kind, 300, 1))
    group.next()
    for form, size in ((16, 0), (16, 125), (64, 0), (64, 125), (64, 126), (64, 65535)):
        def longer(peer, form=form, size=size):
            peer.fails(peer.header(FIN | BINARY, size, form) + bytes(size))
        group.add(f"{size} bytes in {form} bits, not the shortest form: 1002", opened(longer))
    group.next()

    def wrong_mask(peer):
        key = None if peer.key else b"\1\2\3\4"
        peer.key, kept = key, peer.key
        data = peer.frame(BINARY, b"wrong")
        peer.key = kept
        peer.fails(data)

    group.add("a frame that should be masked and is not, or the other way round: 1002",
              opened(wrong_mask))

    def wrong_mask_early(peer):
        peer.fails(bytes([FIN | BINARY, 0 if peer.key else 128]))
    group.add("the same, found in the second octet of the frame", opened(wrong_mask_early))

    def zero_key(peer):
        peer.key = bytes(4)
        peer.echo(BINARY, b"as it is")
        peer.key = b"\xff" * 4
        peer.echo(BINARY, b"inverted")
        peer.bye()

    group.add("masks of all zeros and all ones", opened(zero_key), "server")


# ---- 2: pings and pongs --------------------------------------------------------------------------


def pings(cases):
    group = Group(cases, 2)
    group.next()
    for data in (b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125):
        def ping(peer, data=data):
            peer.send(peer.frame(PING, data))
            peer.ponged(data)
            peer.bye()
        group.add(f"ping of {len(data)} bytes: pong with the same", opened(ping))

        def octets(peer, data=data):
            peer.chops(peer.frame(PING, data), 1)
            peer.ponged(data)
            peer.bye()
        group.add(f"ping of {len(data)} bytes, octet by octet", opened(octets))

    def too_long(peer):
        peer.fails(peer.frame(PING, b"\xfe" * 126))
    group.add("ping of 126 bytes: 1002", opened(too_long))

    def too_long_head(peer):
        peer.fails(peer.header(FIN | PING, 126)[:2])
    group.add("ping of 126 bytes: 1002 from the first two octets", opened(too_long_head))
    group.next()
    for data in (b"", b"unsolicited"):
        def pong(peer, data=data):
            peer.send(peer.frame(PONG, data))
            peer.echo(BINARY, b"as if nothing was")
            peer.bye()
        group.add(f"pong of {len(data)} bytes that nobody asked for: ignored", opened(pong))

    def pong_and_ping(peer):
        peer.send(peer.frame(PONG, b"unsolicited") + peer.frame(PING, b"asked"))
        peer.ponged(b"asked")
        peer.bye()
    group.add("pong, then ping: only the ping is answered", opened(pong_and_ping))
    group.next()

    def ten(peer, chop):
        data = b"".join(peer.frame(PING, b"payload-%d" % i) for i in range(10))
        peer.chops(data, chop)
        for i in range(10):
            peer.ponged(b"payload-%d" % i)
        peer.bye()
    group.add("ten pings at once: all answered, in order", opened(ten, 1000))
    group.add("ten pings, octet by octet: all answered, in order", opened(ten, 1))
    group.next()

    def behind_a_lot(peer):
        data = peer.sized(TEXT, 900000)
        messages = peer.say(TEXT, data)
        peer.send(b"".join(peer.frame(PING, b"%d" % i) for i in range(3)))
        got, pongs = [], []
        while len(got) < len(messages) or b"2" not in pongs:
            first, data = peer.read()
            if first == FIN | PONG:
                pongs.append(data)
            else:
                got.append((first & 15, peer.deflate.unpack(data) if first & RSV1 else data))
        peer.dialect.check(messages, got)
        assert pongs == sorted(pongs), pongs
        peer.bye()
    group.add("three pings behind a long echo: at least the latest is answered",
              opened(behind_a_lot))


# ---- 3, 4: reserved bits and opcodes -------------------------------------------------------------


def reserved(cases):
    group = Group(cases, 3)
    for opcode, name, data in ((TEXT, "text", b"Hello"), (BINARY, "binary", b"\xfe\xff"),
                               (PING, "ping", b"x"), (PONG, "pong", b""),
                               (CLOSE, "close", b"\x03\xe8"), (CONTINUATION, "fragment", b"x")):
        group.next()
        for rsv in range(1, 8):
            def bits(peer, opcode=opcode, data=data, rsv=rsv):
                if opcode == CONTINUATION:
                    peer.send(peer.frame(BINARY, b"x", fin=False))
                elif rsv == 4 and opcode in (TEXT, BINARY) and peer.deflate:
                    opcode |= 0x20  # RSV1 alone has a meaning then
                peer.fails(peer.frame(opcode, data, rsv=rsv << 4))
            group.add(f"{name} with RSV {rsv}: 1002", opened(bits))

        def after_echo(peer, opcode=opcode, data=data):
            messages = peer.dialect.wrap(TEXT, b"before")
            frames = b"".join(peer.frame(*message) for message in messages)
            peer.send(frames + peer.frame(opcode or BINARY, data, rsv=0x20))
            peer.echoed(messages)
            peer.closed(1002)
        group.add(f"text, then {name} with RSV 2 in one segment: the echo, then 1002",
                  opened(after_echo))

        def first_octet(peer, opcode=opcode):
            peer.fails(bytes([FIN | 0x10 | (opcode or BINARY)]))
        group.add(f"{name} with RSV 1: 1002 from the first octet", opened(first_octet))


def opcodes(cases):
    group = Group(cases, 4)
    for values in (range(3, 8), range(11, 16)):
        group.next()
        for opcode in values:
            for data in (b"", b"Hello, world!"):
                def unknown(peer, opcode=opcode, data=data):
                    peer.fails(peer.frame(opcode, data))
                group.add(f"opcode {opcode} with {len(data)} bytes: 1002", opened(unknown))

            def after_echo(peer, opcode=opcode):
                messages = peer.dialect.wrap(TEXT, b"before")
                frames = b"".join(peer.frame(*message) for message in messages)
                peer.chops(frames + peer.frame(opcode), 1)
                peer.echoed(messages)
                peer.closed(1002)
            group.add(f"text, then opcode {opcode}, octet by octet: the echo, then 1002",
                      opened(after_echo))

            def inside(peer, opcode=opcode):
                peer.send(peer.frame(BINARY, b"x", fin=False))
                peer.fails(peer.frame(opcode))
            group.add(f"opcode {opcode} inside a message: 1002", opened(inside))


# ---- 5: fragmentation ----------------------------------------------------------------------------


def parts_of(data, count):
    size = -(-len(data) // count)
    return [data[at : at + size] for at in range(0, len(data), size)]


def with_pings(peer, kind, count, chop, between):
    """`count` fragments with control frames between them, each answered before the next comes."""
    before, last, messages = peer.lead(kind, b"fragmented" * 4)
    peer.send(before)
    pieces = parts_of(last, count)
    for i, piece in enumerate(pieces):
        final = i == len(pieces) - 1
        peer.chops(peer.frame(kind if i == 0 else CONTINUATION, piece, fin=final), chop)
        if between and not final:
            peer.chops(peer.frame(PING, b"ping %d" % i), chop)
            peer.ponged(b"ping %d" % i)
    peer.echoed(messages)
    peer.bye()


def fragmentation(cases):
    group = Group(cases, 5)
    group.next()
    for opcode, name in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
        def broken(peer, opcode=opcode):
            peer.fails(peer.frame(opcode, b"\x03\xe8"[:2], fin=False)
                       + peer.frame(CONTINUATION, b"x"))
        group.add(f"{name} in two fragments: 1002", opened(broken))

        def first(peer, opcode=opcode):
            peer.fails(bytes([opcode]))
        group.add(f"{name} without FIN: 1002 from the first octet", opened(first))
    for kind, name in KINDS:
        group.next()
        for count in (2, 3, 5, 40):
            for chop in (10000, 1):
                how = "octet by octet" if chop == 1 else "a segment each"
                group.add(f"{name} in {count} fragments, {how}",
                          opened(with_pings, kind, count, chop, False))
                group.add(f"{name} in {count} fragments with pings between, {how}: "
                          "pongs at once, then the echo",
                          opened(with_pings, kind, count, chop, True))

        def at_once(peer, kind=kind):
            before, last, messages = peer.lead(kind, b"one segment for all")
            pieces = parts_of(last, 5)
            data = b"".join(
                peer.frame(kind if i == 0 else CONTINUATION, piece, fin=i == len(pieces) - 1)
                + (peer.frame(PING, b"%d" % i) if i < len(pieces) - 1 else b"")
                for i, piece in enumerate(pieces))
            peer.send(before + data)
            for i in range(len(pieces) - 1):
                peer.ponged(b"%d" % i)
            peer.echoed(messages)
            peer.bye()
        group.add(f"{name} in fragments with pings between, one segment", opened(at_once))

        def empty_ones(peer, kind=kind):
            before, last, messages = peer.lead(kind, b"between empty ones")
            peer.send(before + peer.frame(kind, b"", fin=False) + peer.frame(0, b"", fin=False)
                      + peer.frame(0, last, fin=False) + peer.frame(0, b"", fin=False)
                      + peer.frame(0, b""))
            peer.echoed(messages)
            peer.bye()
        group.add(f"{name} with empty fragments before and behind", opened(empty_ones))
    group.next()

    def all_empty(peer):
        peer.send(peer.frame(TEXT, b"", fin=False) + peer.frame(0, b"", fin=False)
                  + peer.frame(0, b""))
        peer.echoed([(TEXT, b"")])
        peer.bye()
    group.add("three empty fragments: an empty message", opened(all_empty), "plain")
    group.next()
    for fin in (True, False):
        for chop in (1000, 1):
            def nothing(peer, fin=fin, chop=chop):
                messages = peer.dialect.wrap(TEXT, b"whole")
                data = peer.frame(CONTINUATION, b"of nothing", fin=fin)
                frames = b"".join(peer.frame(*message) for message in messages)
                if chop == 1:
                    peer.fails(data[:1])
                    return
                peer.send(data + frames)
                peer.closed(1002)
            how = "1002 from the first octet" if chop == 1 else "1002, the text behind is ignored"
            group.add(f"continuation of nothing, FIN {int(fin)}: {how}", opened(nothing))

    def after_message(peer):
        messages = peer.dialect.wrap(TEXT, b"over")
        frames = b"".join(peer.frame(*message) for message in messages)
        peer.send(frames + peer.frame(CONTINUATION, b"more"))
        peer.echoed(messages)
        peer.closed(1002)
    group.add("continuation of a complete message: the echo, then 1002", opened(after_message))

    def after_fragments(peer):
        before, last, messages = peer.lead(TEXT, b"over")
        peer.send(before + peer.fragments(TEXT, last, 5) + peer.frame(CONTINUATION, b"", fin=False))
        peer.echoed(messages)
        peer.closed(1002)
    group.add("continuation of a complete fragmented message: the echo, then 1002",
              opened(after_fragments))
    group.next()
    for kind, name in KINDS:
        for fin in (True, False):
            def inside(peer, kind=kind, fin=fin):
                peer.send(peer.frame(TEXT, b"not yet ", fin=False))
                peer.fails(peer.frame(kind, b"over", fin=fin))
            group.add(f"{name} with FIN {int(fin)} inside a message: 1002", opened(inside))

    def close_inside(peer):
        peer.send(peer.frame(TEXT, b"cut ", fin=False))
        peer.bye()
    group.add("close inside a message: answered, the message is dropped", opened(close_inside))


# ---- 6: UTF-8 ------------------------------------------------------------------------------------


def utf8(*codes):
    return b"".join(chr(code).encode("utf-8", "surrogatepass") for code in codes)


def long_form(code, size):
    """A code point in so many octets, allowed or not."""
    lead = {2: 0xC0, 3: 0xE0, 4: 0xF0, 5: 0xF8, 6: 0xFC}[size]
    tail = [0x80 | code >> 6 * i & 0x3F for i in range(size - 1)]
    return bytes([lead | code >> 6 * (size - 1), *reversed(tail)])


GREEK = "κόσμε".encode()
NONCHARACTERS = [plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)]

VALID = [
    ("nothing special", "Hello-µ@ßöäüàá-UTF-8!!".encode()),
    ("Greek", GREEK),
    ("the control characters", bytes(range(0x20))),
    ("the smallest of each length", utf8(0, 0x80, 0x800, 0x10000)),
    ("the largest of each length", utf8(0x7F, 0x7FF, 0xFFFD, 0x10FFFF)),
    ("beside the surrogates", utf8(0xD7FF, 0xE000)),
    ("the replacement character", utf8(0xFFFD)),
    ("a byte order mark", utf8(0xFEFF, 0x41)),
    ("a combining sequence", utf8(0x65, 0x301, 0x1F468, 0x200D, 0x1F4BB)),
] + [(f"the noncharacter U+{code:04X}", utf8(code)) for code in NONCHARACTERS] + [
    ("the noncharacters U+FDD0 to U+FDEF", utf8(*range(0xFDD0, 0xFDF0))),
]

INVALID = [
    ("above U+10FFFF", b"\xf4\x90\x80\x80"),
    ("Greek, then above U+10FFFF", GREEK + b"\xf4\x90\x80\x80edited"),
    ("the first of 5 octets", long_form(0x200000, 5)),
    ("the first of 6 octets", long_form(0x4000000, 6)),
    ("the last of 4 octets", b"\xf7\xbf\xbf\xbf"),
    ("the last of 5 octets", long_form(0x3FFFFFF, 5)),
    ("the last of 6 octets", long_form(0x7FFFFFFF, 6)),
] + [(f"{count} continuation octets alone", (b"\x80\xbf" * 4)[:count]) for count in range(1, 8)] + [
    ("the last continuation octet alone", b"\xbf"),
    ("all 64 continuation octets", bytes(range(0x80, 0xC0))),
    ("starts of 2 alone", b"".join(b"%c " % c for c in range(0xC0, 0xE0))),
    ("starts of 3 alone", b"".join(b"%c " % c for c in range(0xE0, 0xF0))),
    ("starts of 4 alone", b"".join(b"%c " % c for c in range(0xF0, 0xF8))),
    ("starts of 5 alone", b"".join(b"%c " % c for c in range(0xF8, 0xFC))),
    ("starts of 6 alone", b"\xfc \xfd "),
    ("2 octets cut, then text", b"\xdfx"),
    ("3 octets cut, then text", b"\xef\xbfx"),
    ("4 octets cut, then text", b"\xf0\x9f\x92x"),
    ("3 octets cut at the end", b"\xe2\x82"),
    ("2 octets cut at the end", b"\xdf"),
    ("4 octets cut after 1 at the end", b"\xf0"),
    ("4 octets cut after 2 at the end", b"\xf0\x9f"),
    ("4 octets cut after 3 at the end", b"\xf0\x9f\x92"),
    ("Greek cut at the end", GREEK[:-1]),
    ("several cut ones in a row", b"\xe2\x82\xf0\x9f\x92\xdf"),
    ("FE", b"\xfe"),
    ("FF", b"\xff"),
    ("FE FE FF FF", b"\xfe\xfe\xff\xff"),
    ("text, then FF", b"Hello \xff"),
] + [(f"/ in {size} octets", long_form(0x2F, size)) for size in range(2, 7)] + [
    (f"the largest that is too small for {size} octets", long_form(largest, size))
    for size, largest in ((2, 0x7F), (3, 0x7FF), (4, 0xFFFF), (5, 0x1FFFFF), (6, 0x3FFFFFF))
] + [(f"NUL in {size} octets", long_form(0, size)) for size in range(2, 7)] + [
    (f"the surrogate U+{code:04X}", utf8(code))
    for code in (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
] + [(f"the pair U+{high:04X} U+{low:04X}", utf8(high, low))
     for high in (0xD800, 0xDB7F, 0xDB80, 0xDBFF) for low in (0xDC00, 0xDFFF)] + [
    ("Greek, a surrogate, text", GREEK + utf8(0xD800) + b"edited"),
]


def first_bad(data):
    """How many octets it takes to be sure that this is no UTF-8; None while it could go on."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for at in range(len(data)):
        try:
            decoder.decode(data[at : at + 1])
        except UnicodeDecodeError:
            return at + 1
    return None


def bad_text(peer, data):
    """(the message with `data` in it, how many octets of it say that it is bad or None)"""
    _, last, _ = peer.lead(TEXT, b"@")
    last = last.replace(b"@", data) if last != b"@" else data
    return last, first_bad(last)


def valid_text(peer, data):
    peer.echo(TEXT, data)
    before, last, messages = peer.lead(TEXT, data)
    for at in range(1, len(last)):
        if len(last) < 80 or at % 7 == 0:
            peer.send(peer.frame(TEXT, last[:at], fin=False) + peer.frame(0, last[at:]))
            peer.echoed(messages)
    peer.send(peer.fragments(TEXT, last, 1))
    peer.echoed(messages)
    peer.chops(peer.frame(TEXT, last), 1)
    peer.echoed(messages)
    peer.bye()


def invalid_whole(peer, data):
    last, _ = bad_text(peer, data)
    peer.fails(peer.frame(TEXT, last), 1007)


def invalid_fragments(peer, data):
    """One octet a fragment, no further than it takes."""
    last, bad = bad_text(peer, data)
    known = last[:bad] if bad else last
    frames = [peer.frame(0 if at else TEXT, last[at : at + 1], fin=False)
              for at in range(len(known))]
    if bad is None:
        frames.append(peer.frame(0))
    peer.fails(b"".join(frames), 1007)


def invalid_chops(peer, data):
    """A frame of 60000 octets that ends with the first bad one: each in a segment of its own."""
    last, bad = bad_text(peer, data)
    size = 60000 if bad else len(last)
    peer.send(peer.header(FIN | TEXT, size))
    peer.chops(peer.payload(last[:bad] if bad else last), 1)
    peer.closed(1007)


def text(cases):
    group = Group(cases, 6)
    group.next()
    for name, data in VALID:
        group.add(f"{name}: echoed whole, cut in two anywhere, octet by octet",
                  opened(valid_text, data))
    for how, run in (("whole", invalid_whole),
                     ("octet-wise fragments: 1007 at the first bad octet", invalid_fragments),
                     ("octet-wise in a frame: 1007 at the first bad octet", invalid_chops)):
        group.next()
        for name, data in INVALID:
            group.add(f"{name}, {how}", opened(run, data))
    group.next()

    def late(peer, behind):
        """The bad octets come in the last fragment, behind valid ones and a ping."""
        last, _ = bad_text(peer, GREEK)
        peer.send(peer.frame(TEXT, last[:-2], fin=False) + peer.frame(PING, b"valid so far"))
        peer.ponged(b"valid so far")
        peer.fails(behind(peer), 1007)
    group.add("valid fragment, then a bad one: 1007 before its message is complete",
              opened(late, lambda peer: peer.frame(0, b"\xf4\x90\x80\x80", fin=False)))
    group.add("valid fragment, then the bad octets of an unfinished frame: 1007",
              opened(late, lambda peer: peer.header(0, 5000) + peer.payload(b"ab\xf4\x90")))
    group.add("valid fragment, then a frame that ends inside a character: 1007",
              opened(late, lambda peer: peer.frame(0, b"\xf4\x8f\xbf")))

    def binary(peer):
        peer.echo(BINARY, b"\xf4\x90\x80\x80\xff\xfe\xc0\x80\xed\xa0\x80")
        peer.bye()
    group.add("binary may hold anything", opened(binary))

    def split_by_pings(peer):
        before, last, messages = peer.lead(TEXT, utf8(0x1F600) * 3)
        peer.send(before)
        for at in range(len(last)):
            final = at == len(last) - 1
            peer.send(peer.frame(0 if at else TEXT, last[at : at + 1], fin=final))
            if not final:
                peer.send(peer.frame(PING, b"\xff"))
                peer.ponged(b"\xff")
        peer.echoed(messages)
        peer.bye()
    group.add("characters cut by fragments and pings that hold no UTF-8", opened(split_by_pings))


# ---- 7: closing ----------------------------------------------------------------------------------

CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000,
         4999]
NO_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


def closing(cases):
    group = Group(cases, 7)
    group.next()

    def after_echo(peer):
        peer.echo(TEXT, b"Hello World!")
        peer.bye()
    group.add("a message, then close", opened(after_echo))

    def twice(peer):
        peer.send(peer.frame(CLOSE, b"\x03\xe8") * 2)
        peer.closed(1000)
    group.add("close twice: one answer, then silence", opened(twice))
    for what, build in (
        ("ping", lambda peer: peer.frame(PING, b"too late")),
        ("text", lambda peer: peer.frame(TEXT, b"too late")),
        ("fragment", lambda peer: peer.frame(0, b"too late")),
        ("broken frame", lambda peer: b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("256 KiB of text", lambda peer: peer.frame(TEXT, b"x" * 262144)),
    ):
        def behind(peer, build=build):
            peer.raw.send_some(peer.frame(CLOSE, b"\x03\xe8") + build(peer))
            peer.closed(1000)
        group.add(f"close, then {what} in the same segment: no answer but the close",
                  opened(behind))

        def later(peer, build=build):
            peer.send(peer.frame(CLOSE, b"\x03\xe8"))
            first, data = peer.read()
            assert (first, data) == (FIN | CLOSE, b"\x03\xe8"), (first, data)
            peer.raw.send_some(build(peer))
            peer.gone()
        group.add(f"{what} behind the answered close: silence", opened(later))

    def message_cut(peer):
        peer.send(peer.frame(TEXT, b"frag", fin=False) + peer.frame(CLOSE, b"\x03\xe8")
                  + peer.frame(0, b"ment"))
        peer.closed(1000)
    group.add("fragment, close, fragment: only the close is answered", opened(message_cut))

    def behind_data(peer):
        data = peer.sized(TEXT, 262144)
        messages = peer.say(TEXT, data)
        peer.send(peer.frame(CLOSE, b"\x03\xe8") + peer.frame(PING, b"late"))
        peer.echoed(messages)
        peer.closed(1000)
    group.add("256 KiB of text, close, ping: the whole echo, then the close", opened(behind_data))
    group.next()

    def empty(peer):
        peer.send(peer.frame(CLOSE))
        peer.closed(None)
    group.add("close without a code: answered without one", opened(empty))

    def one(peer):
        peer.fails(peer.frame(CLOSE, b"\x03"))
    group.add("close of 1 byte: 1002", opened(one))
    for reason in (b"", b"Hello World!", b"*" * 123, GREEK):
        group.add(f"close 1000 with a reason of {len(reason)} bytes",
                  opened(lambda peer, reason=reason: peer.bye(1000, reason)))

    def octets(peer):
        peer.chops(peer.frame(CLOSE, b"\x03\xe8" + GREEK), 1)
        peer.closed(1000)
    group.add("close with a reason, octet by octet", opened(octets))

    def long_reason(peer):
        peer.fails(peer.frame(CLOSE, b"\x03\xe8" + b"*" * 124))
    group.add("close with a reason of 124 bytes: 1002", opened(long_reason))
    for name, data in INVALID[:10] + INVALID[-5:]:
        def bad_reason(peer, data=data):
            peer.fails(peer.frame(CLOSE, b"\x03\xe8" + data), 1007)
        group.add(f"close whose reason is no UTF-8 ({name}): 1007", opened(bad_reason))
    group.next()
    for code in CODES:
        group.add(f"close {code}: answered with the same",
                  opened(lambda peer, code=code: peer.bye(code)))
    group.next()
    for code in NO_CODES:
        for reason in (b"", b"reason"):
            def invalid(peer, code=code, reason=reason):
                peer.fails(peer.frame(CLOSE, struct.pack(">H", code) + reason))
            group.add(f"close {code} with {len(reason)} bytes of reason: 1002", opened(invalid))


# ---- 9: limits -----------------------------------------------------------------------------------

KIB, MIB = 1 << 10, 1 << 20


def echo_in_fragments(peer, kind, size, fragment):
    before, last, messages = peer.lead(kind, peer.sized(kind, size))
    peer.send(before + peer.fragments(kind, last, fragment))
    peer.echoed(messages)
    peer.bye()


def echo_many(peer, kind, size, count):
    for _ in range(count):
        peer.echo(kind, peer.sized(kind, size))
    peer.bye()


def limits(cases):
    group = Group(cases, 9)
    for kind, name in KINDS:
        group.next()
        for size in (64 * KIB, 256 * KIB, 1000000, MIB, 4 * MIB, 8 * MIB, 16 * MIB):
            group.add(f"{name} of {size} bytes", opened(echo_of_size, kind, size), needs=size)
    for kind, name in KINDS:
        group.next()
        for size in (4 * MIB, 900000):
            for fragment in (64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB):
                if fragment <= size:
                    group.add(f"{name} of {size} bytes in fragments of {fragment}",
                              opened(echo_in_fragments, kind, size, fragment), needs=size)
    for kind, name in KINDS:
        group.next()
        for size in (MIB, 900000):
            for chop in (64, 128, 256, 512, KIB, 2 * KIB):
                group.add(f"{name} of {size} bytes in chops of {chop}",
                          opened(echo_in_chops, kind, size, chop), needs=size)
    for kind, name in KINDS:
        group.next()
        for size in (0, 16, 64, 256, KIB, 4 * KIB):
            only = ("plain",) if size == 0 else ()
            group.add(f"1000 echoes of {name} of {size} bytes",
                      opened(echo_many, kind, size, 1000), *only)
    group.next()

    def whole_limit(endpoint):
        peer = endpoint.open()
        peer.echo(BINARY, bytes(peer.dialect.limit))
        peer.bye()
    group.add("binary of exactly the limit: echoed", whole_limit)

    def head_over(peer, first, form=None, length=None):
        peer.fails(peer.header(first, length or peer.dialect.limit + 1, form), 1009)
    group.add("binary of the limit and 1, from the header alone: 1009",
              opened(head_over, FIN | BINARY))
    group.add("text of the limit and 1, from the header alone: 1009",
              opened(head_over, FIN | TEXT))
    group.add("fragment of the limit and 1, from the header alone: 1009",
              opened(head_over, BINARY))
    for length in (2**31, 2**32 - 1, 2**32 + 5, 2**62, 2**63 - 1):
        for first, name in ((FIN | BINARY, "frame"), (TEXT, "fragment")):
            group.add(f"a {name} of {length:#x} bytes claimed: 1009",
                      opened(head_over, first, 64, length))
    for length in (2**63, 2**63 + 5, 2**64 - 1):
        for first in (FIN | BINARY, TEXT, FIN | PING):
            def sign(peer, first=first, length=length):
                peer.fails(peer.header(first, length, 64))
            group.add(f"a length of {length:#x} with first octet {first:#x}: 1002", opened(sign))

    def sign_octet(peer):
        peer.fails(peer.header(FIN | BINARY, 2**63, 64)[:3])
    group.add("the highest bit of a length set: 1002 at that octet", opened(sign_octet))
    group.next()

    def sum_over(peer, last):
        size = peer.dialect.limit // 10
        frames = [peer.frame(0 if i else BINARY, bytes(size), fin=False) for i in range(10)]
        peer.raw.send_some(b"".join(frames))
        peer.fails(last(peer, peer.dialect.limit - 10 * size + 1), 1009)
    group.add("fragments whose sum passes the limit by 1: 1009 from the last header",
              opened(sum_over, lambda peer, size: peer.header(FIN, size)))
    group.add("fragments whose sum wraps to 4: 1009 from the last header",
              opened(sum_over, lambda peer, size: peer.header(FIN, 2**63 - 1, 64)))

    def sum_wrapped(peer):
        peer.send(peer.frame(BINARY, b"12345", fin=False))
        peer.fails(peer.header(FIN, 2**64 - 1, 64))
    group.add("5 bytes, then a fragment of 2^64-1: 1002", opened(sum_wrapped))


# ---- 9, what it costs ----------------------------------------------------------------------------


def costs(limit, run, **how):
    """A case that is run twice, the first time for what is allocated once. `run` gets the peer and
    a function that holds what the server's memory has grown to since the handshake against
    `limit`."""
    def case(endpoint):
        for measured in (False, True):
            peer = endpoint.open(raw=endpoint.raw(**how))
            memory = endpoint.server.memory() if measured else None

            def check(memory=memory):
                assert memory is None or memory.growth() < limit, f"{memory.growth()} of {limit}"
                return memory
            run(peer, check)
    return case


def in_step(peer):
    """All that was sent before has been read."""
    peer.send(peer.frame(PING, b"in step"))
    peer.ponged(b"in step")


def single_octets(peer, check):
    size = 1000000 - peer.dialect.text_overhead
    before, last, messages = peer.lead(TEXT, b"*" * size)
    octets = {octet: peer.frame(CONTINUATION, bytes([octet]), fin=False) for octet in set(last)}
    peer.send(before + peer.frame(TEXT, last[:1], fin=False))
    peer.send(b"".join(octets[octet] for octet in last[1:-1]))
    in_step(peer)
    check()
    peer.send(peer.frame(CONTINUATION, last[-1:]))
    peer.echoed(messages)
    peer.bye()


def empty_fragments(peer, check):
    before, last, messages = peer.lead(TEXT, b"between nothing")
    empty = peer.frame(CONTINUATION, b"", fin=False)
    peer.send(before + peer.frame(TEXT, last, fin=False) + empty * 30000)
    in_step(peer)
    check()
    peer.send(peer.frame(CONTINUATION))
    peer.echoed(messages)
    peer.bye()


def unread_pings(peer, check, other, count):
    data = b"".join(peer.frame(PING, b"%0125d" % i) for i in range(count))
    peer.send(data)
    # Each turn of the server's loop that echoes takes another piece of the pings.
    for _ in range(2 * len(data) // 16384):
        other.echo(TEXT, b"meanwhile")
    check()
    last = -1
    while last < count - 1:
        first, data = peer.read()
        assert first == FIN | PONG and int(data) > last, (first, data)
        last = int(data)
    peer.bye()
    other.bye()


def memory(cases):
    group = Group(cases, 9)
    group.section = 10
    group.next()
    group.add("1 MB of text, each octet a fragment: less than 3 MB", costs(3 << 20, single_octets),
              "server")
    group.add("30000 empty continuations: less than 64 KiB", costs(64 * KIB, empty_fragments),
              "server")
    group.add("20000 pings whose pongs are not read: less than 256 KiB, the last is answered",
              lambda endpoint: costs(
                  256 * KIB,
                  lambda peer, check: unread_pings(peer, check, endpoint.open(), 20000),
                  receive_buffer=4096)(endpoint), "server")


# ---- 10: fragments of a given size ---------------------------------------------------------------


def given_size(cases):
    group = Group(cases, 10)
    group.next()
    for kind, name in KINDS:
        for fragment in (1300, 1, 65535):
            group.add(f"{name} of 65536 bytes in fragments of {fragment}",
                      opened(echo_in_fragments, kind, 65536, fragment))


def all_cases():
    cases = []
    for make in (framing, pings, reserved, opcodes, fragmentation, text, closing, limits,
                 memory, given_size):
        make(cases)
    return cases
