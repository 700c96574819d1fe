# SPDX-License-Identifier: Apache-2.0
"""Datagrams larger than any packet: whole before transport mode and before selectors with ports, cut again outside."""
import subprocess

import pytest

from dataplane_tool import Tunnel, stream
from net import wait_until
from test_dataplane_forms import Form
from test_dataplane_mtu import IN4, IN6, TS4, TS6, V4, V6, Routed, told_mtu

SIZES = (1453, 4000, 20000, 60000)


class Receiver:
    """Datagrams that arrive, as sizes and digests."""

    def __init__(self, host, dst, port=5001):
        self.dst, self.port, self.family = dst, port, "AF_INET6" if ":" in dst else "AF_INET"
        self.p = host.popen("/usr/bin/python3", "-c", """
import hashlib, socket
s = socket.socket(socket.%s, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20); s.bind((%r, %d)); print("ready", flush=True)
while True:
    d = s.recv(65536); print(len(d), hashlib.sha256(d).hexdigest(), flush=True)
""" % (self.family, dst, port), stdout=subprocess.PIPE)
        assert self.p.stdout.readline().strip() == "ready"

    def arrive_from(self, host, src, sizes=SIZES):
        sent = host.run("/usr/bin/python3", "-c", """
import hashlib, os, socket, time
s = socket.socket(socket.%s, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, 32, 8 << 20); s.bind((%r, 0)); s.settimeout(5)
for n in %r:
    d = os.urandom(n); s.sendto(d, (%r, %d)); print(n, hashlib.sha256(d).hexdigest()); time.sleep(0.05)
""" % (self.family, src, sizes, self.dst, self.port)).split("\n")[:len(sizes)]
        assert [self.p.stdout.readline().strip() for _ in sent] == sent


def only_protected(cap, f):
    """Each packet between the ends is ESP, AH or ESP in UDP, or a fragment of that; none is larger than the link's MTU."""
    scapy = pytest.importorskip("scapy.all")
    layer, wanted = "IP" if f.version == 4 else "IPv6", {"ESP": 50, "AH": 51, "UDP": 17}[f.wire]
    packets = [p[layer] for p in scapy.rdpcap(cap.stop()) if layer in p and p[layer].src in f.ends and p[layer].dst in f.ends]
    assert packets
    for p in packets:
        extra = p.getlayer("IPv6ExtHdrFragment")
        proto = extra.nh if extra else p.nh if layer == "IPv6" else p.proto
        assert proto == wanted or proto == 58 and "Neighbor" in p.summary(), p.summary()
        assert len(p) <= 1500 and (wanted != 17 or "UDP" not in p or p["UDP"].dport == 4500), p.summary()


def reassembled(tool):
    return tool.numbers("counters")["reassembled"]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", ["esp-transport", "esp-transport-udp", "ah-transport-esn", "bundle-transport", "ipcomp-transport"])
def test_datagrams_pass_transport_mode_whole(gateways, name, version):
    """RFC 4303 section 3.3.4: reassembled, protected, and fragmented outside; the receiver's kernel puts that together."""
    f = Form(gateways, version, name)
    cap = gateways.sun.capture("wan")
    for size in (4000, 30000):
        assert gateways.moon.ping(f.inner[1], src=f.inner[0], size=size) == 1
    Receiver(gateways.sun, f.inner[1]).arrive_from(gateways.moon, f.inner[0])
    Receiver(gateways.moon, f.inner[0]).arrive_from(gateways.sun, f.inner[1])
    assert reassembled(f.a) >= 6 and reassembled(f.b) >= 6
    for tool in (f.a, f.b):
        assert not {k: v for k, v in tool.drops().items() if k not in ("none", "no-policy")}
    only_protected(cap, f)
    f.quit()


def test_two_workers_make_datagrams_whole(gateways):
    f = Form(gateways, 4, "esp-transport", workers=2)
    Receiver(gateways.sun, f.inner[1]).arrive_from(gateways.moon, f.inner[0], SIZES * 5)
    assert reassembled(f.a) == 20
    f.quit()


# Over IPv6 the kernel steps over AH when it reads an ICMP error, and tells the sockets of what is inside.
@pytest.mark.parametrize("name,version", [("esp-transport", 4), ("esp-transport", 6), ("esp-transport-udp", 4), ("esp-transport-udp", 6),
                                          ("ah-transport", 4)])
def test_a_narrow_path_is_learned_in_transport_mode(net, name, version):
    """RFC 4301 section 8.2: the router's ICMP error quotes ESP, AH or UDP; senders are told, and datagrams are cut to fit."""
    r = Routed(net, 1300)
    f = Form(r, version, name, ends=V4 if version == 4 else V6)
    assert r.moon.ping(f.inner[1], src=f.inner[0]) == 1
    mtu = told_mtu(r.moon, f.inner[1], "-I", f.inner[0], "-s", "1300")
    # IPv6 asks nobody for less than 1280; what is larger outside is cut by us, its source (RFC 4303 section 3.3.4).
    assert mtu == 1280 if version == 6 else 1200 < mtu < 1290
    stream(r.moon, r.sun, f.inner[1], octets=1 << 20, src=f.inner[0])
    Receiver(r.sun, f.inner[1]).arrive_from(r.moon, f.inner[0])
    f.quit()


def lone_fragments(host, src, dst):
    """The first half of a datagram, and the second half of another."""
    code = """
from scapy.all import *
v6 = ":" in %r
for ident, offset, more in ((1, 0, 1), (2, 185, 0)):
    if v6: p = IPv6(src=%r, dst=%r) / IPv6ExtHdrFragment(id=ident, offset=offset, m=more, nh=17) / (b"x" * 1024)
    else: p = IP(src=%r, dst=%r, id=ident, frag=offset, flags=more, proto=17) / (b"x" * 1024)
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.sendto(bytes(p), (%r, 0))
""" % (dst, src, dst, src, dst, dst)
    host.run("/usr/bin/python3", "-c", code)


@pytest.mark.parametrize("version", [4, 6])
def test_parts_of_datagrams_never_leave(gateways, version):
    """What does not become whole is neither protected nor sent in clear, and memory for it is bounded."""
    pytest.importorskip("scapy.all")
    f = Form(gateways, version, "esp-transport")
    cap = gateways.sun.capture("wan")
    lone_fragments(gateways.moon, *f.inner)
    Receiver(gateways.sun, f.inner[1]).arrive_from(gateways.moon, f.inner[0], (4000,))
    assert reassembled(f.a) == 1
    only_protected(cap, f)
    assert f.b.drops().get("none") == 1
    f.quit()


class Ports(Tunnel):
    """Two tunnels between the same networks: UDP port 5001, and everything else."""

    def __init__(self, gateways, version):
        self.inner = IN4 if version == 4 else IN6
        a, b = self.ts = TS4 if version == 4 else TS6
        super().__init__(gateways.net, gateways.moon, gateways.sun, ["-w", 1], ["-w", 1])
        for host, here, there in ((self.left, *self.inner), (self.right, *reversed(self.inner))):
            host.address("lo", here + ("/32" if version == 4 else "/128"))
            host.ip(*(["-6"] if version == 6 else []), "route", "replace", there, "dev", "sp0", "src", here)
        self.claim(a, b, reqid=1)
        self.wide = self.install(a, b, reqid=1)
        self.claim(a + "[udp]", b + "[udp/5001]", reqid=2)
        self.narrow = self.install(a + "[udp]", b + "[udp/5001]", reqid=2)

    def arrived(self, spis):
        return self.b.numbers("usage in spi=%d child=%d" % (spis[1], spis[0]))["packets"]


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_find_the_sa_of_their_port(gateways, version):
    """RFC 4301 section 7: later fragments show no ports, so the datagram is made whole; no fragment takes the wider SA."""
    t = Ports(gateways, version)
    Receiver(t.right, t.inner[1], 5001).arrive_from(t.left, t.inner[0])
    assert t.arrived(t.narrow) == len(SIZES) and t.arrived(t.wide) == 0
    # Another port: an SA for all ports carries fragments as ever, also those of IPv6, whose source alone may cut.
    Receiver(t.right, t.inner[1], 5002).arrive_from(t.left, t.inner[0])
    assert t.arrived(t.narrow) == len(SIZES) and t.arrived(t.wide) > 40
    assert reassembled(t.a) == 2 * len(SIZES)
    for tool in (t.a, t.b):
        assert not {k: v for k, v in tool.drops().items() if k not in ("none", "no-policy")}
    t.quit()


def test_a_lone_later_fragment_is_refused_by_an_sa_with_ports(gateways):
    """RFC 4301 section 7.3: "a receiver MUST discard non-initial fragments that arrive on an SA with non-trivial port"."""
    pytest.importorskip("scapy.all")
    from scapy.layers.inet import IP, UDP
    from scapy.layers.ipsec import ESP, SecurityAssociation
    t = Ports(gateways, 4)
    key, _ = t.keys[t.narrow[1]]
    sa = SecurityAssociation(ESP, spi=t.narrow[1], crypt_algo="AES-GCM", crypt_key=key,
                             tunnel_header=IP(src="10.77.0.1", dst="10.77.0.2"))
    whole = IP(src=t.inner[0], dst=t.inner[1], id=9) / UDP(sport=7, dport=5001) / (b"y" * 64)
    later = IP(src=t.inner[0], dst=t.inner[1], id=9, frag=9, proto=17) / (b"y" * 64)
    for p in (whole, later):
        t.left.run("/usr/bin/python3", "-c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                   "s.sendto(bytes.fromhex(%r), ('10.77.0.2', 4500))" % bytes(sa.encrypt(p).payload).hex())
    assert wait_until(lambda: t.b.drops().get("selector") == 1 and t.b.drops().get("none") == 1), t.b.drops()
    t.quit()
