"""chat-server and two terminals: text, typing, a file, leaving, and a clean end of all three."""

import shutil
import sys
import tempfile
from pathlib import Path

from program import Program, run_all

SOURCE = Path(__file__).resolve().parents[2]
FOLDER = Path(tempfile.mkdtemp(prefix="sio-chat-"))
programs = {}


def terminal(nick, *options):
    program = Program("examples/chat/chat-terminal", *options, programs["url"], nick, "lobby")
    programs[nick] = program
    program.printed(rf"^\* joined lobby as {nick}$")
    return program


def server_listens():
    """the server listens on a free port"""
    server = Program(
        "examples/chat/chat-server", "--port", 0, "--host", "127.0.0.1",
        "--page-dir", SOURCE / "examples/chat/page", "--client-dir", FOLDER,
    )
    programs["server"] = server
    programs["url"] = server.printed(r"listening on (http://\S+)").group(1)


def text_both_ways():
    """two terminals talk"""
    ada, linus = terminal("ada"), terminal("linus", "--save", FOLDER)
    ada.printed(r"^\* linus joined")
    ada.write("Good morning, with ümläuts and \U0001f680")
    linus.printed(r"\] ada: Good morning, with ümläuts and \U0001f680$")
    linus.write("Good morning!")
    ada.printed(r"\] linus: Good morning!$")


def who():
    """each sees who is there"""
    programs["ada"].write("/who")
    programs["ada"].printed(r"^\* here: ada, linus$")


def file_arrives():
    """a file arrives byte for byte"""
    sent = FOLDER / "all bytes.bin"
    content = bytes(range(256)) * 300
    sent.write_bytes(content)
    target = FOLDER / "received"
    target.mkdir()
    late = terminal("grace", "--save", target)
    programs["ada"].write(f"/send {sent}")
    late.printed(r"^\* saved as ")
    late.close_input()
    assert late.exit_status() == 0
    (received,) = target.iterdir()
    assert received.read_bytes() == content


def terminals_end():
    """the terminals end by themselves, nothing leaks"""
    programs["linus"].write("/quit")
    assert programs["linus"].exit_status() == 0
    programs["ada"].printed(r"^\* linus left")
    programs["ada"].write("the last line")
    programs["ada"].close_input()
    assert programs["ada"].exit_status() == 0


def server_ends():
    """the server ends on SIGTERM, nothing leaks"""
    assert programs["server"].stop() == 0


try:
    status = run_all(
        [server_listens, text_both_ways, who, file_arrives, terminals_end, server_ends]
    )
finally:
    for program in programs.values():
        if isinstance(program, Program):
            program.kill()
    shutil.rmtree(FOLDER, ignore_errors=True)
sys.exit(status)
