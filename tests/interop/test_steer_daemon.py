# SPDX-License-Identifier: Apache-2.0
"""Steering as the daemon uses it: two of ours, real keys, whole tunnels. Judged by captures outside and by what arrives."""
import subprocess

import pytest

from config import child, pair
from net import wait_until
from peers import Sallyport
from steer_tool import send, state_of

INNER = "net 10.1.0.0/16 or net 10.2.0.0/16 or net fd01::/64 or net fd02::/64"


def tunnel(gateways_of, children, **kw):
    a, b = pair(children=children, **kw)
    # The initiator is the second to start.
    return Sallyport(gateways_of.sun, b), Sallyport(gateways_of.moon, a)


def tcp(server, client, address, port, octets=200000):
    """Whether a transfer arrives whole."""
    p = server.popen("/usr/bin/python3", "-c", "import socket;s=socket.create_server(('%s',%d),family=socket.AF_INET%s);print('up',flush=True);c=s.accept()[0]\n"
                     "n=0\nwhile True:\n  b=c.recv(65536)\n  n+=len(b)\n  if not b: break\nprint(n,flush=True)"
                     % (address, port, "6" if ":" in address else ""), stdout=subprocess.PIPE)
    assert p.stdout.readline() == "up\n"
    client.run("/usr/bin/python3", "-c", "import socket;c=socket.create_connection(('%s',%d),10);c.sendall(b'x'*%d)" % (address, port, octets))
    return p.stdout.readline() == "%d\n" % octets


@pytest.mark.parametrize("rp_filter", [0, 1])
def test_host_to_host(gateways, rp_filter):
    """The selectors are the gateways' own addresses, the ones that ESP itself uses."""
    for gw in (gateways.moon, gateways.sun):
        for where in ("all", "default", "wan"):
            gw.sysctl("net.ipv4.conf.%s.rp_filter" % where, rp_filter)
    _, moon = tunnel(gateways, {"net": child("dynamic", "dynamic")})
    moon.cli("up", "site")
    outside = gateways.moon.capture("wan", "ip and not esp and not udp port 500")
    assert gateways.moon.ping("10.77.0.2", 3, interval=0.1) == 3
    assert gateways.sun.ping("10.77.0.1", 3, interval=0.1) == 3
    assert tcp(gateways.sun, gateways.moon, "10.77.0.2", 7000, 3000000)
    # Too large on purpose: the path MTU that programs learn must not become that of the outer packets.
    for _ in range(3):
        gateways.moon.probe("10.77.0.2", 1, size=1420, df=True)
    assert gateways.moon.ping("10.77.0.2", 3, interval=0.1, size=1300, df=True) == 3
    assert "mtu" not in gateways.moon.ip("route", "get", "10.77.0.2", "mark", "0x2000000")
    assert tcp(gateways.sun, gateways.moon, "10.77.0.2", 7001, 3000000)
    moon.cli("rekey", "site")
    assert gateways.moon.ping("10.77.0.2", 5, interval=0.1) == 5
    assert outside.lines() == []
    moon.cli("down", "site")
    assert wait_until(lambda: gateways.moon.probe("10.77.0.2"))


def test_host_to_host_over_ipv6(gateways):
    _, moon = tunnel(gateways, {"net": child("dynamic", "dynamic")}, local="fd77::1", remote="fd77::2")
    assert wait_until(lambda: gateways.moon.probe("fd77::2"))
    moon.cli("up", "site")
    outside = gateways.moon.capture("wan", "ip6 and not esp and not udp port 500 and not ip6 multicast and not (icmp6 and ip6[40] >= 130)")
    assert gateways.moon.ping("fd77::2", 3, interval=0.1) == 3
    assert tcp(gateways.sun, gateways.moon, "fd77::2", 7000, 3000000)
    for _ in range(3):
        gateways.moon.probe("fd77::2", 1, size=1420, df=True)
    assert "mtu" not in gateways.moon.ip("route", "get", "fd77::2", "mark", "0x2000000")
    assert tcp(gateways.sun, gateways.moon, "fd77::2", 7001, 3000000)
    assert outside.lines() == []


def test_everything_through_the_tunnel(sites):
    """A host that sends all it has to a gateway: only IKE and ESP are seen outside, and both go on through a rekeying."""
    sites.moon.ip("route", "add", "default", "via", "10.77.0.2")
    a, b = pair(children={"net": child("dynamic", "0.0.0.0/0")})
    Sallyport(sites.sun, b)
    moon = Sallyport(sites.moon, a)
    moon.cli("up", "site")
    outside = sites.moon.capture("wan", "ip and not esp and not udp port 500")
    assert sites.moon.ping("10.2.0.10", 3, interval=0.1) == 3
    assert sites.moon.ping("10.77.0.2", 3, interval=0.1) == 3
    assert tcp(sites.bob, sites.moon, "10.2.0.10", 7000, 2000000)
    assert tcp(sites.sun, sites.moon, "10.77.0.2", 7000, 2000000)
    moon.cli("rekey", "site")
    send(sites.moon, ("udp", "-", 0, "203.0.113.1", 9))
    assert sites.moon.ping("10.2.0.10", 5, interval=0.2) == 5
    assert outside.lines() == []


def test_one_port_of_one_protocol(sites):
    """TCP 7000 through the tunnel, everything else by the plain route, as before."""
    _, moon = tunnel(sites, {"net": child("10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/7000]", start_action="trap")})
    outside = sites.moon.capture("wan", "ip and not udp port 500")
    assert tcp(sites.bob, sites.alice, "10.2.0.10", 7000)
    assert tcp(sites.bob, sites.alice, "10.2.0.10", 7001)
    assert sites.alice.ping("10.2.0.10", 2, interval=0.1) == 2
    assert moon.status()
    lines = outside.lines()
    assert not [x for x in lines if ".7000" in x]
    assert [x for x in lines if "ESP" in x] and [x for x in lines if ".7001: " in x] and [x for x in lines if "echo request" in x]


def test_forwarded_and_local_with_an_exception(sites):
    children = {"net": child("10.1.0.0/16", "10.2.0.0/16", start_action="trap"), "six": child("fd01::/64", "fd02::/64", start_action="trap"),
                "printer": child("10.1.0.0/16", "10.2.99.0/24", mode="pass", start_action="trap")}
    try:
        _, moon = tunnel(sites, children)
    except AssertionError as e:
        pytest.skip("no shunts yet: %s" % e)
    assert wait_until(lambda: sites.alice.probe("fd02::10"))
    outside = sites.moon.capture("wan", INNER)
    assert sites.alice.ping("10.2.0.10", 2, interval=0.1) == 2
    assert sites.moon.ping("10.2.0.10", 2, interval=0.1) == 2
    assert sites.moon.ping("fd02::10", 2, interval=0.1) == 2
    assert tcp(sites.bob, sites.alice, "fd02::10", 7000)
    send(sites.alice, ("udp", "-", 0, "10.2.99.1", 9))
    lines = [x for x in outside.lines() if "ICMP" not in x]
    assert len(lines) == 1 and "10.2.99.1.9: UDP" in lines[0], lines


def test_nothing_is_left_behind(sites):
    """
    Start, tunnel, down, stop: the system is as it was; also after kill -9 and flush. A stop alone is no `down`: what a trap
    claims stays closed until the daemon is back, or flush.
    """
    # Link-local addresses are part of the comparison.
    assert wait_until(lambda: sites.alice.probe("fd02::10"))
    before = state_of(sites.moon)
    _, moon = tunnel(sites, {"net": child(start_action="trap")})
    assert wait_until(lambda: sites.alice.probe("10.2.0.10"))
    moon.cli("down", "site")
    moon.stop()
    assert state_of(sites.moon) == before
    moon.start()
    assert wait_until(lambda: sites.alice.probe("10.2.0.10"))
    moon.stop()
    assert "dropped until sallyportd is back" in moon.log()
    assert sites.alice.probe("10.2.0.10") == 0
    moon.start()
    assert wait_until(lambda: sites.alice.probe("10.2.0.10"))
    moon.kill()
    assert sites.alice.probe("10.2.0.10") == 0
    moon.cli("flush")
    assert state_of(sites.moon) == before


def test_a_mistake_in_the_configuration_opens_nothing(sites):
    """Killed, then started with a file that is refused: what was protected stays closed."""
    _, moon = tunnel(sites, {"net": child(start_action="trap")})
    assert wait_until(lambda: sites.alice.probe("10.2.0.10"))
    outside = sites.moon.capture("wan", INNER)
    moon.kill()
    good = moon.conf
    moon.conf = good.replace("version", "versoin")
    with pytest.raises(AssertionError):
        moon.start()
    assert sites.alice.probe("10.2.0.10") == 0
    assert sites.moon.probe("10.2.0.10") == 0
    moon.conf = good
    moon.start()
    assert wait_until(lambda: sites.alice.probe("10.2.0.10"), 40, 0.5), moon.log()
    assert outside.lines() == []
