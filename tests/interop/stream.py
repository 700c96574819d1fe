# SPDX-License-Identifier: Apache-2.0
"""A TCP stream whose every octet is known: `stream.py send HOST PORT SECONDS` and `stream.py receive HOST PORT` print the
number of octets and their digest. Both must agree, else an octet was lost or changed."""
import hashlib
import random
import socket
import sys
import time


def send(host, port, seconds):
    block = random.Random(1).randbytes(1 << 20)
    s, digest, n, end = socket.create_connection((host, port)), hashlib.sha256(), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        part = block[n % 4099:]     # never the same boundary twice
        s.sendall(part)
        digest.update(part)
        n += len(part)
    s.shutdown(socket.SHUT_WR)
    s.recv(1)                       # the receiver has seen the end
    return n, digest.hexdigest()


def receive(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    l = socket.create_server((host, port), family=family)
    print("ready", flush=True)
    s, _ = l.accept()
    digest, n = hashlib.sha256(), 0
    while True:
        b = s.recv(1 << 20)
        if not b:
            break
        digest.update(b)
        n += len(b)
    s.sendall(b"x")
    return n, digest.hexdigest()


if __name__ == "__main__":
    what, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    print("%d %s" % (send(host, port, float(sys.argv[4])) if what == "send" else receive(host, port)), flush=True)
