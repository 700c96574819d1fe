# SPDX-License-Identifier: Apache-2.0
"""Transport mode, AH, bundles and IPComp between two data planes. The kernel's IP stacks, tshark and scapy judge."""
import os
import re

import pytest

from dataplane_tool import Tunnel, endpoint, stream
from net import wait_until

ENDS = {4: ("10.77.0.1", "10.77.0.2"), 6: ("fd77::1", "fd77::2")}
INSIDE = {4: ("10.1.0.1", "10.2.0.1"), 6: ("fd01::1", "fd02::1")}
MARK = 0x77

# name: transport mode, what the SAs are, protocol on the wire (4, 6: that of the IP header)
FORMS = {
    "esp-transport": (True, "encr=aes256gcm16", "ESP"),
    "esp-transport-udp": (True, "encr=aes128 integ=sha256 udp=1", "UDP"),
    "esp-transport-ctr": (True, "encr=aes128ctr integ=aesxcbc", "ESP"),
    "ah-transport": (True, "proto=ah integ=sha256", "AH"),
    "ah-transport-esn": (True, "proto=ah integ=sha512 esn=1", "AH"),
    "bundle-transport": (True, "encr=aes256gcm16 bundle", "AH"),
    "ipcomp-transport": (True, "encr=aes256gcm16 cpi=2", "ESP"),
    "ah-tunnel": (False, "proto=ah integ=sha1", "AH"),
    "bundle-tunnel": (False, "encr=aes128ccm16 bundle", "AH"),
    "ipcomp-tunnel": (False, "encr=aes128gmac cpi=2", "ESP"),
    "ipcomp-ah-tunnel": (False, "proto=ah integ=sha256 cpi=7777", "AH"),
}
KEY_OCTETS = {"aes256gcm16": 36, "aes128": 16, "aes128ctr": 20, "aes128ccm16": 19, "aes128gmac": 20, "sha1": 20, "sha256": 32,
              "sha512": 64, "aesxcbc": 16}


class Form(Tunnel):
    """Two hosts whose own traffic, or that of addresses on their lo, is protected in one of the forms."""

    def __init__(self, hosts, version, name, workers=1, ends=None):
        self.transport, words, self.wire = FORMS[name]
        self.version, self.ends = version, ends or ENDS[version]
        self.inner = self.ends if self.transport else INSIDE[version]
        super().__init__(hosts.net, hosts.moon, hosts.sun, args_a=["-w", workers, "-k", MARK], args_b=["-w", workers, "-k", MARK], native=True)
        self._steer()
        self.claim(*self.inner, trap=0)
        self.spis = (0x2000, 0x2001)
        self.key, self.auth, self.ah_key = {}, {}, {}
        for direction in (0, 1):
            self._install(direction, dict(w.split("=") if "=" in w else (w, "") for w in words.split()))

    def _steer(self):
        family = ["-6"] if self.version == 6 else []
        for host, me, peer in ((self.left, 0, 1), (self.right, 1, 0)):
            if not self.transport:
                host.address("lo", INSIDE[self.version][me] + ("/128" if family else "/32"))
            for key in ("all", "default", "sp0"):
                host.sysctl("net.ipv4.conf.%s.rp_filter" % key, 0)
            host.ip(*family, "route", "add", "default", "dev", "sp0", "src", self.inner[me], "table", 77)
            host.ip(*family, "rule", "add", "fwmark", hex(MARK), "lookup", "main", "pref", 100)
            host.ip(*family, "rule", "add", "to", self.inner[peer], "lookup", 77, "pref", 101)

    def _install(self, to_right, words):
        """The SA whose receiver is the right end, or the left one, in both."""
        spi, w = self.spis[to_right], dict(words)
        parts = ["udp=%s" % w.pop("udp", 0)]
        for option, store, field in (("encr", self.key, "key"), ("integ", self.auth, "ikey")):
            if option in w:
                store[spi] = os.urandom(KEY_OCTETS[w[option]])
                parts.append("%s=%s" % (field, store[spi].hex()))
        if "bundle" in w:
            del w["bundle"]
            self.ah_key[spi] = os.urandom(32)
            parts.append("ah=%d ahkey=%s" % (spi + 0x100000, self.ah_key[spi].hex()))
        if self.transport:
            parts.append("mode=transport")
        parts += ["%s=%s" % item for item in w.items()]
        for tool, me in ((self.b, 1), (self.a, 0)):
            peer = 1 - me
            tool.do("sa %s spi=%d local=%s remote=%s ts=%s==%s %s" % (
                "in" if me == to_right else "out", spi, endpoint(self.ends[me], 4500), endpoint(self.ends[peer], 4500),
                self.inner[me], self.inner[peer], " ".join(parts)))

    def only_protected(self, lines):
        wanted = {"ESP": r"ESP\(spi", "UDP": r"UDP-encap: ESP", "AH": r"\bAH\("}[self.wire]
        lines = [x for x in lines if not re.search("ICMP6, (neighbor|multicast|router)|frag|ARP", x)]
        assert lines and all(re.search(wanted, x) for x in lines), [x for x in lines if not re.search(wanted, x)][:5]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", sorted(FORMS))
def test_ping_and_tcp(gateways, name, version):
    f = Form(gateways, version, name)
    cap = gateways.sun.capture("wan")
    assert gateways.moon.ping(f.inner[1], 3, src=f.inner[0], interval=0.02) == 3
    for size in (0, 1, 7, 100, 1200):
        assert gateways.sun.ping(f.inner[0], src=f.inner[1], size=size) == 1
    stream(gateways.moon, gateways.sun, f.inner[1], octets=1 << 20, src=f.inner[0])
    f.only_protected(cap.lines("not arp"))
    d = f.b.drops()
    assert d.pop("none") > 100 and not {k: v for k, v in d.items() if k != "no-policy"}
    # The pings are of zeros. Whoever counts in the worker is read by the control thread.
    for tool, side in ((f.a, "out"), (f.b, "in")):
        assert (tool.numbers("usage %s spi=%d" % (side, f.spis[1]))["compressed"] > 0) == ("cpi" in FORMS[name][1])
    f.quit()


def test_two_workers_find_the_parts_of_a_bundle(gateways):
    f = Form(gateways, 4, "bundle-transport", workers=2)
    assert gateways.moon.ping(f.inner[1], 5, src=f.inner[0], interval=0.02) == 5
    f.quit()


def captured(cap, src):
    scapy = pytest.importorskip("scapy.all")
    layer = "IPv6" if ":" in src else "IP"
    return [p[layer] for p in scapy.rdpcap(cap.stop()) if layer in p and p[layer].src == src and p[layer].payload.name in ("ESP", "AH")]


@pytest.mark.parametrize("version", [4, 6])
def test_scapy_opens_our_transport_mode(gateways, version):
    pytest.importorskip("scapy.all")
    from scapy.layers.ipsec import ESP, SecurityAssociation
    f = Form(gateways, version, "esp-transport")
    cap = gateways.sun.capture("wan")
    assert gateways.moon.ping(f.inner[1], 2, src=f.inner[0], size=300, interval=0.05) == 2
    sa = SecurityAssociation(ESP, spi=f.spis[1], crypt_algo="AES-GCM", crypt_key=f.key[f.spis[1]])
    packets = captured(cap, f.ends[0])
    assert len(packets) == 2
    for p in packets:
        inner = sa.decrypt(p)
        assert (inner.src, inner.dst) == f.inner
        assert bytes(inner.payload)[0] == (8 if version == 4 else 128)
        assert len(bytes(inner.payload)) == 308
    f.quit()


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", ["ah-transport", "ah-tunnel"])
def test_scapy_verifies_our_ah(gateways, name, version):
    pytest.importorskip("scapy.all")
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.ipsec import AH, IPSecIntegrityError, SecurityAssociation
    f = Form(gateways, version, name)
    cap = gateways.sun.capture("wan")
    assert gateways.moon.ping(f.inner[1], 2, src=f.inner[0], size=300, interval=0.05) == 2
    algorithm = "SHA2-256-128" if name == "ah-transport" else "HMAC-SHA1-96"
    kw = {} if f.transport else {"tunnel_header": (IP if version == 4 else IPv6)(src=f.ends[0], dst=f.ends[1])}
    sa = SecurityAssociation(AH, spi=f.spis[1], auth_algo=algorithm, auth_key=f.auth[f.spis[1]], **kw)
    packets = captured(cap, f.ends[0])
    assert len(packets) == 2
    for p in packets:
        bad = bytearray(bytes(p))
        inner = bytes(sa.decrypt(p))
        # scapy 2.5 does not parse what was inside a tunnel over IPv4.
        inner = (IP if version == 4 else IPv6)(inner[-328:] if version == 4 else inner)
        assert (inner.src, inner.dst) == f.inner
        bad[-1] ^= 1
        with pytest.raises(IPSecIntegrityError):
            sa.decrypt((IP if version == 4 else IPv6)(bytes(bad)))
    f.quit()


def test_ah_survives_a_router_and_refuses_a_forger(gateways):
    """TTL and TOS may change on the way; a changed address or octet may not."""
    pytest.importorskip("scapy.all")
    f = Form(gateways, 4, "ah-transport")
    from test_dataplane_tunnel import inject
    cap = gateways.moon.capture("wan")
    gateways.moon.ip("neigh", "replace", f.ends[1], "lladdr", "02:00:00:00:00:01", "dev", "wan", "nud", "permanent")
    gateways.moon.probe(f.inner[1], 2, src=f.inner[0], interval=0.05)
    lost = [bytes(p) for p in captured(cap, f.ends[0])]
    gateways.moon.ip("neigh", "del", f.ends[1], "dev", "wan")
    before = f.b.drops().get("none", 0)
    routed, forged = bytearray(lost[0]), bytearray(lost[1])
    routed[1], routed[8] = 0x20, 3
    forged[-1] ^= 0x80
    inject(gateways.moon, [bytes(routed), bytes(forged)])
    assert wait_until(lambda: f.b.drops().get("none", 0) > before and f.b.drops().get("icv") == 1), f.b.drops()
    inject(gateways.moon, [bytes(routed)])
    assert wait_until(lambda: f.b.drops().get("replay") == 1), f.b.drops()
    f.quit()


def test_large_datagrams_of_the_path_are_fragmented_outside(gateways):
    """RFC 4303 section 3.3.4: fragments are made after ESP, and put together before it."""
    f = Form(gateways, 4, "esp-transport")
    for host in (gateways.moon, gateways.sun):
        host.ip("link", "set", "sp0", "mtu", 1500)
    cap = gateways.sun.capture("wan")
    assert gateways.moon.ping(f.inner[1], src=f.inner[0], size=1465, df=False) == 1
    fragments = cap.lines("ip[6] & 0x20 != 0 or ip[6:2] & 0x1fff != 0")
    assert len(fragments) == 4 and any("ESP(spi" in x for x in fragments), fragments
    f.quit()


def test_what_shrinks_is_compressed(gateways):
    pytest.importorskip("scapy.all")
    f = Form(gateways, 4, "ipcomp-transport")
    cap = gateways.sun.capture("wan")
    assert gateways.moon.ping(f.inner[1], 2, src=f.inner[0], size=1200, interval=0.05) == 2
    packets = captured(cap, f.ends[0])
    # The pattern that ping sends repeats every 256 octets.
    assert len(packets) == 2 and all(len(p) < 600 for p in packets)
    f.quit()
