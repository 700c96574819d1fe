# SPDX-License-Identifier: Apache-2.0
"""No protected packet is ever seen in clear on the outer link: before, during and after negotiation, when it fails, while
rekeying, after the peer is lost, after kill -9, at a reload and at shutdown. Plain routes between the sites exist, so every
packet that is not held would arrive there."""
import os
import signal

import pytest

from config import child, conf, pair
from net import wait_until
from peers import BUILD, Charon, Sallyport

PROTECTED = "net 10.1.0.0/16 or net 10.2.0.0/16 or net fd01::/64 or net fd02::/64"
PATIENT = "charon {\n  retransmit_timeout = 1\n  retransmit_base = 1\n}\n"
FAST = "charon {\n  retransmit_tries = 1\n  retransmit_timeout = 0.5\n}\n"


@pytest.fixture
def wire(sites):
    """The outer link, watched from the start; at the end nothing protected may have been on it."""
    c = sites.moon.capture("wan")
    yield c
    seen = [x for x in c.lines(PROTECTED) if "ICMP host 10.77" not in x]
    assert seen == [], "in clear:\n" + "\n".join(seen[:10])


def flood(sites, seconds):
    """Traffic from a host behind the gateway and from the gateway itself, both families, all the while."""
    every = ["-n", "-i", "0.05", "-w", str(seconds), "-W", "1"]
    return [sites.alice.popen("ping", *every, "10.2.0.10", stdout=-3, stderr=-3),
            sites.alice.popen("ping", *every, "fd02::10", stdout=-3, stderr=-3),
            sites.moon.popen("ping", *every, "-I", "10.1.0.1", "10.2.0.10", stdout=-3, stderr=-3),
            sites.moon.popen("ping", *every, "10.2.0.10", stdout=-3, stderr=-3)]


def both(action="trap", **kw):
    return {"net": child(start_action=action, **kw), "six": child("fd01::/64", "fd02::/64", start_action=action, **kw)}


def flowing(ours):
    """Until the flood is in the tunnel."""
    def sent():
        return sum(int(c["packets-out"]) for sa in ours.status()["ike-sas"] for c in sa.get("child-sas", []))
    assert wait_until(lambda: sent() >= 10), ours.log()


def wait_all(pings):
    for p in pings:
        p.wait(60)


def test_before_during_and_after_negotiation(sites, wire):
    a, b = pair(children=both())
    ours = Sallyport(sites.moon, a, extra=PATIENT)
    pings = flood(sites, 6)
    ours.wait_log("retransmit 1 of Main Mode message 1")   # the peer is not even there
    Charon(sites.sun, b)
    wait_all(pings)
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3


def test_the_peer_closes(sites, wire):
    a, b = pair(children=both())
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    ours.initiate("net")
    pings = flood(sites, 4)
    flowing(ours)
    theirs.swanctl("--terminate", "--ike", "site")
    wait_all(pings)


def test_failed_negotiation(sites, wire):
    a, b = pair(children=both(), ours={"psk": "one"}, theirs={"psk": "another"})
    Sallyport(sites.moon, a, extra=FAST)
    Charon(sites.sun, b)
    wait_all(flood(sites, 5))


def test_rekey(sites, wire):
    a, b = pair(children=both(rekey_time="2s", life_time="6s"), rekey_time="4s")
    Sallyport(sites.moon, a)
    Charon(sites.sun, b)
    wait_all(flood(sites, 12))


def test_peer_lost(sites, wire):
    a, b = pair(children=both(dpd_action="trap"), ours={"dpd_delay": "1s", "dpd_timeout": "3s"})
    ours, theirs = Sallyport(sites.moon, a, extra=FAST), Charon(sites.sun, b)
    ours.initiate("net")
    pings = flood(sites, 9)
    flowing(ours)
    theirs.kill()
    wait_all(pings)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_stopped_and_started_again(sites, wire, how):
    a, b = pair(children=both())
    ours = Sallyport(sites.moon, a)
    Charon(sites.sun, b)
    ours.initiate("net")
    pings = flood(sites, 8)
    flowing(ours)
    getattr(ours, how)()
    assert sites.alice.probe("10.2.0.10", 2) == 0
    ours.start()
    wait_all(pings)
    assert wait_until(lambda: sites.alice.probe("10.2.0.10")), ours.log()


def test_killed_and_flushed(sites):
    """`sallyport flush` is the administrator's word that plain routes may be used again."""
    a, _ = pair(children=both())
    ours = Sallyport(sites.moon, a)
    ours.kill()
    assert sites.alice.probe("10.2.0.10", 2) == 0
    assert "Removed what was left" in ours.cli("flush")
    assert sites.alice.ping("10.2.0.10", 2) == 2
    assert "Nothing was left to remove" in ours.cli("flush")
    assert "sallyport" not in sites.moon.run("nft", "list", "ruleset")


def test_the_tun_device_is_deleted(sites, wire):
    """The daemon ends, with an exit code that says so, as if it had been killed: nothing opens."""
    a, _ = pair(children=both())
    ours = Sallyport(sites.moon, a)
    pings = flood(sites, 4)
    ours.wait_log("initiating Main Mode")
    sites.moon.ip("link", "del", "sallyport0")
    assert ours.proc.wait(30) == 1, ours.log()
    wait_all(pings)
    assert sites.alice.probe("10.2.0.10", 2) == 0


def test_a_start_that_fails_leaves_the_drops_of_the_killed(sites, wire):
    a, _ = pair(children=both())
    ours = Sallyport(sites.moon, a)
    ours.kill()
    os.unlink(ours.vici)
    os.mkdir(ours.vici)  # so that the control socket cannot be made, which comes last
    again = sites.moon.popen(os.path.join(BUILD, "sallyportd"), "--config", os.path.join(ours.dir, "swanctl.conf"), "--runtime-dir", ours.dir, "--foreground")
    assert again.wait(30) == 1
    assert sites.alice.probe("10.2.0.10", 2) == 0


def test_ipv6_that_cannot_reach_the_tun_device(sites, wire):
    """IPv6 needs links of 1280 octets: the claim is refused, and what it covers dropped."""
    a, _ = pair(children=both())
    ours = Sallyport(sites.moon, a, load=False)
    sites.moon.ip("link", "set", "sallyport0", "mtu", "1000")
    out = ours.swanctl("--load-all", "--file", os.path.join(ours.dir, "swanctl.conf"), check=False)
    assert "the traffic of child 'six' cannot be diverted" in out and "MTU at least 1280" in out, out
    assert sites.alice.probe("fd02::10", 2) == 0


def test_reload(sites, wire):
    a, b = pair(children=both())
    ours = Sallyport(sites.moon, a)
    Charon(sites.sun, b)
    pings = flood(sites, 8)
    for n in range(3):
        flowing(ours)
        ours.signal(signal.SIGHUP)
        assert wait_until(lambda: ours.log().count("loaded 1 connection from ") == n + 2), ours.log()
        ours.swanctl("--load-all", "--file", os.path.join(ours.dir, "swanctl.conf"))
    wait_all(pings)
    assert ours.proc.poll() is None, ours.log()


def test_cleartext_that_should_have_been_protected_is_dropped(sites):
    """RFC 4301 section 5.2: the peer's plain packets do not come in."""
    a, _ = pair(children=both())
    ours = Sallyport(sites.moon, a)
    lan = sites.moon.capture("lan")
    assert sites.bob.probe("10.1.0.10", 2) == 0
    assert sites.bob.probe("10.1.0.1", 2) == 0
    assert lan.lines("icmp and src 10.2.0.10") == []
    ours.stop()
    assert sites.bob.probe("10.1.0.10", 1) == 0
    ours.cli("flush")
    assert sites.bob.ping("10.1.0.10", 1) == 1


def test_start_action_none_claims_nothing_without_an_sa(sites):
    """Where nothing was asked for, nothing is diverted: the plain route carries it."""
    ours = Sallyport(sites.moon, conf(children={"net": child(start_action="none")}))
    assert sites.alice.ping("10.2.0.10", 2) == 2
    ours.stop()


def test_a_trap_does_not_lose_the_first_packet(sites):
    a, b = pair(children=both())
    Sallyport(sites.moon, a)
    Charon(sites.sun, b)
    assert sites.alice.ping("10.2.0.10") == 1
    assert sites.alice.ping("fd02::10") == 1


def too_many():
    children = {"c%02d" % i: child("10.1.9.0-10.1.9.%d" % (i + 1), start_action="trap") for i in range(32)}
    return dict(children, wide=child(start_action="trap"))


def test_a_claim_that_cannot_be_made(sites, wire):
    """More selectors on top of each other than nftables sets hold: the last is refused, and closed instead of open."""
    a, b = pair(children=too_many())
    ours = Sallyport(sites.moon, a, load=False)
    Charon(sites.sun, b)
    said = ours.swanctl("--load-all", check=False)
    assert "claims overlap" in said and "is dropped" in said
    every = ["-n", "-i", "0.05", "-w", "4", "-W", "1"]
    pings = [sites.alice.popen("ping", *every, "10.2.0.10", stdout=-3, stderr=-3),
             sites.moon.popen("ping", *every, "-I", "10.1.0.1", "10.2.0.10", stdout=-3, stderr=-3)]
    said = ours.cli("up", "wide", check=False)
    assert "cannot be diverted" in said
    wait_all(pings)
    ours.cli("down", "c00")      # makes room, and the next attempt finds it
    ours.cli("up", "wide")
    assert wait_until(lambda: sites.alice.probe("10.2.0.10"))
    ours.cli("down", "wide")


def test_cleartext_to_what_is_closed_is_dropped(sites):
    """RFC 4301 section 5.2 holds for a claim that could not be made as well."""
    a, _ = pair(children=too_many())
    ours = Sallyport(sites.moon, a, load=False)
    assert sites.bob.ping("10.1.0.10") == 1
    ours.swanctl("--load-all", check=False)
    lan = sites.moon.capture("lan")
    assert sites.bob.probe("10.1.0.10", 2) == 0
    assert lan.lines("icmp and src 10.2.0.10") == [], "not only the answers are dropped"
