"""hello_client and hello_server, as they stand in the README. Their port is fixed, so they meet in a
network namespace of their own."""

import fcntl
import os
import signal
import socket
import struct
import sys

INSIDE = "SIO_HELLO_NAMESPACE"

if INSIDE not in os.environ:
    os.environ[INSIDE] = "1"
    private = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]
    os.execvp("unshare", ["unshare", *private, sys.executable, *sys.argv])

from program import PATIENCE, Program, run_all  # noqa: E402

programs = []


def raise_loopback():
    SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def the_server_answers_the_client():
    """hello_client prints what hello_server replies"""
    raise_loopback()
    # The client reconnects by itself, so nobody needs to wait for the server to listen.
    programs.append(Program("examples/hello_server"))
    programs.append(Program("examples/hello_client", terminal=True))
    programs[1].printed(r"^world$")


def eight_threads_emit():
    """threads: eight threads emit through one client, and every event is answered"""
    programs.append(Program("examples/threads"))
    programs[2].printed(r"^800 events, 800 answers$")


def they_end():
    """both run until they are told to end"""
    for program in programs[:2]:
        assert program.stop() in (-signal.SIGTERM, 128 + signal.SIGTERM), program.name


signal.alarm(4 * PATIENCE)
try:
    status = run_all([the_server_answers_the_client, eight_threads_emit, they_end])
finally:
    for program in programs:
        program.kill()
sys.exit(status)
