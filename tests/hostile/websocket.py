"""The cases of RFC 6455 and RFC 7692 against one endpoint, named by the first argument:

echo-server, echo-server-deflate    ws_echo_server, WebSocket on the codec alone
echo-client, echo-client-deflate    ws_echo_client, the same in the other role
wire, wire-deflate, wire-tls, wire-tls-deflate
                                    conformance-server, Socket.IO events over WebSocket

Others choose cases by a part of their names; --full runs what is repeated in its full number.
"""

import re
import socket
import subprocess
import sys

import ws_cases
import ws_deflate_cases
import ws_handshake_cases
from wire import PATIENCE, WRAPPER, Certificate, Raw, Server, Tap, program, serves
from ws_peer import ClientEndpoint, Events, Plain, ServerEndpoint

OFFER = "permessage-deflate; client_max_window_bits"

which = sys.argv.pop(1)
full = "--full" in sys.argv
deflate = which.endswith("deflate")
dialect = Events if which.startswith("wire") else Plain
role = "client" if which.startswith("echo-client") else "server"
tap = Tap()


def chosen():
    cases = ws_handshake_cases.all_cases() + ws_cases.all_cases()
    if deflate:
        # What compression has no part in is left to the endpoint without it.
        cases = [case for case in cases if full or case.number.split(".")[0] in "1234567"]
        cases += ws_deflate_cases.all_cases(full)
    return [case for case in cases if case.fits(role, dialect) and tap.wanted(name_of(case))]


def name_of(case):
    return f"{case.number} {case.text}"


# ---- we are the client ---------------------------------------------------------------------------


def run_server(server):
    for case in chosen():
        def run(case=case):
            endpoint = ServerEndpoint(server, dialect, OFFER if deflate else None)
            case.run(endpoint)
            endpoint.finish()
        tap.case(name_of(case), run)

    def survived():
        if dialect is Events:
            serves(server)
        else:
            endpoint = ServerEndpoint(server, dialect)
            endpoint.open().bye()
            endpoint.finish()
        assert server.alive()
    tap.case("the server lives and serves", survived, always=True)


# ---- we are the server ---------------------------------------------------------------------------


class Cases:
    """The server that a client under test asks for its cases, as the Autobahn suite has it."""

    def __init__(self, cases):
        self.cases = cases
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.process = subprocess.Popen(
            [*WRAPPER, program("tests/conformance/ws_echo_client"), "--host", "127.0.0.1", "--port",
             str(self.listener.getsockname()[1]), "--cases", "--agent", "libsio"],
            stderr=subprocess.DEVNULL,
        )

    def accept(self, target):
        """The next connection, which must ask for this."""
        raw = Raw(sock=self.listener.accept()[0])
        request = raw.until(b"\r\n\r\n").decode("latin-1")
        assert request.startswith(f"GET {target} HTTP/1.1\r\n"), request
        return ClientEndpoint(raw, request, OFFER.partition(";")[0] if deflate else None)

    def count(self):
        endpoint = self.accept("/getCaseCount")
        peer = endpoint.open(offer="")
        peer.send(peer.frame(1, str(len(self.cases))))
        peer.bye()
        endpoint.finish()

    def run(self, at, case):
        endpoint = self.accept(f"/runCase?case={at}&agent=libsio")
        try:
            case.run(endpoint)
        finally:
            endpoint.finish()

    def end(self):
        endpoint = self.accept("/updateReports?agent=libsio")
        endpoint.open(offer="").bye()
        endpoint.finish()
        self.listener.close()
        assert self.process.wait(timeout=PATIENCE) == 0


def run_client():
    cases = Cases(chosen())
    tap.case("the client asks for the number of cases", cases.count, always=True)
    for at, case in enumerate(cases.cases, start=1):
        tap.case(name_of(case), cases.run, at, case)
    tap.case("the client asks for the reports, and ends", cases.end, always=True)
    cases.process.kill()
    cases.process.wait()


if role == "client":
    run_client()
elif dialect is Plain:
    with Server("tests/conformance/ws_echo_server") as echo_server:
        run_server(echo_server)
else:
    certificate = Certificate() if "tls" in which else None
    options = ["--deflate"] if deflate else []
    with Server("tests/conformance/conformance-server", "--profile", "wire", *options,
                tls=certificate) as wire_server:
        run_server(wire_server)
tap.finish()
