"""Examples have fixed ports, so each test runs them in a network namespace of its own."""

import fcntl
import os
import socket
import struct
import sys

INSIDE = "SIO_EXAMPLES_NAMESPACE"


def enter():
    """Start this script again in a new namespace, whose loopback device is then raised."""
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        private = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]
        os.execvp("unshare", ["unshare", *private, sys.executable, *sys.argv])
    SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
