# SPDX-License-Identifier: Apache-2.0
"""Path MTU through the data plane: RFC 4301 section 8. Large packets are cut or answered; TCP never stalls."""
import re

import pytest

from dataplane_tool import Tunnel, stream
from net import wait_until

IN4, IN6 = ("10.1.0.1", "10.2.0.1"), ("fd01::1", "fd02::1")
TS4, TS6 = ("10.1.0.0/16", "10.2.0.0/16"), ("fd01::/64", "fd02::/64")


class Routed:
    """moon - router - sun: the path is narrow behind the router, where moon cannot see it."""

    def __init__(self, net, narrow, inside=True):
        self.net = net
        self.moon, self.router, self.sun = net.host("moon"), net.host("router"), net.host("sun")
        net.link(self.moon, "wan", self.router, "left")
        net.link(self.router, "right", self.sun, "wan", mtu=narrow)
        self.moon.address("wan", "10.78.1.1/24", "fd78:1::1/64")
        self.router.address("left", "10.78.1.254/24", "fd78:1::fe/64")
        self.router.address("right", "10.78.2.254/24", "fd78:2::fe/64")
        self.sun.address("wan", "10.78.2.2/24", "fd78:2::2/64")
        self.router.forward()
        for h, n in ((self.moon, 1), (self.sun, 2)):
            h.ip("route", "add", "default", "via", "10.78.%d.254" % n)
            h.ip("-6", "route", "add", "default", "via", "fd78:%d::fe" % n)
        if inside:
            self.moon.address("lo", IN4[0] + "/32", IN6[0] + "/128")
            self.sun.address("lo", IN4[1] + "/32", IN6[1] + "/128")

    def tunnel(self, outer, ts, udp=True, extra=""):
        t = Tunnel(self.net, self.moon, self.sun, ["-w", 1], ["-w", 1], native=not udp)
        for h, to, src in ((self.moon, TS4[1], IN4[0]), (self.sun, TS4[0], IN4[1]), (self.moon, TS6[1], IN6[0]), (self.sun, TS6[0], IN6[1])):
            h.ip(*(["-6"] if ":" in to else []), "route", "replace", to, "dev", "sp0", "src", src)
        t.claim(*ts)
        t.install(ts[0], ts[1], outer[0], outer[1], udp=udp, extra=extra)
        return t


V4, V6 = ("10.78.1.1", "10.78.2.2"), ("fd78:1::1", "fd78:2::2")


def told_mtu(host, dst, *args):
    """What ping says that the path's MTU is, after a few large packets with DF."""
    out = ""
    for _ in range(20):
        out += host.run("ping", "-n", "-c", "1", "-W", "1", "-M", "do", *args, dst, check=False, timeout=10)
        m = re.search(r"mtu[ =:]+(\d+)", out)
        if m:
            return int(m.group(1))
    raise AssertionError(out)


def overhead(outer6, udp):
    return (40 if outer6 else 20) + (8 if udp else 0) + 8 + 8 + 2 + 16


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "native"])
@pytest.mark.parametrize("outer", [V4, V6], ids=["outer4", "outer6"])
def test_a_large_ping_is_told_the_mtu_that_fits(net, outer, udp):
    r = Routed(net, 1300)
    t = r.tunnel(outer, TS4, udp)
    assert r.moon.ping(IN4[1], src=IN4[0]) == 1
    mtu = told_mtu(r.moon, IN4[1], "-I", IN4[0], "-s", "1350")
    most = 1300 - overhead(outer is V6, udp)
    assert most - 4 < mtu <= most
    # Exactly this size passes.
    assert r.moon.ping(IN4[1], src=IN4[0], size=mtu - 28, df=True) == 1
    assert t.a.drops()["too-big"] >= 1
    t.quit()


@pytest.mark.parametrize("outer", [V4, V6], ids=["outer4", "outer6"])
def test_ipv6_inside_is_told_too(net, outer):
    r = Routed(net, 1400)
    t = r.tunnel(outer, TS6)
    assert r.moon.ping(IN6[1], src=IN6[0]) == 1
    mtu = told_mtu(r.moon, IN6[1], "-I", IN6[0], "-s", "1340")
    most = 1400 - overhead(outer is V6, True)
    assert max(1280, most - 4) <= mtu <= max(1280, most)
    assert r.moon.ping(IN6[1], 2, src=IN6[0], size=mtu - 48, df=True) == 2
    t.quit()


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "native"])
@pytest.mark.parametrize("outer", [V4, V6], ids=["outer4", "outer6"])
@pytest.mark.parametrize("ts,dst", [(TS4, IN4), (TS6, IN6)], ids=["inner4", "inner6"])
def test_tcp_never_stalls_behind_a_narrow_path(net, ts, dst, outer, udp):
    r = Routed(net, 1380)
    t = r.tunnel(outer, ts, udp)
    assert stream(r.moon, r.sun, dst[1], octets=4 << 20) < 60
    assert stream(r.sun, r.moon, dst[0], octets=4 << 20) < 60
    t.quit()


def test_packets_that_may_be_cut_are_cut_before_encryption(net):
    r = Routed(net, 1300)
    t = r.tunnel(V4, TS4)
    r.moon.probe(IN4[1], src=IN4[0], size=1350)
    wait_until(lambda: told(r))
    cap = r.sun.capture("wan", "src host 10.78.1.1")
    for size in (1350, 5000):
        assert r.moon.ping(IN4[1], src=IN4[0], size=size, df=False) == 1
    lines = cap.lines()
    assert lines and not any("ip-proto-17" in x or "frag" in x for x in lines), lines
    t.quit()


def told(r):
    """Lets the gateway learn the path's MTU: a packet with DF that the router answers."""
    return "mtu" in r.moon.run("ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-I", IN4[0], "-s", "1350", IN4[1], check=False)


def test_inner_fragments_pass_both_ways(net):
    r = Routed(net, 1500)
    t = r.tunnel(V4, TS4)
    for size in (1350, 1400, 2000, 9000, 40000):
        assert r.moon.ping(IN4[1], src=IN4[0], size=size, df=False) == 1, size
    t.quit()


def test_where_selectors_look_at_ports_the_outer_packet_is_fragmented(net):
    r = Routed(net, 1300)
    t = r.tunnel(V4, ("10.1.0.0/16[udp]", "10.2.0.0/16[udp/7777]"))
    code = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "s.setsockopt(socket.IPPROTO_IP,10,0)\ns.bind(('10.1.0.1',0))\n"
            "[s.sendto(b'x'*1340,('10.2.0.1',7777)) for _ in range(5)]")
    receiver = r.sun.popen("/usr/bin/python3", "-c", "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                           "s.bind(('',7777))\ns.settimeout(5)\nprint('up',flush=True)\n"
                           "print(len(s.recv(9000)),flush=True)", stdout=-1)
    assert receiver.stdout.readline().strip() == "up"
    r.moon.run("/usr/bin/python3", "-c", code)
    assert receiver.stdout.readline().strip() == "1340"
    t.quit()


def test_the_mtu_rises_again_with_the_route(net):
    """RFC 4301 8.2.2: what was learnt ages."""
    r = Routed(net, 1300)
    t = r.tunnel(V4, TS4)
    assert told_mtu(r.moon, IN4[1], "-I", IN4[0], "-s", "1350") < 1300
    r.router.ip("link", "set", "right", "mtu", 1500)
    r.sun.ip("link", "set", "wan", "mtu", 1500)

    def passes():
        # What the kernel learnt is forgotten at once here, inside and outside; else it takes ten minutes.
        r.moon.ip("route", "flush", "cache")
        return r.moon.probe(IN4[1], src=IN4[0], size=1350, df=True) == 1
    assert wait_until(passes, 40, 1)
    t.quit()


def test_the_tunnel_survives_a_link_that_shrinks(gateways):
    m, s = gateways.moon, gateways.sun
    m.address("lo", IN4[0] + "/32")
    s.address("lo", IN4[1] + "/32")
    t = Tunnel(gateways.net, m, s, ["-w", 1], ["-w", 1])
    m.ip("route", "replace", TS4[1], "dev", "sp0", "src", IN4[0])
    s.ip("route", "replace", TS4[0], "dev", "sp0", "src", IN4[1])
    t.claim(*TS4)
    t.install(*TS4)
    stream(m, s, IN4[1], octets=1 << 20)
    m.ip("link", "set", "wan", "mtu", 1200)
    s.ip("link", "set", "wan", "mtu", 1200)
    assert stream(m, s, IN4[1], octets=4 << 20) < 60
    assert stream(s, m, IN4[0], octets=4 << 20) < 60
    t.quit()
