# SPDX-License-Identifier: Apache-2.0
"""
Echo requests and their answers (RFC 792, RFC 4443 section 4). As `ping`, but for the end: ping leaves two round-trip times after
its last request, so on a busy machine it counts what is late as lost.
"""
import ctypes
import os
import select
import socket
import struct
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 10, 23, 62
NEVER, ALWAYS = 0, 2     # DF


def enter(namespace):
    """Moves the calling thread into a network namespace."""
    with open("/run/netns/" + namespace) as f:
        if LIBC.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns: " + namespace)


def checksum(octets):
    """RFC 1071."""
    total = sum(struct.unpack("!%dH" % ((len(octets) + 1) // 2), octets + b"\0" * (len(octets) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Echo(threading.Thread):
    """Sends `count` requests, `interval` apart; ends when all are answered, at the latest `timeout` after the last."""

    def __init__(self, namespace, dst, count, src, size, interval, df, timeout):
        super().__init__(daemon=True)
        self.namespace, self.dst, self.src, self.df = namespace, dst, src, df
        self.count, self.interval, self.timeout = count, interval, timeout
        self.v6 = ":" in dst
        self.request, self.reply = (128, 129) if self.v6 else (8, 0)
        self.identifier = int.from_bytes(os.urandom(2), "big")
        self.data = bytes(i & 0xff for i in range(size))
        self.answered, self.error = set(), None
        self.start()

    def result(self):
        """How many were answered, with the octets that were sent."""
        self.join()
        if self.error:
            raise self.error
        return len(self.answered)

    def run(self):
        try:
            enter(self.namespace)
            with self.open() as s:
                self.converse(s)
        except Exception as e:  # for result()
            self.error = e

    def open(self):
        s = socket.socket(*(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) if self.v6 else (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
        if self.df is not None and self.v6:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, ALWAYS if self.df else NEVER)
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, self.df)
        elif self.df is not None:
            s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, ALWAYS if self.df else NEVER)
        if self.src:
            s.bind((self.src, 0))
        return s

    def converse(self, s):
        """Requests are numbered from 1."""
        sent, due = 0, time.monotonic()
        while len(self.answered) < self.count:
            now = time.monotonic()
            if now >= due:
                if sent == self.count:
                    return
                sent += 1
                self.send(s, sent)
                due = now + (self.interval if sent < self.count else self.timeout)
            elif select.select([s], [], [], due - now)[0]:
                self.take(s)

    def send(self, s, seq):
        head = struct.pack("!BBHHH", self.request, 0, 0, self.identifier, seq)
        if not self.v6:     # over IPv6 the kernel fills the checksum in
            head = struct.pack("!BBHHH", self.request, 0, checksum(head + self.data), self.identifier, seq)
        try:
            s.sendto(head + self.data, (self.dst, 0))
        except OSError:     # no route, or too large for the path: never to be answered
            pass

    def take(self, s):
        try:
            packet = s.recv(65535)
        except OSError:     # an ICMP error about a request
            return
        message = packet if self.v6 else packet[(packet[0] & 15) * 4:]
        kind, _, _, ident, seq = struct.unpack("!BBHHH", message[:8].ljust(8, b"\xff"))
        if (kind, ident) == (self.reply, self.identifier) and 1 <= seq <= self.count and message[8:] == self.data:
            self.answered.add(seq)
