"""python3-socketio of Debian as a client of interop-server, or of any server that knows its events.

usage: python_client.py sync|async polling|websocket|upgrade URL [--ca FILE] [--msgpack]

Runs every case, prints a line for each, exits with 0 when all of them held. The blocking client
runs in threads of its own, so that both are driven by the same cases.
"""

import argparse
import asyncio
import os
import ssl
import sys
import traceback
import urllib.parse

import aiohttp
import engineio.payload
import requests
import socketio

PATIENCE_S = 20
BYTES = bytes(range(256))
EVENTS = ["welcome", "echo-back", "answer", "answer-timeout", "down", "down-end", "peer-left",
          "room", "rooms", "others", "all", "not-red", "said"]

# By default it refuses answers to a poll with more packets than that.
engineio.payload.Payload.max_decode_packets = 10000


class Peer:
    """A client of either kind with what came to it."""

    def __init__(self, how):
        self.how = how
        self.loop = asyncio.get_running_loop()
        self.inbox = {}
        self.log = []
        self.reply = None
        options = {"reconnection": False}
        if how.msgpack:
            options["serializer"] = "msgpack"
        if how.kind == "sync":
            session = requests.Session()
            session.trust_env = False
            if how.ca is not None:
                session.verify = how.ca
            self.sio = socketio.Client(http_session=session, **options)
        else:
            context = ssl.create_default_context(cafile=how.ca) if how.ca is not None else None
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
            self.sio = socketio.AsyncClient(http_session=self.session, **options)
        for nsp in ["/", "/chat", "/nope"]:
            for name in EVENTS + ["connect_error", "disconnect"]:
                self.sio.on(name, self._keep(nsp, name), namespace=nsp)
            self.sio.on("question", lambda *args: self._answer(args), namespace=nsp)

    def _keep(self, nsp, name):
        return lambda *args: self.loop.call_soon_threadsafe(self._came, nsp, name, args)

    def _came(self, nsp, name, args):
        self.log.append((name, *args))
        self._queue(nsp, name).put_nowait(args)

    def _queue(self, nsp, name):
        return self.inbox.setdefault((nsp, name), asyncio.Queue())

    def _answer(self, args):
        return self.reply(*args)

    async def _do(self, function, *args, **kwargs):
        if self.how.kind == "sync":
            done = asyncio.to_thread(function, *args, **kwargs)
        else:
            done = function(*args, **kwargs)
        return await asyncio.wait_for(done, PATIENCE_S)

    async def connect(self, query="", auth=None, namespaces=("/",), wait=True):
        await self._do(
            self.sio.connect, self.how.url + query, auth=auth, transports=self.how.transports,
            namespaces=list(namespaces), wait=wait, wait_timeout=PATIENCE_S)
        return self

    async def next(self, name, nsp="/"):
        return await asyncio.wait_for(self._queue(nsp, name).get(), PATIENCE_S)

    async def emit(self, name, *args, nsp="/"):
        await self._do(self.sio.emit, name, args, namespace=nsp)

    async def call(self, name, *args, nsp="/"):
        """The acknowledgement, as a tuple of its arguments."""
        answer = self.loop.create_future()

        def came(*reply):
            self.loop.call_soon_threadsafe(answer.set_result, reply)
        await self._do(self.sio.emit, name, args, namespace=nsp, callback=came)
        return await asyncio.wait_for(answer, PATIENCE_S)

    async def leave(self):
        await self._do(self.sio.disconnect)

    async def release(self):
        if self.sio.connected:
            await self.leave()
        if self.how.kind == "async":
            # What it runs in the background may still use the session.
            await self._do(self.sio.eio.wait)
            await self.session.close()


class Case:
    def __init__(self, how):
        self.how = how
        self.peers = []

    def peer(self):
        self.peers.append(Peer(self.how))
        return self.peers[-1]

    async def connected(self, **options):
        peer = await self.peer().connect(**options)
        peer.welcome = await peer.next("welcome")
        return peer


def same(actual, expected):
    assert actual == expected, f"{actual!r}\nis not what was expected:\n{expected!r}"


async def connects(case):
    auth = {"token": "abc", "n": [1, "☃"]}
    peer = await case.connected(query="/?who=x1&b=2", auth=auth)
    same(peer.welcome, (peer.sio.get_sid("/"), auth))
    url, secure = await peer.call("handshake")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    same((query["who"], query["b"], secure), (["x1"], ["2"], case.how.ca is not None))
    same(await peer.call("transport"), (case.how.final,))


async def events(case):
    peer = await case.connected()
    args = ("café ☃𝄞", 42, -1.5, True, None, {"a": {"b": []}}, [])
    await peer.emit("echo", *args)
    same(await peer.next("echo-back"), args)
    same(await peer.call("echo", *args), args)
    peer.reply = lambda text: (text, {"x": "seven"}, 7)
    await peer.emit("ask-me", "how many?")
    same(await peer.next("answer"), ("how many?", {"x": "seven"}, 7))


async def binary(case):
    peer = await case.connected()
    args = ({"a": BYTES, "list": ["x", b"", {"deep": b"\xff"}]}, [[BYTES]])
    await peer.emit("echo", *args)
    same(await peer.next("echo-back"), args)
    same(await peer.call("echo", *args), args)
    peer.reply = lambda text: ({"b": [BYTES]}, text)
    await peer.emit("ask-me", "bytes")
    same(await peer.next("answer"), ({"b": [BYTES]}, "bytes"))


async def namespaces(case):
    auth = {"token": "a&b=ü"}
    peer = await case.connected(auth=auth, namespaces=("/", "/chat"))
    main, chat = peer.sio.get_sid("/"), peer.sio.get_sid("/chat")
    same(peer.welcome, (main, auth))
    same(await peer.next("welcome", "/chat"), (chat, auth))
    assert main != chat
    same(await peer.call("echo", BYTES, nsp="/chat"), (BYTES,))
    await peer.emit("all", "said", "hi", nsp="/chat")
    same(await peer.next("said", "/chat"), ("hi",))
    refused = case.peer()
    await refused.connect(namespaces=["/nope"], wait=False)
    same(await refused.next("connect_error", "/nope"), ({"message": "Invalid namespace"},))
    same(await peer.call("echo", 1), (1,))


async def rooms(case):
    a, b, c = [await case.connected() for _ in range(3)]
    for peer, room in [(a, "red"), (b, "red"), (b, "blue"), (c, "blue")]:
        same(await peer.call("join", room), ("ok",))
        peer.log.clear()
    same(await b.call("rooms"), ("blue", "red"))
    await a.emit("to-room", "red", "room", {"x": BYTES})
    await a.emit("to-rooms", "red", "blue", "rooms", 1)
    await a.emit("broadcast", "others", BYTES)
    await a.emit("all", "all", [1])
    await a.emit("except", "red", "not-red")
    expected = [
        [("all", [1])],
        [("room", {"x": BYTES}), ("rooms", 1), ("others", BYTES), ("all", [1])],
        [("rooms", 1), ("others", BYTES), ("all", [1]), ("not-red",)],
    ]
    await a.call("echo")
    for peer, events in zip((a, b, c), expected):
        # Handlers run beside each other: what was sent is complete then, in whatever order.
        await peer.call("echo")
        for name, *args in events:
            same(await peer.next(name), tuple(args))
        same(sorted(map(repr, peer.log)), sorted(map(repr, events)))


def ends(event, *reasons):
    async def run(case):
        if event is None and (case.how.kind, case.how.mode) == ("sync", "polling"):
            # Its sender ends after the request under way, so that the last packets may never go out,
            # and its poll stays open: socket.io 4.x does not see it leave either.
            return
        witness, peer = await case.connected(), await case.connected()
        sid = peer.sio.get_sid("/")
        if event is None:
            await peer.leave()
        else:
            await peer.emit(event)
            await peer.next("disconnect")
        left = None
        while left != sid:  # others may still be leaving
            left, reason = await witness.next("peer-left")
        assert reason in reasons, reason
    return run


async def big(case):
    peer = await case.connected()
    text = "aé☃𝄞" * 100000
    data = bytes(i * 7 & 255 for i in range(1000000))
    back = await peer.call("echo", text, {"bytes": data})
    assert back == (text, {"bytes": data}), "1 MB came back changed"


async def numbered(case):
    count = 1000
    peer = await case.connected()
    await peer.emit("stream", count, 1, 10)
    for i in range(count):
        await peer.emit("up", i)
    same(await peer.call("up-report"), (count, count - 1, 0))
    same(await peer.next("down-end"), (count,))
    # Each in a thread of its own with the blocking client: the order is lost there.
    got = [(await peer.next("down"))[0] for _ in range(count)]
    same(sorted(got) if case.how.kind == "sync" else got, list(range(count)))


CASES = {
    "connects with query and auth": connects,
    "events and acknowledgements both ways": events,
    "nested binary both ways": binary,
    "a second namespace, and an unknown one": namespaces,
    "rooms and broadcasts": rooms,
    # It may close the transport before it has sent its packet, and give up its last poll. With
    # MessagePack it says null in that packet where nothing may be, which closes the connection:
    # socket.io 4.x also calls that a forced close.
    "leaves": ends(
        None, "client namespace disconnect", "transport close", "transport error", "forced close"),
    "is disconnected": ends("kick", "server namespace disconnect"),
    "is disconnected wholly": ends("kick-hard", "server namespace disconnect"),
    "loses the connection": ends("drop", "forced close"),
    "1 MB both ways": big,
    "1000 numbered events each way": numbered,
}


async def run_all(how):
    failed = 0
    for name, run in CASES.items():
        case = Case(how)
        try:
            await run(case)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            failed += 1
            print("FAILED:", name)
        else:
            print("ok:", name, flush=True)
        for peer in reversed(case.peers):
            await peer.release()
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["sync", "async"])
    parser.add_argument("mode", choices=["polling", "websocket", "upgrade"])
    parser.add_argument("url")
    parser.add_argument("--ca")
    parser.add_argument("--msgpack", action="store_true")
    how = parser.parse_args()
    how.transports = ["polling", "websocket"] if how.mode == "upgrade" else [how.mode]
    how.final = how.transports[-1]
    if how.kind == "sync":
        # It handles each message in a thread of its own, so that an attachment can overtake the
        # packet that announces it. Threads that run until they wait keep the order.
        sys.setswitchinterval(1000)
    loop = asyncio.new_event_loop()
    failed = loop.run_until_complete(run_all(how))
    sys.stdout.flush()
    # A thread of the blocking client may stay in a read for a minute after the end.
    os._exit(failed != 0)


if __name__ == "__main__":
    main()
