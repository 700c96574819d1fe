# SPDX-License-Identifier: Apache-2.0
"""Steering: what a selector covers goes to the TUN device, all else where it always went. Judged by captures on the link outside."""
import subprocess

import pytest

from net import wait_until
from steer_tool import Steer, send

INNER = "net 10.1.0.0/16 or net 10.2.0.0/16 or net fd01::/16 or net fd02::/16"
V4, V6 = ("10.1.0.0/16", "10.2.0.0/16"), ("fd01::/64", "fd02::/64")


def both_ends(sites, *selectors):
    moon, sun = Steer(sites.moon, peer="10.77.0.2"), Steer(sites.sun, peer="10.77.0.1")
    for i in range(0, len(selectors), 2):
        moon.claim(1 + i, selectors[i], selectors[i + 1])
        sun.claim(1 + i, selectors[i + 1], selectors[i])
    return moon, sun


def test_forwarded_and_local_traffic_takes_the_tunnel(sites):
    both_ends(sites, *V4, *V6)
    # Until the hosts' link-local addresses have been probed IPv6 has no neighbours.
    assert wait_until(lambda: sites.alice.probe("fd02::10"))
    outside = sites.moon.capture("wan")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.1) == 3
    assert sites.alice.ping("fd02::10", 3, interval=0.1) == 3
    # The gateways themselves, without choosing a source: the inner address is taken.
    assert sites.moon.ping("10.2.0.10", 3, interval=0.1) == 3
    assert sites.sun.ping("fd01::1", 3, interval=0.1) == 3
    path = outside.stop()
    lines = subprocess.run(["tcpdump", "-n", "-r", path, INNER], text=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    assert lines == ""
    carried = subprocess.run(["tcpdump", "-n", "-r", path, "udp port 4500"], text=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    assert len(carried.splitlines()) == 24


@pytest.mark.parametrize("rp_filter, src_valid_mark", [(0, 0), (1, 0), (2, 0), (1, 1)])
def test_every_rp_filter_works(sites, rp_filter, src_valid_mark):
    for gw in (sites.moon, sites.sun):
        gw.sysctl("net.ipv4.conf.all.src_valid_mark", src_valid_mark)
        for where in ("all", "default", "lan", "wan"):
            gw.sysctl("net.ipv4.conf.%s.rp_filter" % where, rp_filter)
    # Not even a default route: only the claims know where the other site is.
    sites.moon.ip("route", "del", "10.2.0.0/16")
    sites.sun.ip("route", "del", "10.1.0.0/16")
    both_ends(sites, *V4, "10.77.0.1", "10.77.0.2")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.1) == 3
    assert sites.moon.ping("10.2.0.10", 3, interval=0.1) == 3
    assert sites.sun.ping("10.1.0.1", 3, interval=0.1, src="10.2.0.1") == 3
    assert sites.moon.ping("10.77.0.2", 3, interval=0.1) == 3


def test_host_to_host(gateways):
    moon, _ = both_ends(gateways, "10.77.0.1", "10.77.0.2", "fd77::1", "fd77::2")
    outside = gateways.moon.capture("wan", "ip and not udp port 4500")
    outside6 = gateways.moon.capture("wan", "icmp6 and ip6[40] >= 128 and ip6[40] <= 129")
    assert gateways.moon.ping("10.77.0.2", 3, interval=0.1) == 3
    assert gateways.sun.ping("fd77::1", 3, interval=0.1) == 3
    assert outside.lines() == [] and outside6.lines() == []
    assert moon.seen() == 6
    assert moon("outer 10.77.0.2") == "10.77.0.1"


def test_tcp_of_both_kinds_flows(sites):
    """Also large segments: the smaller MTU of the TUN device must become known to senders."""
    both_ends(sites, *V4)
    for server, client, address in ((sites.bob, sites.alice, "10.2.0.10"), (sites.sun, sites.moon, "10.2.0.1")):
        p = server.popen("/usr/bin/python3", "-c", "import socket;s=socket.create_server(('%s',7000));print('up',flush=True);c=s.accept()[0]\n"
                         "n=0\nwhile True:\n  b=c.recv(65536)\n  n+=len(b)\n  if not b: break\nprint(n,flush=True)" % address, stdout=subprocess.PIPE)
        assert p.stdout.readline() == "up\n"
        client.run("/usr/bin/python3", "-c", "import socket;c=socket.create_connection(('%s',7000),5);c.sendall(b'x'*3000000)" % address)
        assert p.stdout.readline() == "3000000\n"


def test_only_what_the_ports_say(sites):
    moon = Steer(sites.moon)
    moon.claim(1, "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/80]")
    moon.claim(2, "10.1.0.0/16[udp/5000-5010]", "10.2.0.0/16[udp]")
    outside = sites.moon.capture("wan", "net 10.2.0.0/16")
    covered = [("tcp", "-", 0, "10.2.0.10", 80), ("udp", "-", 5000, "10.2.0.10", 53), ("udp", "-", 5010, "10.2.0.11", 9)]
    free = [("tcp", "-", 0, "10.2.0.10", 81), ("udp", "-", 4999, "10.2.0.10", 53), ("udp", "-", 5011, "10.2.0.10", 80),
            ("udp", "-", 6000, "10.2.0.10", 5005)]
    for host in (sites.alice, sites.moon):
        send(host, *covered, *free)
    sites.alice.probe("10.2.0.10")
    lines = outside.lines("src net 10.1.0.0/16 or src 10.77.0.1")
    assert not [x for x in lines if ".80:" in x and "tcp" in x.lower() or ".5000 >" in x or ".5010 >" in x], lines
    for wanted in (".81:", ".4999 >", ".5011 >", ".6000 >", "ICMP echo request"):
        assert [x for x in lines if wanted in x], (wanted, lines)
    # A TCP connection attempt repeats, the datagrams do not.
    assert moon.seen() >= 6


def test_sources_of_other_ports_stay_as_they_were(sites):
    moon = Steer(sites.moon)
    moon.claim(1, "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/80]")
    outside = sites.moon.capture("wan", "tcp")
    inside = sites.moon.capture("sp0")
    send(sites.moon, ("tcp", "-", 0, "10.2.0.10", 80), ("tcp", "-", 0, "10.2.0.10", 81))
    assert wait_until(lambda: moon.seen() > 0)
    assert all("10.77.0.1" in x and ".81:" in x for x in outside.lines("tcp[tcpflags] == tcp-syn"))
    assert all("10.1.0.1" in x and ".80:" in x for x in inside.lines("tcp"))


def test_icmp_types(sites):
    moon = Steer(sites.moon)
    moon.claim(1, "10.1.0.0/16[icmp/8]", "10.2.0.0/16[icmp/8]")
    outside = sites.moon.capture("wan", "icmp")
    sites.alice.probe("10.2.0.10")
    send(sites.alice, ("udp", "-", 0, "10.2.0.10", 9))
    assert wait_until(lambda: moon.seen() == 1)
    assert not [x for x in outside.lines() if "echo request" in x]


def test_fragments_of_a_selected_port(sites):
    """A later fragment shows no port; it must not leave in clear while the first one is protected."""
    moon = Steer(sites.moon)
    moon.claim(1, "10.1.0.0/16[udp]", "10.2.0.0/16[udp/7000]", "fd01::/64[udp]", "fd02::/64[udp/7000]")
    outside = sites.moon.capture("wan", INNER)
    send(sites.alice, ("udp", "-", 0, "10.2.0.10", 7000, 9000), ("udp", "-", 0, "fd02::10", 7000, 9000))
    assert wait_until(lambda: moon.seen() >= 2)
    # Other ports go on, whole again.
    got = sites.bob.capture("eth0", "udp port 7001 or ip[6:2] & 0x1fff != 0")
    send(sites.alice, ("udp", "-", 0, "10.2.0.10", 7001, 9000))
    assert [x for x in got.lines() if ".7001:" in x]
    lines = [x for x in outside.lines() if "7001" not in x]
    assert not [x for x in lines if "fd02" in x or ".7000:" in x], lines


def test_hub_and_spoke(net):
    """A decrypted packet may have to leave again by another tunnel."""
    hub, a, b = net.host("hub"), net.host("a"), net.host("b")
    tools = []
    for n, spoke in ((1, a), (2, b)):
        net.link(hub, "w%d" % n, spoke, "wan")
        hub.address("w%d" % n, "10.77.%d.1/24" % n)
        spoke.address("wan", "10.77.%d.2/24" % n)
        spoke.address("lo", "10.%d.0.1/32" % n)
    hub.forward()
    # One device can have one peer in this test, so what comes for the second spoke is only counted.
    tools = [Steer(hub, peer="10.77.1.2"), Steer(a, peer="10.77.1.1")]
    for i, spoke_net in enumerate(("10.1.0.0/16", "10.2.0.0/16")):
        tools[0].claim(i + 1, "10.0.0.0/8", spoke_net)
    tools[1].claim(1, "10.1.0.0/16", "10.0.0.0/8", local="10.77.1.2")
    clear = hub.capture("w2", "net 10.2.0.0/16")
    a.probe("10.2.0.1", src="10.1.0.1")
    assert tools[0].seen() >= 1
    assert clear.lines() == []


def test_selectors_as_wide_as_the_world(sites):
    """Neighbour discovery goes on, attached networks stay attached, and the rest is diverted."""
    sites.moon.ip("route", "add", "default", "via", "10.77.0.2")
    sites.moon.ip("-6", "route", "add", "default", "via", "fd77::2")
    moon = Steer(sites.moon)
    moon.claim(1, "10.1.0.0/16", "0.0.0.0/0", "fd01::/64", "::/0")
    moon.claim(2, "0.0.0.0/0", "198.51.100.0/24", mode="pass")
    sites.moon.ip("neigh", "flush", "all")
    outside = sites.moon.capture("wan", "ip or ip6")
    assert sites.moon.ping("10.77.0.2") == 1
    assert sites.moon.ping("fd77::2") == 1
    send(sites.moon, ("udp", "-", 0, "203.0.113.9", 9), ("udp", "-", 0, "2001:db8::9", 9), ("udp", "-", 0, "198.51.100.9", 9))
    send(sites.alice, ("udp", "-", 0, "203.0.113.9", 9), ("udp", "-", 0, "2001:db8::9", 9), ("udp", "-", 0, "198.51.100.9", 9))
    lines = outside.lines()
    assert not [x for x in lines if "203.0.113.9" in x or "2001:db8::9" in x], lines
    assert len([x for x in lines if "198.51.100.9.9: UDP" in x and "10.77.0.1" in x]) == 1, lines
    assert len([x for x in lines if "198.51.100.9.9: UDP" in x and "10.1.0.10" in x]) == 1, lines
    assert moon.seen() == 4


def test_source_addresses_follow_the_machine(sites):
    moon = Steer(sites.moon)
    moon.claim(1, *V4)
    assert moon("inner 10.2.0.10") == "10.1.0.1"
    assert moon("outer 10.2.0.10") == "10.77.0.1"
    sites.moon.address("lan", "10.1.0.2/32")
    sites.moon.ip("addr", "del", "10.1.0.1/16", "dev", "lan")
    assert wait_until(lambda: moon.try_("inner 10.2.0.10") == "ok 10.1.0.2")
    sites.moon.ip("addr", "flush", "dev", "lan")
    assert wait_until(lambda: moon.try_("inner 10.2.0.10") == "ok 10.77.0.1")
    sites.moon.address("lan", "10.1.0.1/16")
    assert wait_until(lambda: moon.try_("inner 10.2.0.10") == "ok 10.1.0.1")
    assert moon("local 10.1.0.1") == "1" and moon("local 10.1.0.9") == "0" and moon("local fd77::1") == "1"


def test_an_administrators_mtu_stays(sites):
    moon = Steer(sites.moon)
    sites.moon.ip("link", "set", "sp0", "mtu", "1300")
    moon.claim(1, *V4)
    sites.moon.address("lan", "10.1.0.2/16")
    sites.moon.ip("link", "set", "sp0", "down")
    sites.moon.ip("link", "set", "sp0", "up")
    assert wait_until(lambda: "10.2.0.0/16 dev sp0" in sites.moon.ip("route", "show", "table", "all"))
    assert "mtu 1300" in sites.moon.ip("link", "show", "sp0")


def test_administrators_marks_survive(sites):
    """The mark is one bit of many: those of others are still there when a packet leaves."""
    sites.moon.run("sh", "-c", """nft -f - <<X
table inet admin {
  chain mark_out { type route hook output priority -300
    meta mark set 0x42
  }
  chain mark_in { type filter hook prerouting priority -300
    meta mark set 0x42
  }
  chain look { type filter hook postrouting priority 300
    oifname sp0 meta mark & 0xffff == 0x42 counter
    oifname sp0 meta mark & 0xffff != 0x42 counter
  }
}
X""")
    moon = Steer(sites.moon)
    moon.claim(1, *V4)
    send(sites.alice, ("udp", "-", 0, "10.2.0.10", 9))
    send(sites.moon, ("udp", "-", 0, "10.2.0.10", 9))
    assert wait_until(lambda: moon.seen() == 2)
    rules = sites.moon.run("nft", "list", "chain", "inet", "admin", "look")
    assert "== 0x00000042 counter packets 2" in rules and "!= 0x00000042 counter packets 0" in rules, rules
