# SPDX-License-Identifier: Apache-2.0
"""
What goes into the tunnel comes out unchanged. The judge is the kernel's own forwarding: the same packets are sent once over
plain routes and once through ESP, and the far host must see the same octets in the same order.
"""
import random
import socket
import struct
import subprocess

import pytest

from dataplane_tool import Tunnel
from net import run, wait_until

scapy = pytest.importorskip("scapy.all")
from scapy.all import ICMP, IP, TCP, UDP, IPv6, IPOption, Raw, fragment, fragment6  # noqa: E402
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop  # noqa: E402

A4, B4, A6, B6 = "10.1.0.10", "10.2.0.10", "fd01::10", "fd02::10"
# Seen by bob: everything from alice, but for what the hosts say to their neighbours.
FILTER = "(src host %s or src host %s) and not arp" % (A4, A6)


def sender(host, packets, gap=0.0):
    """Sends whole IP packets as they are, from raw sockets."""
    code = """
import socket, struct, sys, time
s4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
s6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
for i, h in enumerate(sys.stdin.read().split()):
    p = bytes.fromhex(h)
    if i %% 100 == 99: time.sleep(0.1)  # bursts that the TUN device's queue takes
    if p[0] >> 4 == 4: s4.sendto(p, (socket.inet_ntoa(p[16:20]), 0))
    else: s6.sendto(p, (socket.inet_ntop(socket.AF_INET6, p[24:40]), 0))
    if %f: time.sleep(%f)
""" % (gap, gap)
    run("ip", "netns", "exec", host.ns, "/usr/bin/python3", "-c", code, input="\n".join(p.hex() for p in packets))


def gso_sender(host, dst, sizes, segments, seed):
    """UDP super-packets of the kernel's own (UDP_SEGMENT), of each size and number of segments."""
    code = """
import random, socket, struct, sys, time
r = random.Random(%d)
v6 = ":" in %r
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 40000)); to = (%r, 9)
for size in %r:
    for n in %r:
        tail = r.randrange(1, size + 1)
        data = r.randbytes(size * (n - 1) + tail)[:60000]
        s.setsockopt(socket.IPPROTO_UDP, 103, size)
        s.sendto(data, to)
        time.sleep(0.002)
""" % (seed, dst, dst, sizes, segments)
    host.run("/usr/bin/python3", "-c", code)


class Paths:
    """The plain path between alice and bob, and the same through a tunnel."""

    def __init__(self, sites, workers):
        self.s = sites
        # Bob sees packets as a wire carries them: super-packets are cut before they reach him.
        for h, dev in ((sites.sun, "lan"), (sites.moon, "lan"), (sites.bob, "eth0")):
            h.run("ethtool", "-K", dev, "tso", "off", "gso", "off", "gro", "off", "tx-udp-segmentation", "off", "tx", "off", "rx", "off")
        # The plain path has the tunnel's MTU.
        for h in (sites.moon, sites.sun):
            h.ip("link", "set", "wan", "mtu", 1500)
        for h in (sites.alice, sites.bob):
            h.ip("link", "set", "eth0", "mtu", 1400)
            for key in ("net.ipv4.conf.all.accept_source_route", "net.ipv4.conf.eth0.accept_source_route"):
                h.sysctl(key, 1)
        # Both hosts know each other's hardware address from the start.
        for h, gw4, gw6 in ((sites.alice, "10.1.0.1", "fd01::1"), (sites.bob, "10.2.0.1", "fd02::1")):
            h.probe(gw4)
            h.probe(gw6)
        assert wait_until(lambda: sites.alice.probe(B4) and sites.alice.probe(B6) and sites.bob.probe(A4) and sites.bob.probe(A6))
        self.workers = workers

    def through_esp(self):
        t = Tunnel(self.s.net, self.s.moon, self.s.sun, ["-w", self.workers], ["-w", self.workers])
        t.route("10.2.0.0/16", "10.1.0.0/16")
        t.route("fd02::/64", "fd01::/64")
        t.claim("10.1.0.0/16,fd01::/64", "10.2.0.0/16,fd02::/64")
        t.install("10.1.0.0/16", "10.2.0.0/16")
        t.install("fd01::/64", "fd02::/64")
        return t

    def seen_by_bob(self, send):
        cap = self.s.bob.capture("eth0", FILTER)
        send()
        return [bytes(p.payload) for p in scapy.rdpcap(cap.stop())]


def compare(sites, send, workers=1, least=1, as_seen=bytes):
    paths = Paths(sites, workers)
    plain = paths.seen_by_bob(send)
    t = paths.through_esp()
    esp = paths.seen_by_bob(send)
    assert len(plain) >= least
    assert len(esp) == len(plain), (len(esp), len(plain), t.a.drops(), t.b.drops())
    # Packets of one flow never overtake each other; what different flows sent at once may be delivered flow by flow.
    assert by_flow(map(as_seen, plain)) == by_flow(map(as_seen, esp))
    t.quit()


def without_ident(p):
    """Without the IPv4 identification, which the sender's kernel chose anew for each run, and its share of the checksum."""
    return p[:4] + b"\0\0" + p[6:10] + b"\0\0" + p[12:] if p[0] >> 4 == 4 else p


def by_flow(packets):
    flows = {}
    for p in packets:
        v4 = p[0] >> 4 == 4
        proto, l4 = (p[9], (p[0] & 15) * 4) if v4 else (p[6], 40)
        flows.setdefault((v4, proto, p[l4:l4 + 2] if proto in (6, 17) else b""), []).append(p.hex())
    return flows


def odd_packets(seed):
    """Everything that is not a plain full-sized segment."""
    r = random.Random(seed)
    options = IPOption(b"\x94\x04\x00\x00")  # router alert
    body = lambda n: Raw(r.randbytes(n))  # noqa: E731
    ps = []
    for n in (0, 1, 2, 3, 4, 7, 8, 100, 1372):
        ps.append(IP(src=A4, dst=B4, id=r.randrange(1, 65536)) / UDP(sport=1, dport=9) / body(n))
        ps.append(IPv6(src=A6, dst=B6, fl=r.randrange(1 << 20)) / UDP(sport=1, dport=9) / body(min(n, 1352)))
        ps.append(IP(src=A4, dst=B4, id=77, flags="DF", tos=r.randrange(64) << 2, proto=253) / body(n))
    ps += [IP(src=A4, dst=B4, id=5, options=options) / UDP(sport=1, dport=9) / body(100),
           IP(src=A4, dst=B4, id=6, options=options) / TCP(sport=1, dport=9, flags="A", seq=1) / body(64),
           IP(src=A4, dst=B4, id=7) / UDP(sport=1, dport=9, chksum=0) / body(50),
           IP(src=A4, dst=B4, id=8) / UDP(sport=1, dport=9, chksum=0x1234) / body(50),
           IP(src=A4, dst=B4, id=9) / TCP(sport=1, dport=9, chksum=0x1234, flags="A") / body(50),
           IP(src=A4, dst=B4, id=10, ttl=3) / ICMP(type=8, id=1, seq=2) / body(33),
           IPv6(src=A6, dst=B6) / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=9) / body(99),
           IPv6(src=A6, dst=B6) / IPv6ExtHdrHopByHop() / UDP(sport=1, dport=9) / body(98),
           IPv6(src=A6, dst=B6, hlim=9, tc=0x28) / ICMPv6EchoRequest(id=3, data=b"x" * 77)]
    ps += fragment(IP(src=A4, dst=B4, id=4242) / UDP(sport=1, dport=9) / body(3000), 1000)
    ps += fragment6(IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment(id=99) / UDP(sport=1, dport=9) / body(2500), 1300)
    return [bytes(p) for p in ps]


def segments(seed, v6=False):
    """TCP segments of several flows: runs that may be joined, and each reason not to."""
    r = random.Random(seed)
    ps, flow = [], {}
    for i in range(600):
        port = r.randrange(1000, 1004)
        seq, ident = flow.get(port, (r.randrange(1 << 32), r.randrange(1, 65000)))
        flags = r.choice(["A"] * 12 + ["PA", "FA", "SA", "RA", "UA", "EA", "CA"])
        size = r.choice([1000] * 8 + [0, 1, 500, 999, 1001])
        opts = r.choice([[("NOP", None), ("NOP", None), ("Timestamp", (i // 20, 7))]] * 6 + [[], [("NOP", None)] * 4])
        tcp = TCP(sport=port, dport=9, seq=seq, ack=r.choice([5] * 9 + [6]), flags=flags, window=r.choice([512] * 9 + [513]), options=opts)
        if r.randrange(20) == 0:
            seq += 777      # a hole
        body = Raw(r.randbytes(size))
        if v6:
            p = IPv6(src=A6, dst=B6, fl=port, hlim=r.choice([64] * 20 + [63]), tc=r.choice([0] * 20 + [1, 2, 3])) / tcp / body
        else:
            p = IP(src=A4, dst=B4, id=ident, flags=r.choice(["DF"] * 20 + [0]), ttl=r.choice([64] * 20 + [63]), tos=r.choice([0] * 20 + [1, 2, 3])) / tcp / body
        p = p.__class__(bytes(p))
        if r.randrange(40) == 0:
            p[TCP].chksum ^= 1
        ps.append(bytes(p))
        flow[port] = ((seq + size) % (1 << 32), (ident + r.choice([1] * 9 + [0, 2])) % 65536 or 1)
    return ps


def test_odd_packets(sites):
    packets = odd_packets(1)
    compare(sites, lambda: sender(sites.alice, packets, 0.002), least=len(packets) - 3)


@pytest.mark.parametrize("v6", [False, True], ids=["inner4", "inner6"])
@pytest.mark.parametrize("seed", [1, 2])
def test_segments_in_bursts(sites, v6, seed):
    packets = segments(seed, v6)
    compare(sites, lambda: sender(sites.alice, packets), least=len(packets) - 3)


@pytest.mark.parametrize("dst", [B4, B6], ids=["inner4", "inner6"])
def test_udp_super_packets_of_every_size(sites, dst):
    compare(sites, lambda: gso_sender(sites.alice, dst, [1, 2, 3, 17, 64, 100, 511, 512, 1000, 1300], [1, 2, 3, 7, 43], 1), least=300, as_seen=without_ident)
