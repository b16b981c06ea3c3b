"""python3-socketio of Debian as a server that knows the events of interop-server.

usage: python_server.py [--tls-cert FILE --tls-key FILE]

Prints LISTENING and its port, ends with SIGTERM.
"""

import argparse
import asyncio
import signal
import ssl

import engineio.payload
import socketio
from aiohttp import web

# By default it refuses requests with more packets than that.
engineio.payload.Payload.max_decode_packets = 10000


# The requests of the WebSockets that sessions changed to.
upgraded = {}


class Events(socketio.AsyncNamespace):
    """The events of one namespace, dashes being underscores."""

    async def trigger_event(self, event, *args):
        return await super().trigger_event(event.replace("-", "_"), *args)

    def engine(self, sid):
        return self.server.eio, self.server.manager.eio_sid_from_sid(sid, self.namespace)

    async def on_connect(self, sid, environ, auth):
        await self.save_session(sid, {"environ": environ, "up": []})
        await self.emit("welcome", (sid, auth or {}), to=sid)

    async def on_disconnect(self, sid):
        await self.emit("peer-left", sid, skip_sid=sid)

    async def on_echo(self, sid, *args):
        await self.emit("echo-back", args, to=sid)

    async def on_echo_ack(self, _sid, *args):
        return args

    async def on_ask_me(self, sid, text, *_):
        async def answered(*reply):
            await self.emit("answer", reply, to=sid)
        await self.emit("question", text, to=sid, callback=answered)

    async def on_handshake(self, sid):
        environ = (await self.get_session(sid))["environ"]
        url = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        return url, environ["aiohttp.request"].secure

    async def on_join(self, sid, room):
        self.enter_room(sid, room)
        return "ok"

    async def on_to_room(self, sid, room, name, *args):
        await self.emit(name, args, room=room, skip_sid=sid)

    async def on_all(self, _sid, name, *args):
        await self.emit(name, args)

    async def on_broadcast(self, sid, name, *args):
        await self.emit(name, args, skip_sid=sid)

    async def on_kick(self, sid):
        await self.disconnect(sid)

    async def on_drop(self, sid):
        engine, session = self.engine(sid)
        environ = (await self.get_session(sid))["environ"]
        request = upgraded.pop(session, environ["aiohttp.request"])
        websocket = engine.transport(session) == "websocket"
        await engine.disconnect(session)
        if websocket:
            # It says so in a packet, for which JavaScript's clients have no ear, and waits.
            request.transport.close()

    async def on_transport(self, sid):
        engine, session = self.engine(sid)
        return engine.transport(session)

    async def on_up(self, sid, number):
        (await self.get_session(sid))["up"].append(number)

    async def on_up_report(self, sid):
        numbers = (await self.get_session(sid))["up"]
        wrong = sum(number != i for i, number in enumerate(numbers))
        return len(numbers), numbers[-1] if numbers else -1, wrong

    async def on_stream(self, sid, count, every_ms, per_tick):
        async def stream():
            for number in range(count):
                await self.emit("down", number, to=sid)
                if number % per_tick == per_tick - 1:
                    await asyncio.sleep(every_ms / 1000)
            await self.emit("down-end", count, to=sid)
        self.server.start_background_task(stream)


@web.middleware
async def whole_body(request, handler):
    """Engine.IO takes a body for whole of which only a part has come, from any client."""
    if "Upgrade" in request.headers and "sid" in request.query:
        upgraded[request.query["sid"]] = request
    if request.method == "POST":
        request.content.unread_data(await request.read())
    return await handler(request)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    options = parser.parse_args()
    context = None
    if options.tls_cert is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.tls_cert, options.tls_key)

    # One after the other, as they came: handlers in tasks of their own could overtake each other.
    sio = socketio.AsyncServer(
        async_mode="aiohttp", async_handlers=False, max_http_buffer_size=10_000_000)
    for name in ["/", "/chat"]:
        sio.register_namespace(Events(name))
    app = web.Application(client_max_size=10_000_000, middlewares=[whole_body])
    sio.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(
        runner, "127.0.0.1", 0, shutdown_timeout=1, ssl_context=context)
    await site.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print("LISTENING", runner.addresses[0][1], flush=True)
    await ended.wait()


asyncio.run(main())
