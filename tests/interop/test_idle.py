# SPDX-License-Identifier: Apache-2.0
"""Keys of a child that are not negotiated, against strongSwan: `inactivity`, and `sha256_96` for peers of old."""
import os

import pytest

from config import child, pair
from net import run, wait_until
from peers import Charon, Sallyport
from test_strongswan import both_ways


def up(daemon):
    return daemon.list_sas().count("INSTALLED")


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_an_idle_child_is_closed_at_both_ends(sites, whose):
    a, b = pair(children={"net": child(inactivity="4s")})
    if whose == "ours":
        b = b.replace("inactivity = 4s", "")
    else:
        a = a.replace("inactivity = 4s", "")
    daemons = {"ours": Sallyport(sites.moon, a), "theirs": Charon(sites.sun, b)}
    ours, theirs = daemons["ours"], daemons["theirs"]
    ours.initiate("net")
    # In use it stays, four times over; idle it goes at both ends, and Phase 1 stays.
    assert sites.alice.ping("10.2.0.10", 32, interval=0.5) == 32
    assert up(ours) == 1 and up(theirs) == 1
    assert wait_until(lambda: not up(ours) and not up(theirs), 20), ours.list_sas() + theirs.list_sas()
    assert "ESTABLISHED" in ours.list_sas() and "ESTABLISHED" in theirs.list_sas()
    if whose == "ours":
        ours.wait_log("CHILD_SA net.* had no traffic for its inactivity of 4 s")


def test_a_trap_waits_for_the_next_packet(sites):
    a, b = pair(children={"net": child(inactivity="3s", start_action="trap")})
    ours = Sallyport(sites.moon, a)
    theirs = Charon(sites.sun, b.replace("inactivity = 3s", "").replace("start_action = trap", ""))
    for _ in range(2):
        assert wait_until(lambda: sites.alice.ping("10.2.0.10", 1), 20)
        assert up(ours) == 1
        assert wait_until(lambda: not up(ours) and not up(theirs), 20), ours.list_sas()


def test_hmac_sha_256_cut_to_96_bits(sites):
    """strongSwan negotiates it, but its userspace ESP has no such length: tshark, which knows it by its draft, checks each ICV."""
    a, b = pair(children={"net": child(esp_proposals="aes128-sha256", sha256_96="yes")})
    keys = os.path.join(sites.net.tmp, "keys")
    ours, theirs = Sallyport(sites.moon, a, args=["--export-keys", keys]), Sallyport(sites.sun, b)
    wire = sites.moon.capture("wan")
    ours.initiate("net")
    assert "HMAC_SHA2_256_96" in ours.list_sas() and "HMAC_SHA2_256_96" in theirs.list_sas()
    both_ways(sites.alice, sites.bob)
    env = dict(os.environ, WIRESHARK_CONFIG_DIR=keys)
    good = run("tshark", "-r", wire.stop(), "-o", "esp.enable_authentication_check:TRUE", "-Y", "esp.icv_good == 1 && icmp", env=env)
    assert len(good.splitlines()) >= 12, good


def test_one_end_alone_cuts_it(sites):
    """It is not negotiated, so nobody notices before packets fail: each end drops what the other sends."""
    a, b = pair(children={"net": child(esp_proposals="aes128-sha256", sha256_96="yes")})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b.replace("sha256_96 = yes", ""))
    ours.initiate("net")
    assert sites.alice.probe("10.2.0.10", 2, interval=0.2) == 0
    assert all(i == 0 for i, _ in ours.bytes() + theirs.bytes())
