# SPDX-License-Identifier: Apache-2.0
"""Peers that connect a second time: after a crash, from another address, from both ends at once; and `unique`, each policy
with strongSwan at the other end and, for the same case, in our place."""
import re

import pytest

from config import child, conf, pair
from net import wait_until
from peers import PEERS, Charon, Sallyport
from test_strongswan import both_ways

KINDS = {"ours": Sallyport, "theirs": Charon}
OTHER = {"ours": "theirs", "theirs": "ours"}


def established(daemon, name="site"):
    return len(re.findall(r"^%s: #\d+, ESTABLISHED" % name, daemon.list_sas(), re.M))


@pytest.mark.parametrize("gateway", ["ours", "theirs"])
def test_a_client_that_crashed_comes_again(sites, gateway):
    """No Delete was sent: INITIAL-CONTACT (RFC 2407 section 4.6.3.3) says that what the gateway still has is nothing."""
    a, b = pair(local_id="carol", remote_id="gw")
    client, gw = KINDS[OTHER[gateway]](sites.moon, a), KINDS[gateway](sites.sun, b)
    client.initiate("net")
    both_ways(sites.alice, sites.bob)
    client.kill()
    client.start()
    if gateway == "ours":
        client.swanctl("--load-all", "--file", client.dir + "/swanctl.conf")
    client.initiate("net")
    both_ways(sites.alice, sites.bob)
    assert wait_until(lambda: established(gw) == 1 and gw.list_sas().count("INSTALLED") == 1), gw.list_sas()
    if gateway == "ours":
        gw.wait_log("INITIAL-CONTACT: the peer has no other SA with us")


# What is left of two clients that call themselves the same, and which: the client's own `unique = never` sends no INITIAL-CONTACT.
POLICIES = [
    # gateway, clients, how many, the second one is in
    ("no", "no", 1, True),
    ("no", "never", 2, True),
    ("never", "no", 2, True),
    ("keep", "never", 1, False),
    ("replace", "never", 1, True),
]


@pytest.mark.parametrize("gateway", ["ours", "theirs"])
@pytest.mark.parametrize("policy,clients,left,second", POLICIES, ids=["%s-%s" % p[:2] for p in POLICIES])
def test_one_identity_from_two_addresses(net, gateway, policy, clients, left, second):
    gw = net.host("gw")
    hosts = [net.host("laptop"), net.host("desk")]
    gw.address("lo", "10.2.0.10/32")
    daemons = []
    remote = "10.3.0.0/24"
    for i, h in enumerate(hosts):
        net.link(gw, "wan%d" % i, h, "wan")
        gw.address("wan%d" % i, "10.77.%d.1/24" % i)
        h.address("wan", "10.77.%d.100/24" % i)
        h.address("lo", "10.3.0.%d/32" % (i + 1))
    g = KINDS[gateway](gw, conf("%any", "%any", {"net": child("10.2.0.0/16", remote)}, local_id="gw", remote_id="carol", unique=policy))
    for i, h in enumerate(hosts):
        d = KINDS[OTHER[gateway]](h, conf("%any", "10.77.%d.1" % i, {"net": child("10.3.0.%d/32" % (i + 1), "10.2.0.0/16")}, local_id="carol",
                                          remote_id="gw", unique=clients))
        daemons.append(d)
        out = d.initiate("net", check=False, timeout=30 if i == 0 or second else 10)
        assert ("completed successfully" in out) == (i == 0 or second), out
    assert wait_until(lambda: established(g) == left), g.list_sas()
    there = ["10.77.%d.100" % i in g.list_sas() for i in range(2)]
    assert there == [left == 2 or not second, second], g.list_sas()
    # Who is left has its tunnel; who gave way was told (by strongSwan not always).
    for i, (h, d) in enumerate(zip(hosts, daemons)):
        if gateway == "ours" or there[i]:
            assert wait_until(lambda: established(d) == there[i]), d.list_sas()
        if there[i]:
            assert h.ping("10.2.0.10", 3, src="10.3.0.%d" % (i + 1), interval=0.2) == 3
    if policy == "keep" and gateway == "ours":
        g.wait_log("<not-unique>|unique = keep")


def test_both_ends_begin_at_once(sites):
    """Whatever crossed, in the end there is one IKE_SA with one CHILD_SA, the same at both ends, and traffic all the time."""
    a, b = pair(local_id="moon", remote_id="sun", children={"net": child(start_action="trap")})
    b = b.replace("start_action = trap", "")    # its userspace ESP has no traps
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    begun = [d.host.popen("sh", "-c", "exec %s >/dev/null 2>&1" % cmd) for d, cmd in (
        (theirs, "%s exec strongswan swanctl --initiate --child net --uri unix://%s" % (PEERS, theirs.vici)),
        (ours, "%s exec strongswan swanctl --initiate --child net --uri unix://%s" % (PEERS, ours.vici)))]
    for p in begun:
        p.wait(60)
    both_ways(sites.alice, sites.bob)
    assert wait_until(lambda: established(ours) == 1 and established(theirs) == 1 and ours.list_sas().count("INSTALLED") == 1, 90, 1), (
        ours.list_sas() + theirs.list_sas())
    one = re.search(r"([0-9a-f]{16})_i", ours.list_sas()).group(1)
    assert one in theirs.list_sas(), ours.list_sas() + theirs.list_sas()
    both_ways(sites.alice, sites.bob)
