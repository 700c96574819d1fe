# SPDX-License-Identifier: Apache-2.0
"""A gateway under a flood of first messages of Main Mode from forged addresses (RFC 2408 section 2.5.3): do others still get
in, what does an established tunnel keep of its rate, and how much memory does it cost?

The flood comes from a namespace of its own, so on a machine with two processors the tunnel, its load, the generator and
key management share them: `rate` is the tunnel's throughput under the flood as a share of that without, and
`idle` the same with the generator shooting at a port where nobody listens, which is what the flood costs by itself.

usage: bench/half_open_flood.py [--out DIR] [--seconds S] [--rate PACKETS] [--setups N]
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from net import Net  # noqa: E402
from peers import Sallyport  # noqa: E402

PSK = "a long enough secret for a benchmark"

# Raw IPv4: header, UDP, message 1 with one transform (AES-CBC-256, SHA2-256, group 14, pre-shared key); new cookie and source each.
GENERATOR = r"""
import os, socket, struct, sys, time
rate, port, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
attrs = b"".join(struct.pack(">HH", 0x8000 | t, v) for t, v in ((1, 7), (14, 256), (2, 4), (4, 14), (3, 1), (11, 1), (12, 14400)))
transform = struct.pack(">BBHBBH", 0, 0, 8 + len(attrs), 1, 1, 0) + attrs
proposal = struct.pack(">BBHBBBB", 0, 0, 8 + len(transform), 1, 1, 0, 1) + transform
sa = struct.pack(">BBHII", 0, 0, 12 + len(proposal), 1, 1) + proposal
tail = bytes(8) + bytes([1, 0x10, 2, 0]) + struct.pack(">II", 0, 28 + len(sa)) + sa
udp = struct.pack(">HHHH", 500, port, 8 + 8 + len(tail), 0)
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
to, n, start = ("10.88.0.1", 0), 0, time.monotonic()
while time.monotonic() - start < seconds:
    while n < rate * (time.monotonic() - start):
        source = struct.pack(">I", 0x64400000 + n % 4000000)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0, source, socket.inet_aton(to[0]))
        s.sendto(ip + udp + os.urandom(8) + tail, to)
        n += 1
    time.sleep(0.001)
print(n / (time.monotonic() - start))
"""


def connection(name, local, remote, local_ts, remote_ts):
    return """  %s {
    version = 1
    local_addrs = %s
    remote_addrs = %s
    proposals = aes256-sha256-modp2048,aes256-sha256-ecp256
    local { auth = psk }
    remote { auth = psk }
    children { %s-net { local_ts = %s
                 remote_ts = %s
                 esp_proposals = aes256gcm16 } }
  }
""" % (name, local, remote, name, local_ts, remote_ts)


def conf(*connections):
    return "connections {\n%s}\nsecrets { ike { secret = \"%s\" } }\n" % ("".join(connections), PSK)


class Site:
    def __init__(self, net):
        self.moon, self.sun, self.earth, self.mallory = (net.host(n) for n in ("moon", "sun", "earth", "mallory"))
        for i, (host, dev) in enumerate(((self.sun, "sun0"), (self.earth, "earth0"), (self.mallory, "mal0"))):
            net.link(self.moon, dev, host, "wan")
            self.moon.address(dev, "10.%d.0.1/24" % (77, 78, 88)[i])
            host.address("wan", "10.%d.0.2/24" % (77, 78, 88)[i])
        self.moon.address("lo", "10.1.0.1/32")
        self.sun.address("lo", "10.2.0.1/32")
        self.earth.address("lo", "10.3.0.1/32")
        self.moon.sysctl("net.ipv4.conf.all.rp_filter", 0)
        self.moon.sysctl("net.ipv4.conf.mal0.rp_filter", 0)
        # Answers to the forged addresses go back where they came from.
        self.moon.ip("route", "add", "100.64.0.0/10", "via", "10.88.0.2")
        self.gateway = Sallyport(self.moon, conf(connection("any", "%any", "%any", "10.1.0.0/16", "10.3.0.0/16"),
                                                 connection("sun", "%any", "10.77.0.2", "10.1.0.0/16", "10.2.0.0/16")))
        self.peer = Sallyport(self.sun, conf(connection("sun", "%any", "10.77.0.1", "10.2.0.0/16", "10.1.0.0/16")))
        self.client = Sallyport(self.earth, conf(connection("any", "%any", "10.78.0.1", "10.3.0.0/16", "10.1.0.0/16")))
        self.peer.cli("up", "sun-net")
        self.iperf = self.moon.popen("iperf3", "-s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def flood(self, rate, port, seconds):
        return self.mallory.popen("/usr/bin/python3", "-c", GENERATOR, str(rate), str(port), str(seconds), stdout=subprocess.PIPE)

    def throughput(self, seconds):
        out = self.sun.run("iperf3", "-c", "10.1.0.1", "-B", "10.2.0.1", "-t", str(seconds), "-J", timeout=seconds + 30)
        return json.loads(out)["end"]["sum_received"]["bits_per_second"]

    def memory_mib(self):
        status = self.gateway.host.run("cat", "/proc/%d/status" % self.gateway.pid())
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def setups(self, n):
        """How many of n set-ups succeed, and the longest in seconds."""
        ok, longest = 0, 0.0
        for _ in range(n):
            start = time.monotonic()
            self.client.cli("up", "any-net", "--timeout", "20", check=False)
            longest = max(longest, time.monotonic() - start)
            ok += self.gateway.list_sas().count("any-net") > 0
            self.client.cli("down", "any", check=False)
        return ok, longest


def measure(site, a):
    r = {"memory_before_mib": site.memory_mib(), "bits_quiet": site.throughput(a.seconds)}
    idle = site.flood(a.rate, 9, a.seconds + 2)
    r["bits_idle"] = site.throughput(a.seconds)
    idle.wait(60)
    flood = site.flood(a.rate, 500, a.seconds + 3 * a.setups + 4)
    time.sleep(1)
    r["bits_flood"] = site.throughput(a.seconds)
    r["setups"], r["longest_setup_s"] = site.setups(a.setups)
    r["memory_flood_mib"] = site.memory_mib()
    r["flood_per_second"] = float(flood.communicate(timeout=120)[0])
    counters = site.gateway.status().get("counters", {})
    r["counters"] = {k: v for k, v in counters.items() if k.startswith("half-open")}
    r["rate_of_quiet"] = r["bits_flood"] / r["bits_quiet"]
    r["rate_of_idle"] = r["bits_flood"] / r["bits_idle"]
    return r


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=os.path.join(ROOT, "build", "bench"))
    p.add_argument("--seconds", type=int, default=5)
    p.add_argument("--rate", type=int, default=5000)
    p.add_argument("--setups", type=int, default=10)
    a = p.parse_args()
    net = Net(tempfile.mkdtemp(prefix="sp-flood-"))
    try:
        r = measure(Site(net), a)
    finally:
        net.close()
    r["asked"] = vars(a)
    os.makedirs(a.out, exist_ok=True)
    with open(os.path.join(a.out, "half_open_flood.json"), "w") as f:
        json.dump(r, f, indent=1)
    print(json.dumps(r, indent=1))


if __name__ == "__main__":
    main()
