"""hello_client and hello_server, as they stand in the README. Their port is fixed, so they meet in a
network namespace of their own."""

import signal
import sys

from network import enter
from program import PATIENCE, Program, run_all

programs = []


def the_server_answers_the_client():
    """hello_client prints what hello_server replies"""
    # The client reconnects by itself, so nobody needs to wait for the server to listen.
    programs.append(Program("examples/hello_server"))
    programs.append(Program("examples/hello_client", terminal=True))
    programs[1].printed(r"^world$")


def eight_threads_emit():
    """threads: eight threads emit through one client, and every event is answered"""
    programs.append(Program("examples/threads"))
    programs[2].printed(r"^800 events, 800 answers$")


def two_hundred_say_hello():
    """many_clients: each of two hundred clients on one loop is answered"""
    programs.append(Program("examples/many_clients"))
    programs[3].printed(r"^200 clients, 200 answers$")


def they_end():
    """both run until they are told to end"""
    for program in programs[:2]:
        assert program.stop() in (-signal.SIGTERM, 128 + signal.SIGTERM), program.name


enter()
signal.alarm(4 * PATIENCE)
try:
    status = run_all([the_server_answers_the_client, eight_threads_emit, two_hundred_say_hello, they_end])
finally:
    for program in programs:
        program.kill()
sys.exit(status)
