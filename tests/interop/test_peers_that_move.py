# SPDX-License-Identifier: Apache-2.0
"""Peers by name, by several addresses and with addresses that change; and reauthentication. strongSwan in both roles."""
import os

import pytest

from config import child, conf, pair
from net import wait_until
from peers import BUILD, Charon, Sallyport
from test_strongswan import both_ways, carried

QUICK = "charon {\n  retransmit_timeout = 0.5\n  retransmit_base = 1\n  retransmit_tries = 2\n}\n"


class Names:
    """What a namespace finds in its hosts file: `ip netns exec` shows it its own."""

    def __init__(self, host):
        self.dir = "/etc/netns/" + host.ns
        try:
            os.makedirs(self.dir)
        except OSError as e:
            pytest.skip("no hosts file of its own for a namespace: %s" % e)
        host.net.undo.append(self.remove)
        self.set()

    def set(self, **names):
        with open(self.dir + "/hosts", "w") as f:    # in place: it is mounted
            f.write("127.0.0.1 localhost\n" + "".join("%s %s.example.org\n" % (a, n) for n, addrs in names.items() for a in addrs.split()))

    def remove(self):
        os.unlink(self.dir + "/hosts")
        os.rmdir(self.dir)


def test_a_name_is_looked_up_at_each_attempt(sites):
    names = Names(sites.moon)
    names.set(sun="10.77.0.9")
    a = conf("10.77.0.1", "sun.example.org", keyingtries=0)
    _, b = pair()
    ours, _ = Sallyport(sites.moon, a, extra=QUICK), Charon(sites.sun, b)
    up = sites.moon.popen(os.path.join(BUILD, "sallyport"), "up", "net", "--timeout", "60", "--socket", ours.vici, stdout=-3)
    ours.wait_log(r"10\.77\.0\.9")
    names.set()
    ours.wait_log("cannot look up remote_addrs name 'sun.example.org'")
    names.set(sun="10.77.0.2")
    assert up.wait(60) == 0, ours.log()
    both_ways(sites.alice, sites.bob)


def test_a_peer_by_name_may_begin_and_may_move(sites):
    """As responder: who comes from the address of a name is that peer; when the name means another address, from there."""
    names = Names(sites.moon)
    names.set(sun="10.77.0.2")
    a = conf("moon.example.org", "sun.example.org", local_id="moon", remote_id="sun")
    _, b = pair(local_id="moon", remote_id="sun")
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    theirs.initiate("net")
    both_ways(sites.alice, sites.bob)
    theirs.swanctl("--terminate", "--ike", "site")
    # The peer has another address, which its name has as well by now: its first message makes us look, its second finds it.
    sites.sun.address("wan", "10.77.0.3/24")
    names.set(sun="10.77.0.3")
    with open(theirs.dir + "/swanctl.conf", "w") as f:
        f.write(b.replace("10.77.0.2", "10.77.0.3"))
    theirs.swanctl("--load-all", "--file", theirs.dir + "/swanctl.conf")
    theirs.swanctl("--initiate", "--child", "net", "--timeout", "30", check=False)
    assert wait_until(lambda: "ESTABLISHED" in ours.list_sas() and "@ 10.77.0.3[" in ours.list_sas(), 30), ours.log()
    both_ways(sites.alice, sites.bob)


def test_a_name_with_several_addresses(sites):
    """No route to one, another family than ours for the next: the third will do."""
    names = Names(sites.moon)
    names.set(sun="fd99::1 10.77.0.2")
    a = conf("10.77.0.1", "nobody.example.org, sun.example.org")
    _, b = pair()
    ours, _ = Sallyport(sites.moon, a), Charon(sites.sun, b)
    ours.initiate("net")
    both_ways(sites.alice, sites.bob)


def test_several_addresses(sites):
    """Each attempt begins with the next; whoever of them comes is the peer."""
    a = conf("10.77.0.1", "10.77.0.9, 10.77.0.2, 10.78.0.0/16", keyingtries=2)
    _, b = pair()
    ours, theirs = Sallyport(sites.moon, a, extra=QUICK), Charon(sites.sun, b)
    ours.initiate("net")
    both_ways(sites.alice, sites.bob)
    ours.swanctl("--terminate", "--ike", "site")
    theirs.initiate("net")
    both_ways(sites.alice, sites.bob)


@pytest.mark.parametrize("who", ["ours", "theirs"])
def test_reauthentication_loses_nothing(sites, who):
    """A new Phase 1 with its identities and secrets; the children go on under it."""
    often = dict(rekey_time=0, reauth_time="6s", over_time="5s", rand_time=0)
    a, b = pair(ours=often if who == "ours" else {}, theirs=often if who == "theirs" else {}, children={"net": child(rekey_time=0)},
                local_id="moon", remote_id="sun")
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    (ours if who == "ours" else theirs).initiate("net")
    both_ways(sites.alice, sites.bob)
    assert sites.alice.ping("10.2.0.10", 440, interval=0.05) == 440
    assert wait_until(lambda: ours.log().count("established between") >= 3), ours.log()
    carried(theirs, 20000)
    for d in (ours, theirs):
        assert wait_until(lambda: d.list_sas().count("INSTALLED") == 1), d.list_sas()


def moves(host, old, new):
    host.ip("addr", "del", old + "/24", "dev", "wan")
    host.ip("addr", "add", new + "/24", "dev", "wan")
    host.ip("route", "replace", "10.2.0.0/16", "via", "10.77.0.2")   # went with the address


@pytest.mark.parametrize("action", ["none", "trap"])
def test_an_address_of_ours_that_goes(sites, action):
    """Nothing could be sent from it any more: the tunnel is made anew from the one that is there now, and the log says why."""
    a = conf(None, "10.77.0.2", local_id="moon", remote_id="sun", children={"net": child(start_action=action)})
    b = conf("10.77.0.2", "%any", local_id="sun", remote_id="moon", children={"net": child("10.2.0.0/16", "10.1.0.0/16")})
    ours = Sallyport(sites.moon, a)
    Charon(sites.sun, b)
    ours.initiate("net")
    both_ways(sites.alice, sites.bob)
    moves(sites.moon, "10.77.0.1", "10.77.0.7")
    sites.sun.ip("route", "replace", "10.1.0.0/16", "via", "10.77.0.7")
    ours.wait_log("our address 10.77.0.1 is gone: the peer is reached from 10.77.0.7 now")
    assert wait_until(lambda: "10.77.0.7" in ours.list_sas() and "INSTALLED" in ours.list_sas()), ours.log()
    both_ways(sites.alice, sites.bob)


def test_an_address_of_ours_that_goes_for_a_while(sites):
    """Without another one there is nothing to be gained: the tunnel stays, and goes on when the address is back."""
    a, b = pair(ours={"local_addrs": None})
    ours = Sallyport(sites.moon, a)
    Charon(sites.sun, b)
    ours.initiate("net")
    before = [sa["uniqueid"] for sa in ours.status()["ike-sas"]]
    sites.moon.ip("addr", "del", "10.77.0.1/24", "dev", "wan")
    assert sites.alice.probe("10.2.0.10", 3) == 0
    sites.moon.ip("addr", "add", "10.77.0.1/24", "dev", "wan")
    sites.moon.ip("route", "replace", "10.2.0.0/16", "via", "10.77.0.2")
    both_ways(sites.alice, sites.bob)
    assert [sa["uniqueid"] for sa in ours.status()["ike-sas"]] == before, ours.log()
