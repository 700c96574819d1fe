# SPDX-License-Identifier: Apache-2.0
"""
Shunt policies, as swanctl.conf(5) has them: "pass and drop are used to install shunt policies which explicitly bypass the
defined traffic from IPsec processing or drop it". What is in clear, what is protected and what is gone is read off the wire.
"""
import os

import pytest

from config import child, pair
from net import wait_until
from peers import Sallyport

NET = {"net": child(start_action="trap")}
PRINTER = {"printer": child("10.1.0.0/16", "10.2.99.0/24", mode="pass", start_action="trap")}
VAULT = {"vault": child("10.1.0.0/16", "10.2.99.7/32", start_action="trap")}
CLOSED = {"closed": child("10.1.0.0/16", "10.3.0.0/16", mode="drop", start_action="trap")}


class Shunts:
    """alice - moon - sun - bob, who has addresses in several networks; both gateways have the same children."""

    def __init__(self, sites, *children):
        self.sites = sites
        sites.bob.address("eth0", "10.2.99.1/32", "10.2.99.7/32", "10.3.0.1/16")
        sites.sun.address("lan", "10.3.0.254/16")
        sites.moon.ip("route", "add", "10.3.0.0/16", "via", "10.77.0.2")
        a, b = pair(children={k: v for c in children for k, v in c.items()})
        self.sun, self.moon = Sallyport(sites.sun, b), Sallyport(sites.moon, a)

    def load(self, *children):
        """Another configuration, into both."""
        for daemon, text in zip((self.moon, self.sun), pair(children={k: v for c in children for k, v in c.items()})):
            path = os.path.join(daemon.dir, "swanctl.conf")
            with open(path, "w") as f:
                f.write(text)
            daemon.swanctl("--load-all", "--file", path)

    def ping(self, dst):
        return self.sites.alice.ping(dst, 2)

    def probe(self, dst):
        return self.sites.alice.probe(dst, 2)

    def back(self, src):
        return self.sites.bob.probe("10.1.0.10", 2, src=src, timeout=5)

    def wire(self):
        return self.sites.moon.capture("wan", "icmp or esp")


def clear_of(lines, address):
    return [x for x in lines if address in x and "ICMP echo" in x]


def test_pass_goes_in_clear_beside_a_trap_both_ways(sites):
    s = Shunts(sites, NET, PRINTER)
    assert wait_until(lambda: s.probe("10.2.0.10") == 2)
    wire = s.wire()
    assert s.ping("10.2.99.1") == 2 and s.back("10.2.99.1") == 2
    assert s.ping("10.2.0.10") == 2 and s.back("10.2.0.10") == 2
    lines = wire.lines()
    # Requests and replies of four echoes in clear; the same of the tunnel as ESP, and none of it in clear.
    assert len(clear_of(lines, "10.2.99.1")) == 8, lines
    assert not clear_of(lines, "10.2.0.10") and len([x for x in lines if "ESP(" in x]) == 8, lines


def test_bypass_then_protection_then_drop(sites):
    """Without priorities, as strongSwan orders them: a drop around all of it catches what nothing else claims."""
    rest = {"rest": child("10.1.0.0/16", "10.0.0.0/8", mode="drop", start_action="trap")}
    s = Shunts(sites, NET, PRINTER, rest, {"vault": dict(VAULT["vault"], priority=1)})
    assert wait_until(lambda: s.probe("10.2.99.7") == 2)
    assert wait_until(lambda: s.probe("10.2.0.10") == 2)
    wire = s.wire()
    for dst in ("10.2.99.7", "10.2.99.1", "10.2.0.10"):
        assert s.ping(dst) == 2
    assert s.probe("10.3.0.1") == 0
    lines = wire.lines()
    assert len(clear_of(lines, "10.2.99.1")) == 4
    # The tunnel inside the bypass has a priority of its own; the wide one is not reached by the drop.
    assert not clear_of(lines, "10.2.99.7") and not clear_of(lines, "10.2.0.10") and not clear_of(lines, "10.3.0.1")


def test_a_drop_with_priority_is_a_hole_in_the_tunnel(sites):
    """swanctl.conf(5): a fixed priority "could be useful to install high-priority drop policies"."""
    hole = child("10.1.0.0/16", "10.2.99.0/24", mode="drop", start_action="trap")
    s = Shunts(sites, NET, {"hole": hole})
    assert wait_until(lambda: s.probe("10.2.99.1") == 2), "without one, protection goes first"
    s.load(NET, {"hole": dict(hole, priority=1)})
    wire = s.wire()
    assert wait_until(lambda: s.probe("10.2.99.1") == 0)
    assert s.ping("10.2.0.10") == 2
    assert not clear_of(wire.lines(), "10.2")


def test_priority_overrules_what_is_more_specific(sites):
    """swanctl.conf(5), priority: "Optional fixed priority ...; the lower the more important"."""
    net = {"net": child(start_action="trap", priority=1)}
    s = Shunts(sites, net, {"printer": dict(PRINTER["printer"], priority=2)})
    assert wait_until(lambda: s.probe("10.2.99.1") == 2)
    wire = s.wire()
    assert s.ping("10.2.99.1") == 2
    assert not clear_of(wire.lines(), "10.2.99.1")


def test_drop_drops_both_ways_until_it_is_unloaded(sites):
    s = Shunts(sites, NET)
    assert s.ping("10.3.0.1") == 2 and s.back("10.3.0.1") == 2
    s.load(NET, CLOSED)
    assert "site/closed, DROP" in s.moon.swanctl("--list-pols", "--drop")
    wire = s.wire()
    assert s.probe("10.3.0.1") == 0
    assert s.back("10.3.0.1") == 0
    # Nothing of it on the wire; sun's own shunt keeps bob's requests.
    assert wire.lines() == []
    s.load(NET)
    assert s.moon.swanctl("--list-pols", "--drop") == ""
    assert wait_until(lambda: s.probe("10.3.0.1") == 2 and s.back("10.3.0.1") == 2)


def test_drop_holds_against_what_arrives(sites):
    """Inbound: sun has no such shunt and sends in clear; moon drops it."""
    s = Shunts(sites, NET, CLOSED)
    s.sun.stop()
    s.sun.cli("flush")
    wire = s.wire()
    assert s.back("10.3.0.1") == 0
    lines = wire.lines()
    assert [x for x in lines if "echo request" in x] and not [x for x in lines if "echo reply" in x], lines


@pytest.mark.parametrize("mode", ["pass", "drop"])
def test_a_shunt_leaves_with_its_connection(sites, mode):
    # Said to go first: a drop without a priority leaves protection alone.
    s = Shunts(sites, NET, {"shunt": child("10.1.0.0/16", "10.2.99.0/24", mode=mode, start_action="trap", priority=1)})
    assert "site/shunt, %s" % mode.upper() in s.moon.swanctl("--list-pols")
    assert wait_until(lambda: s.probe("10.2.0.10") == 2)
    assert s.ping("10.2.99.1") == (2 if mode == "pass" else 0)
    s.load(NET)
    wire = s.wire()
    assert wait_until(lambda: s.probe("10.2.99.1") == 2)
    assert not clear_of(wire.lines(), "10.2.99.1"), "now the wider tunnel carries it"
