# SPDX-License-Identifier: Apache-2.0
"""Steering and an administrator's source NAT: what gets addresses that a selector covers goes through the tunnel, not out
in clear, and its answers find the way back. Judged by captures on the link outside."""
import subprocess

import pytest

from net import wait_until
from steer_tool import Steer, flush, send, state_of

# The gateway's virtual addresses, which its clients share.
VIRTUAL = {4: "10.4.0.1", 6: "fd04::1"}
SIDES = {4: ("10.4.0.1", "10.2.0.0/16"), 6: ("fd04::1", "fd02::/64")}
TARGET = {4: "10.2.0.10", 6: "fd02::10"}
TRANSLATED = "(ip host 10.4.0.1) or (ip6 host fd04::1)"


@pytest.fixture
def shared(sites):
    """moon has virtual addresses; sun knows where they are only by its claim."""
    assert wait_until(lambda: sites.alice.probe("fd02::10"))
    sites.moon.ip("addr", "add", "10.4.0.1/32", "dev", "lo")
    sites.moon.ip("-6", "addr", "add", "fd04::1/128", "dev", "lo")
    return sites


def translate(host, how="snat to", out=""):
    for family in (4, 6):
        ip, net = ("ip", "10.1.0.0/16") if family == 4 else ("ip6", "fd01::/64")
        host.run("nft", "-f", "-", input="""table %s admin {
  chain post { type nat hook postrouting priority srcnat
    %s %s saddr %s %s daddr %s counter %s %s
  }
}""" % (ip, out, ip, net, ip, SIDES[family][1], how, VIRTUAL[family]))


def both(sites):
    moon, sun = Steer(sites.moon, peer="10.77.0.2"), Steer(sites.sun, peer="10.77.0.1")
    moon.claim(1, *SIDES[4], *SIDES[6])
    sun.claim(1, *reversed(SIDES[4]), *reversed(SIDES[6]))
    return moon, sun


@pytest.mark.parametrize("first", ["nat", "claim"])
@pytest.mark.parametrize("out", ["", 'oifname "wan"'])
def test_translated_traffic_takes_the_tunnel(shared, first, out):
    if first == "nat":
        translate(shared.moon, out=out)
    moon, _ = both(shared)
    if first == "claim":
        translate(shared.moon, out=out)
        assert wait_until(lambda: "turn" in shared.moon.run("nft", "list", "tables"))
    outside = shared.moon.capture("wan", TRANSLATED)
    for family in (4, 6):
        assert shared.alice.ping(TARGET[family], 3, interval=0.1) == 3
    assert moon.seen() == 6
    assert outside.lines() == []


def test_the_old_iptables_translates_too(shared):
    shared.moon.run("iptables-legacy", "-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-s", "10.1.0.10", "-j", "SNAT", "--to-source", "10.4.0.1")
    moon, _ = both(shared)
    assert shared.alice.ping("10.2.0.10", 2, interval=0.1) == 2
    assert moon.seen() == 2


def test_large_transfers(shared):
    """Super-packets and the smaller MTU of the TUN device."""
    translate(shared.moon)
    both(shared)
    p = shared.bob.popen("/usr/bin/python3", "-c", "import socket;s=socket.create_server(('10.2.0.10',7000));print('up',flush=True);c,a=s.accept()\n"
                         "n=0\nwhile True:\n  b=c.recv(65536)\n  n+=len(b)\n  if not b: break\nprint(a[0],n,flush=True)", stdout=subprocess.PIPE)
    assert p.stdout.readline() == "up\n"
    outside = shared.moon.capture("wan", TRANSLATED)
    shared.alice.run("/usr/bin/python3", "-c", "import socket;c=socket.create_connection(('10.2.0.10',7000),5);c.sendall(b'x'*3000000)")
    assert p.stdout.readline() == "10.4.0.1 3000000\n"
    assert outside.lines() == []


def test_what_no_selector_covers_stays_outside(shared):
    translate(shared.moon)
    moon = Steer(shared.moon)
    moon.claim(1, "10.4.0.1[udp]", "10.2.0.0/16[udp/7000]")
    outside = shared.moon.capture("wan", "udp and (%s)" % TRANSLATED)
    send(shared.alice, ("udp", "-", 0, "10.2.0.10", 7000), ("udp", "-", 0, "10.2.0.10", 7001))
    assert wait_until(lambda: moon.seen() == 1)
    lines = outside.lines()
    assert len(lines) == 1 and "10.4.0.1" in lines[0] and ".7001: " in lines[0], lines


def test_nothing_leaves_without_the_daemon_nor_by_a_new_device(shared):
    translate(shared.moon)
    moon, _ = both(shared)
    assert shared.alice.ping("10.2.0.10") == 1
    shared.net.link(shared.moon, "other", shared.sun, "other")
    shared.moon.address("other", "10.78.0.1/24")
    shared.sun.address("other", "10.78.0.2/24")
    shared.moon.ip("route", "replace", "10.2.0.0/16", "via", "10.78.0.2")
    captures = [shared.moon.capture(dev, TRANSLATED) for dev in ("wan", "other")]
    assert wait_until(lambda: '"other"' in shared.moon.run("nft", "list", "ruleset"))
    assert shared.alice.ping("10.2.0.10", 2, interval=0.1) == 2
    moon.kill()
    assert shared.alice.probe("10.2.0.10") == 0
    # Nobody is there to see this one come.
    shared.net.link(shared.moon, "third", shared.sun, "third")
    shared.moon.address("third", "10.79.0.1/24")
    shared.sun.address("third", "10.79.0.2/24")
    captures.append(shared.moon.capture("third", TRANSLATED))
    shared.moon.ip("route", "replace", "10.2.0.0/16", "via", "10.79.0.2")
    assert shared.alice.probe("10.2.0.10") == 0
    assert [c.lines() for c in captures] == [[], [], []]
    flush(shared.moon)
    # The capture would have shown it.
    third = shared.moon.capture("third", TRANSLATED)
    shared.alice.probe("10.2.0.10")
    assert third.lines() != []


def test_it_comes_and_goes(shared):
    """No hook of ours at the devices before somebody translates; what others remove comes back; nothing is left behind."""
    before = state_of(shared.moon)
    moon, _ = both(shared)
    assert "egress" not in shared.moon.run("nft", "list", "ruleset")
    shared.moon.run("nft", "add", "table", "ip", "admin")
    shared.moon.run("nft", "add", "chain", "ip", "admin", "post", "{ type nat hook postrouting priority 100; }")
    assert wait_until(lambda: "egress" in shared.moon.run("nft", "list", "ruleset"))
    shared.moon.run("nft", "delete", "table", "netdev", "sallyport_4301_turn")
    assert wait_until(lambda: "egress" in shared.moon.run("nft", "list", "ruleset"))
    shared.moon.run("nft", "delete", "table", "ip", "admin")
    moon.quit()
    assert state_of(shared.moon) == before
