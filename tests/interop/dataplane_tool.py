# SPDX-License-Identifier: Apache-2.0
"""The data plane with keys typed in (tests/support/dp_tool.c), one in each of two gateways."""
import os
import queue
import re
import subprocess
import threading
import time

from peers import BUILD

TOOL = os.environ.get("SALLYPORT_DP_TOOL", os.path.join(BUILD, "tests", "support", "dp_tool"))

# Keys and what they are for. Each test run has its own, so none is used twice.
SUITES = {
    "aes256gcm16": ("aes256gcm16", 36, None, 0),
    "aes128gcm16": ("aes128gcm16", 20, None, 0),
    "aes256-sha256": ("aes256", 32, "sha256", 32),
    "aes128-sha1": ("aes128", 16, "sha1", 20),
    "null-sha256": ("null", 0, "sha256", 32),
}


def endpoint(ip, port):
    return "[%s]:%d" % (ip, port) if ":" in ip else "%s:%d" % (ip, port)


class Tool:
    """One running data plane."""

    def __init__(self, host, *args):
        self.host, self.events, self.answers = host, [], queue.Queue()
        self.p = host.popen(TOOL, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.output = []
        threading.Thread(target=self._read, daemon=True).start()
        self.ready = self._answer()
        assert self.ready.startswith("ready"), "\n".join([self.ready] + self.output)

    def _read(self):
        for line in self.p.stdout:
            line = line.strip()
            self.output.append(line)
            if line.startswith("event "):
                self.events.append(line)
            elif re.match(r"(ok|error|ready)\b", line):
                self.answers.put(line)
        self.answers.put("error the tool ended:\n" + "\n".join(self.output))

    def _answer(self):
        return self.answers.get(timeout=40)

    def try_(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        return self._answer()

    def do(self, line):
        a = self.try_(line)
        assert a.startswith("ok"), "%s: %s" % (line, a)
        return a

    def numbers(self, line):
        return {k: int(v) for k, v in re.findall(r"([a-z_-]+)=(\d+)", self.do(line))}

    def drops(self):
        return self.numbers("drops")

    def wait_event(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for e in list(self.events):
                if re.search(pattern, e):
                    return e
            time.sleep(0.02)
        raise AssertionError("no event %r among:\n%s" % (pattern, "\n".join(self.events)))

    def quit(self):
        """Ends it; the exit code must be 0 (a sanitizer's is not)."""
        self.p.stdin.write("quit\n")
        self.p.stdin.flush()
        assert self.p.wait(40) == 0, "\n".join(self.output)


class Tunnel:
    """Two gateways, joined by one pair of SAs. `a` and `b` are Tools."""

    def __init__(self, net, left, right, args_a=(), args_b=(), native=False):
        self.left, self.right = left, right
        n = ["-n"] if native else []
        self.a = Tool(left, "-t", "sp0", *n, *args_a)
        self.b = Tool(right, "-t", "sp0", *n, *args_b)
        self.spi = 0x1000
        self.keys = {}

    def route(self, to_b, to_a):
        self.left.ip(*(["-6"] if ":" in to_b else []), "route", "replace", to_b, "dev", "sp0")
        self.right.ip(*(["-6"] if ":" in to_a else []), "route", "replace", to_a, "dev", "sp0")

    def claim(self, ts_a, ts_b, reqid=1, trap=1):
        pairs = ["%s==%s" % (x, y) for x in ts_a.split(",") for y in ts_b.split(",") if (":" in x) == (":" in y)]
        back = ["%s==%s" % tuple(reversed(p.split("=="))) for p in pairs]
        self.a.do("claim reqid=%d ts=%s trap=%d" % (reqid, ",".join(pairs), trap))
        self.b.do("claim reqid=%d ts=%s trap=%d" % (reqid, ",".join(back), trap))

    def sa_lines(self, ts_a, ts_b, ip_a="10.77.0.1", ip_b="10.77.0.2", suite="aes256gcm16", udp=True, reqid=1, extra=""):
        """Four command lines: in and out at a, in and out at b. Remembers keys by SPI."""
        encr, encr_octets, integ, integ_octets = SUITES[suite]
        spi_a, spi_b = self.spi, self.spi + 1   # receivers a and b
        self.spi += 2
        lines = []
        for spi in (spi_a, spi_b):
            self.keys[spi] = (os.urandom(encr_octets), os.urandom(integ_octets))
        for me, peer, ts, spi, direction in ((ip_a, ip_b, (ts_a, ts_b), spi_a, "in"), (ip_a, ip_b, (ts_a, ts_b), spi_b, "out"),
                                             (ip_b, ip_a, (ts_b, ts_a), spi_b, "in"), (ip_b, ip_a, (ts_b, ts_a), spi_a, "out")):
            key, ikey = self.keys[spi]
            line = "sa %s spi=%d reqid=%d child=%d local=%s remote=%s encr=%s key=%s ts=%s==%s udp=%d" % (
                direction, spi, reqid, spi_a, endpoint(me, 4500), endpoint(peer, 4500), encr, key.hex(), ts[0], ts[1], udp)
            if integ:
                line += " integ=%s ikey=%s" % (integ, ikey.hex())
            lines.append(line + " " + extra)
        return lines

    def install(self, *args, **kw):
        """Returns (SPI that a receives on, SPI that b receives on)."""
        a_in, a_out, b_in, b_out = self.sa_lines(*args, **kw)
        self.a.do(a_in)
        self.b.do(b_in)
        self.a.do(a_out)
        self.b.do(b_out)
        return self.spi - 2, self.spi - 1

    def quit(self):
        self.a.quit()
        self.b.quit()


def stream(src_host, dst_host, dst, port=5001, octets=8 << 20, src=""):
    """Sends random octets over TCP; returns seconds taken. The receiver's digest must be the sender's."""
    fam = "AF_INET6" if ":" in dst else "AF_INET"
    receiver = dst_host.popen("/usr/bin/python3", "-c", """
import hashlib, socket
s = socket.socket(socket.%s); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("", %d)); s.listen(1); print("listening", flush=True)
c, _ = s.accept(); h = hashlib.sha256(); n = 0
while True:
    d = c.recv(1 << 16)
    if not d: break
    h.update(d); n += len(d)
print(n, h.hexdigest(), flush=True)
""" % (fam, port), stdout=subprocess.PIPE)
    assert receiver.stdout.readline().strip() == "listening"
    t = time.monotonic()
    out = src_host.run("/usr/bin/python3", "-c", """
import hashlib, os, socket
s = socket.socket(socket.%s); s.settimeout(60); s.bind((%r, 0)); s.connect((%r, %d)); h = hashlib.sha256(); left = %d
while left:
    d = os.urandom(min(left, 1 << 16)); left -= len(d); h.update(d); s.sendall(d)
s.shutdown(socket.SHUT_WR); s.recv(1); print(h.hexdigest())
""" % (fam, src, dst, port, octets), timeout=120).strip()
    n, digest = receiver.stdout.readline().split()
    receiver.wait(30)
    assert int(n) == octets and digest == out
    return time.monotonic() - t
