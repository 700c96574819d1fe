# SPDX-License-Identifier: Apache-2.0
"""The path MTU of AH behind a narrow router: RFC 4301 section 8.2. Linux's router says it, and judges what then passes."""
import pytest

from net import wait_until
from test_dataplane_forms import Form
from test_dataplane_mtu import V4, V6, Routed, told_mtu

ENDS = {4: V4, 6: V6}
NAMES = ["ah-tunnel", "ah-transport", "bundle-tunnel", "bundle-transport"]


def opened(net, version, name, narrow=1300):
    r = Routed(net, narrow, inside=False)
    f = Form(r, version, name, ends=ENDS[version])
    assert r.moon.ping(f.inner[1], src=f.inner[0]) == 1
    return r, f


def passes(r, f, size):
    """One whole IP packet of so many octets, with DF."""
    return r.moon.probe(f.inner[1], src=f.inner[0], size=size - (48 if f.version == 6 else 28), df=True) == 1


def learned(r, f):
    """The MTU that the sender is told until what it sends passes: the first may be of the route, or without what AH adds."""
    told = []

    def settled():
        told.append(told_mtu(r.moon, f.inner[1], "-I", f.inner[0], "-s", "1350"))
        return passes(r, f, told[-1])
    assert wait_until(settled, 20, 0.1), told
    return told[-1]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", NAMES)
def test_a_narrow_path_behind_a_router_is_learned(net, name, version):
    r, f = opened(net, version, name, 1398)
    mtu = learned(r, f)
    # AH takes at least 24 octets, and the next larger packet did not fit: paddings are below 16.
    assert 1280 <= mtu <= 1398 - 24
    assert not passes(r, f, mtu + 16)
    f.quit()


def test_what_was_learned_ages(net):
    """RFC 4301 section 8.2.2."""
    r, f = opened(net, 6, "ah-tunnel", 1398)
    r.moon.sysctl("net.ipv6.route.mtu_expires", 2)
    assert learned(r, f) < 1398
    r.router.ip("link", "set", "right", "mtu", 1500)
    r.sun.ip("link", "set", "wan", "mtu", 1500)

    def forgotten():
        r.moon.ip("-6", "route", "flush", "cache")
        return passes(r, f, 1398)
    assert wait_until(forgotten, 40, 1)
    f.quit()


FORGED = """
from scapy.all import AH, ICMPv6PacketTooBig, IPv6, Raw, send
inner = IPv6(src='%s', dst='%s', nh=51) / AH(spi=%d, seq=%d, icv=b'x' * 12) / Raw(b'x' * 1000)
inner.plen = 1400
send([IPv6(src='%s', dst='%s') / ICMPv6PacketTooBig(mtu=1300) / inner], verbose=False)
"""


def test_who_does_not_know_the_spi_or_what_was_sent_is_not_believed(net):
    """RFC 4301 section 6.1.1: the message is not authenticated."""
    pytest.importorskip("scapy.all")
    r, f = opened(net, 6, "ah-tunnel", 1500)

    def forge(spi, seq):
        r.sun.run("/usr/bin/python3", "-c", FORGED % (*V6, spi, seq, V6[1], V6[0]), timeout=60)
        return passes(r, f, 1398)
    assert forge(f.spis[1] + 1, 1)
    assert forge(f.spis[1], 0xffff0000)
    # One that knows both is: the test can fail.
    assert not forge(f.spis[1], 1)
    f.quit()
