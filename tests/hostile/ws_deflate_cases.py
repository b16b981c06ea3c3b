"""Cases of permessage-deflate (RFC 7692): 12 messages of several kinds and sizes, 13 offers and
answers, 14 hostile compressed data. 12 and 13 as in the Autobahn suite, 14 is our own.
"""

import json
import random
import zlib

from wire import BINARY, CONTINUATION, FIN, PING, RSV1, TEXT
from ws_cases import GREEK, INVALID, Group, costs, opened
from ws_handshake_cases import accepted, client_refuses
from ws_peer import TAIL, Deflate, Peer, pack

KIB = 1 << 10
# (bytes of a message, bytes of a fragment or 0)
SIZES = [(16, 0), (64, 0), (256, 0), (KIB, 0), (4 * KIB, 0), (8 * KIB, 0), (16 * KIB, 0),
         (32 * KIB, 0), (64 * KIB, 0), (128 * KIB, 0), (8 * KIB, 256), (16 * KIB, 256),
         (32 * KIB, 256), (64 * KIB, 256), (128 * KIB, 256), (128 * KIB, KIB),
         (128 * KIB, 4 * KIB), (128 * KIB, 32 * KIB)]
MESSAGES = 1000  # of each case
USUALLY = 250
BUDGET = 64 * KIB  # bytes of a case unless everything is asked for; at least two messages


# ---- corpora: 256 KiB each, the same in each run -------------------------------------------------


def grown(make):
    chance = random.Random(7692)
    text = ""
    while len(text) < 256 * KIB:
        text += make(chance)
    return text


def json_text():
    return grown(lambda chance: json.dumps({
        "id": chance.randrange(10**9), "name": chance.choice(["ada", "grace", "edsger", "tony"]),
        "at": [round(chance.uniform(-180, 180), 6) for _ in range(3)], "ok": chance.random() < 0.5,
    })).encode()


def prose():
    words = "the of a sea wind and night ship she was over ärger große señor naïve λόγος".split()
    return grown(lambda chance: " ".join(chance.choices(words, k=9)).capitalize() + ".\n").encode()


def markup():
    return grown(lambda chance: f'<li class="c{chance.randrange(9)}"><a href="/p/'
                 f'{chance.randrange(10**6)}">{chance.random()}</a></li>\n').encode()


def picture():
    """Rows that are much like the one before, with noise."""
    chance = random.Random(6455)
    row = chance.randbytes(512)
    data = bytearray()
    while len(data) < 256 * KIB:
        data += row
        row = bytes((value + chance.choice((0, 0, 0, 1, 255))) & 255 for value in row)
    return bytes(data)


def noise():
    return random.Random(1951).randbytes(256 * KIB)


def slice_of(kind, corpus, at, size):
    """`size` bytes from somewhere; text is not cut inside a character."""
    start = at * 7919 % (len(corpus) - size + 1)
    data = corpus[start : start + size]
    if kind == TEXT:
        data = data.decode("utf-8", "ignore").encode()
        data += b"." * (size - len(data))
    return data


# ---- 12: messages --------------------------------------------------------------------------------


def packed_frames(peer, kind, data, fragment=0):
    """The frames of one compressed message (RFC 7692 §6.1, §7.2.1)."""
    packed = peer.deflate.pack(data)
    size = fragment or max(len(packed), 1)
    starts = range(0, len(packed), size)
    return b"".join(
        peer.frame(kind if at == 0 else CONTINUATION, packed[at : at + size],
                   fin=at + size >= len(packed), rsv=RSV1 if at == 0 else 0)
        for at in starts)


def say_packed(peer, kind, data, fragment=0):
    messages = peer.dialect.wrap(kind, data)
    before = b"".join(peer.frame(*message) for message in messages[:-1])
    peer.send(before + packed_frames(peer, *messages[-1], fragment))
    return messages


def flow(peer, kind, corpus, size, fragment, count):
    for at in range(count):
        peer.echoed(say_packed(peer, kind, slice_of(kind, corpus, at, size), fragment))
    peer.bye()


def count_of(size, full):
    return MESSAGES if full else max(2, min(USUALLY, BUDGET // size))


def messages(cases, full):
    group = Group(cases, 12)
    for kind, name, corpus in ((TEXT, "JSON", json_text()), (TEXT, "prose", prose()),
                               (TEXT, "markup", markup()), (BINARY, "picture", picture()),
                               (BINARY, "noise", noise())):
        group.next()
        for size, fragment in SIZES:
            def run(endpoint, kind=kind, corpus=corpus, size=size, fragment=fragment):
                flow(endpoint.open(), kind, corpus, size, fragment, count_of(size, full))
            how = f", fragments of {fragment}" if fragment else ""
            group.add(f"{count_of(size, full)} messages of {name}, {size} bytes{how}", run)


# ---- 13: offers and answers ----------------------------------------------------------------------

TAKEOVER = ("server_no_context_takeover", "client_no_context_takeover")


def text_of(params):
    return "; ".join(["permessage-deflate", *params])


# As the suite has them: what is offered (to a server) or answered (to a client).
REQUESTS = [
    ("nothing special", ["client_max_window_bits"], []),
    ("no context kept", [*TAKEOVER, "client_max_window_bits"], [*TAKEOVER]),
    ("windows of 9 bits", ["server_max_window_bits=9", "client_max_window_bits=9"],
     ["client_max_window_bits=9", "server_max_window_bits=9"]),
    ("windows of 15 bits", ["server_max_window_bits=15", "client_max_window_bits=15"],
     ["client_max_window_bits=15", "server_max_window_bits=15"]),
    ("no context kept, 9 bits",
     [*TAKEOVER, "server_max_window_bits=9", "client_max_window_bits=9"],
     [*TAKEOVER, "client_max_window_bits=9"]),
    ("no context kept, 15 bits",
     [*TAKEOVER, "server_max_window_bits=15", "client_max_window_bits=15"],
     [*TAKEOVER, "client_max_window_bits=15"]),
    ("windows of 8 bits", ["server_max_window_bits=8", "client_max_window_bits=8"],
     ["client_max_window_bits=8", "server_max_window_bits=8"]),
]


def lawful_answer(offer, answer):
    """RFC 7692 §7.1, for the offer that was taken."""
    asked = Deflate(text_of(offer))
    got = Deflate(answer)
    if "server_no_context_takeover" in asked.params:
        assert "server_no_context_takeover" in got.params, answer
    if "server_max_window_bits" in asked.params:
        assert got.their_bits <= asked.their_bits, answer
    if "client_max_window_bits" not in asked.params:
        assert "client_max_window_bits" not in got.params, answer
    else:
        assert got.our_bits <= asked.our_bits, answer


def agreed_flows(cases, full):
    group = Group(cases, 13)
    corpus = json_text()
    for name, offer, answer in REQUESTS:
        group.next()
        for size, fragment in SIZES:
            def run(endpoint, offer=offer, answer=answer, size=size, fragment=fragment):
                peer = endpoint.open(offer=text_of(offer if endpoint.client else answer))
                assert peer.deflate, "it was declined"
                if endpoint.client:
                    lawful_answer(offer, peer.response.get("sec-websocket-extensions"))
                flow(peer, TEXT, corpus, size, fragment, count_of(size, full))
            how = f", fragments of {fragment}" if fragment else ""
            group.add(f"{name}: {count_of(size, full)} messages of {size} bytes{how}", run)


# Values that a parameter may not have (RFC 7692 §7.1.2.1: decimal, 8 to 15, no leading zero).
BAD_BITS = ("7", "16", "0", "-1", "010", "08", "+10", "1e1", "0x0a", "10.0", '"010"', '""', '" 9"',
            "9" * 100, "a", "\xb2")
BAD_OFFERS = (
    [f"permessage-deflate; server_max_window_bits={bits}" for bits in BAD_BITS]
    + [f"permessage-deflate; client_max_window_bits={bits}" for bits in BAD_BITS]
    + ["permessage-deflate; server_max_window_bits",
       "permessage-deflate; unknown", "permessage-deflate; unknown=1",
       "permessage-deflate; SERVER_MAX_WINDOW_BITS=10; client_max_window_bits=x",
       "permessage-deflate; client_max_window_bits; client_max_window_bits",
       "permessage-deflate; server_max_window_bits=9; server_max_window_bits=10",
       "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
       "permessage-deflate; server_no_context_takeover=1",
       "permessage-deflate; client_no_context_takeover=true",
       "permessage-deflat", "permessage-deflate2", "x-webkit-deflate-frame", "deflate-stream"])
LAWFUL = ([["client_max_window_bits"], [], ["server_max_window_bits=10"],
           ["server_max_window_bits=\"10\""], ["client_max_window_bits=\"10\""]]
          + [[f"server_max_window_bits={bits}"] for bits in range(8, 16)]
          + [[f"client_max_window_bits={bits}"] for bits in range(8, 16)]
          + [[name] for name in TAKEOVER] + [[*TAKEOVER], [*reversed(TAKEOVER)]])


def echo_few(peer):
    for _ in range(3):
        peer.echoed(say_packed(peer, TEXT, b"again and again " * 40))
    peer.echo(TEXT, b"not compressed")
    peer.bye()


def offers(cases):
    group = Group(cases, 13)
    group.section = len(REQUESTS)
    group.next()
    for offer in LAWFUL:
        def lawful(endpoint, offer=offer):
            peer = accepted(endpoint.open(offer=text_of(offer)))
            assert peer.deflate, "it was declined"
            lawful_answer([part.replace('"', "") for part in offer],
                          peer.response.get("sec-websocket-extensions"))
            echo_few(peer)
        group.add(f"offer {text_of(offer)}: taken", lawful, "server")
    for spelled in ("permessage-deflate ;client_max_window_bits",
                    "  permessage-deflate\t; client_max_window_bits = 10 ",
                    "x-first; a=b, permessage-deflate", "permessage-deflate, x-second; c=\"d\"",
                    "permessage-deflate\r\nSec-WebSocket-Extensions: x-second",
                    "x-first\r\nSec-WebSocket-Extensions: permessage-deflate"):
        def odd(endpoint, spelled=spelled):
            peer = accepted(endpoint.open(offer=spelled))
            assert peer.deflate, "it was declined"
            echo_few(peer)
        group.add(f"offer {spelled!r}: taken", odd, "server")
    group.next()
    for offer in BAD_OFFERS:
        def alone(endpoint, offer=offer):
            answer = endpoint.open(offer=offer)
            if not isinstance(answer, Peer):
                assert answer.status == 400, answer.head
                return
            assert answer.deflate is None, answer.response.head
            answer.echo(TEXT, b"without")
            answer.bye()
        group.add(f"offer {offer[:60]}: not taken", alone, "server")

        def fallback(endpoint, offer=offer):
            answer = endpoint.open(offer=f"{offer}, permessage-deflate")
            if not isinstance(answer, Peer):
                grammar = any(sign in offer for sign in ('"', "\xb2"))
                assert answer.status == 400 and grammar, answer.head
                return
            assert answer.response.get("sec-websocket-extensions"), answer.response.head
            echo_few(answer)
        group.add(f"offer {offer[:60]}, then a good one: only that is taken", fallback, "server")
    group.next()

    def first_of(endpoint):
        peer = accepted(endpoint.open(
            offer="permessage-deflate; server_max_window_bits=10, permessage-deflate"))
        assert peer.deflate.their_bits <= 10, peer.response.head
        echo_few(peer)
    group.add("two good offers: the first is taken", first_of, "server")

    def none(endpoint):
        peer = accepted(endpoint.open(offer=""))
        assert peer.response.get("sec-websocket-extensions") is None, peer.response.head
        peer.fails(peer.frame(TEXT, pack(b"never agreed"), rsv=RSV1))
    group.add("no offer, no answer; RSV 4 then is 1002", none, "server")


def answers(cases):
    group = Group(cases, 13)
    group.section = len(REQUESTS) + 4
    group.next()
    for answer in ([], *([f"server_max_window_bits={bits}"] for bits in range(8, 16)),
                   *([f"client_max_window_bits={bits}"] for bits in range(8, 16)),
                   *([name] for name in TAKEOVER), [*TAKEOVER]):
        group.add(f"answer {text_of(answer)}: taken",
                  lambda endpoint, answer=answer: echo_few(endpoint.open(offer=text_of(answer))),
                  "client")

    def declined(endpoint):
        peer = endpoint.open(offer="")
        peer.echo(TEXT, b"without")
        peer.fails(peer.frame(TEXT, pack(b"never agreed"), rsv=RSV1))
    group.add("no answer; RSV 4 then is 1002", declined, "client")
    group.next()
    for answer in (*BAD_OFFERS, "permessage-deflate; client_max_window_bits",
                   "permessage-deflate, permessage-deflate", "permessage-deflate; ;"):
        def build(endpoint, answer=answer):
            return (endpoint.switch() + f"Sec-WebSocket-Extensions: {answer}\r\n\r\n"
                    .encode("latin-1"))
        group.add(f"answer {answer[:60]}: the client gives up", client_refuses(build), "client")


# ---- 14: compressed data -------------------------------------------------------------------------


def whole_blocks(peer):
    """Several forms of the same message: stored, fixed and dynamic blocks, and empty ones."""
    _, data, expected = peer.lead(TEXT, b"block by block " * 30)
    forms = [pack(data, level) for level in range(10)]
    packer = zlib.compressobj(wbits=-15)
    pieces = b""
    for at in range(0, len(data), 50):
        pieces += packer.compress(data[at : at + 50]) + packer.flush(zlib.Z_SYNC_FLUSH)
    forms.append(pieces[:-4])
    forms.append(pieces + b"\x00")  # RFC 7692 §7.2.3.5: an empty block more
    forms.append(pack(data, flush=zlib.Z_FINISH) + b"\x00")  # §7.2.3.4: a final block
    forms.append(b"\x00" + TAIL + pack(data))
    empty = sum(2 << 10 * i for i in range(4)).to_bytes(5, "little")
    forms.append(empty * 20 + pack(data))  # fixed blocks without content, 10 bits each
    for form in forms:
        peer.send(peer.frame(TEXT, form, rsv=RSV1))
        peer.echoed(expected)
    peer.bye()


def bad_data(cases):
    group = Group(cases, 14)
    group.next()
    for text, data in (
        ("garbage", b"\xff" * 50), ("a reserved block type", b"\x07"),
        ("a stored block whose length is not confirmed", b"\x00\x05\x00\x00\x00hello"),
        ("a distance before the beginning", b"\x4a\x04\x51\x00\x00"[:1] + b"\x84\xff\xff"),
        ("a dynamic block of nonsense", b"\x05\xe0\x81\x91\x24\xcb\xb2\x2c\x49"),
        ("a block that is cut", pack(b"cut off here, cut off there")[:-6]),
        ("a stored block that is cut", b"\x00\xff\x00\x00\xffonly this"),
    ):
        def garbage(peer, data=data):
            peer.fails(peer.frame(BINARY, data, rsv=RSV1), 1007)
        group.add(f"{text}: 1007", opened(garbage))
    group.next()
    for name, data in INVALID:
        def bad_text(peer, data=data):
            text = peer.lead(TEXT, b"@")[1].replace(b"@", data)
            peer.fails(peer.frame(TEXT, pack(text), rsv=RSV1), 1007)
        group.add(f"text that inflates to no UTF-8 ({name}): 1007", opened(bad_text))

    def valid_text(peer):
        peer.echoed(say_packed(peer, TEXT, GREEK * 3000))
        peer.bye()
    group.add("text with characters across the steps of inflating", opened(valid_text))
    group.next()

    def fragments(peer, size):
        data = b"compressed, then cut " * 20
        messages = peer.dialect.wrap(TEXT, data)
        packed = pack(messages[-1][1])
        for at in range(0, len(packed), size):
            peer.send(peer.frame(CONTINUATION if at else TEXT, packed[at : at + size],
                                 fin=at + size >= len(packed), rsv=0 if at else RSV1))
            if at + size < len(packed):
                peer.send(peer.frame(PING, b"%d" % at))
                peer.ponged(b"%d" % at)
        peer.echoed(messages)
        peer.bye()
    for size in (1, 2, 7, 50):
        group.add(f"fragments of {size} with pings between",
                  opened(lambda peer, size=size: fragments(peer, size)))

    def late_rsv(peer):
        packed = pack(b"x" * 100)
        peer.send(peer.frame(BINARY, packed[:2], fin=False, rsv=RSV1))
        peer.fails(peer.frame(CONTINUATION, packed[2:], rsv=RSV1))
    group.add("RSV 4 on a continuation: 1002", opened(late_rsv))

    def empty_fragments(peer):
        messages = peer.dialect.wrap(TEXT, b"empty fragments between")
        packed = pack(messages[-1][1])
        peer.send(peer.frame(TEXT, b"", fin=False, rsv=RSV1) + peer.frame(0, packed, fin=False)
                  + peer.frame(0, b""))
        peer.echoed(messages)
        peer.bye()
    group.add("empty fragments around a compressed message", opened(empty_fragments))

    def empty(peer):
        for data in (b"\x00", b"", b"\x02\x00"):
            peer.send(peer.frame(TEXT, data, rsv=RSV1))
            peer.echoed([(TEXT, b"")])
        peer.bye()
    group.add("an empty message in three forms", opened(empty), "plain")
    group.add("every kind of block (RFC 7692 7.2.3)", opened(whole_blocks))

    def mixed(peer):
        for at in range(50):
            data = b"mixed %d " % at * 20
            peer.echoed(say_packed(peer, TEXT, data) if at % 3 else peer.say(TEXT, data))
        peer.bye()
    group.add("compressed and other messages in turn", opened(mixed))
    group.next()

    def over(peer, size):
        bomb = pack(bytes(size))
        peer.fails(peer.frame(BINARY, bomb, rsv=RSV1), 1009)
    group.add("inflates to the limit and 1: 1009",
              opened(lambda peer: over(peer, peer.dialect.limit + 1)))

    def exact(peer):
        size = peer.dialect.limit
        messages = peer.dialect.wrap(BINARY, bytes(size))
        before = b"".join(peer.frame(*message) for message in messages[:-1])
        peer.send(before + peer.frame(BINARY, pack(bytes(size)), rsv=RSV1))
        peer.echoed(messages)
        peer.bye()
    group.add("inflates to exactly the limit: echoed", opened(exact))

    def bomb(peer, check=lambda: None):
        peer.fails(peer.frame(BINARY, zeros(512), rsv=RSV1), 1009)
        memory = check()
        # What is allowed, in a buffer that doubles.
        most = max(2 << 20, 2 * peer.dialect.limit)
        assert memory is None or memory.peak() < most, f"{memory.peak()} of {most}"
    group.add("512 MiB of zeros: 1009", opened(bomb))
    group.add("512 MiB of zeros: never more than 2 MB, or twice the limit",
              costs(1 << 20, bomb), "server")

    def bomb_in_fragments(peer):
        data = zeros(64)
        peer.fails(peer.fragments(BINARY | RSV1, data, 1000), 1009)
    group.add("64 MiB of zeros in fragments: 1009", opened(bomb_in_fragments))

    def compressed_limit(peer):
        peer.fails(peer.header(FIN | RSV1 | BINARY, peer.dialect.limit + 1), 1009)
    group.add("a compressed frame above the limit, from its header alone: 1009",
              opened(compressed_limit))


def zeros(mebibytes):
    """A compressed message of so much, from one mebibyte that is repeated."""
    packer = zlib.compressobj(9, wbits=-15)
    one = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return (one * mebibytes)[:-4]


def all_cases(full):
    cases = []
    messages(cases, full)
    agreed_flows(cases, full)
    for make in (offers, answers, bad_data):
        make(cases)
    return cases
