# SPDX-License-Identifier: Apache-2.0
"""The codepoint of IKE packets (`dscp`), beside strongSwan, which is given the same word: each of our packets has what its
packets have. Over IPv4 and IPv6, on ports 500 and 4500, in both roles, with fragments; ESP keeps its own rule. Judged by
tshark."""
import re

import pytest

from config import child, pair
from net import run, wait_until
from peers import Charon, Sallyport

ENDS = {4: ("10.77.0.1", "10.77.0.2"), 6: ("fd77::1", "fd77::2")}
FIELDS = {4: ("ip.src", "ip.dsfield.dscp", "ip.dsfield.ecn"), 6: ("ipv6.src", "ipv6.tclass.dscp", "ipv6.tclass.ecn")}
SMALL = "fragment_size = 300"


def marks(capture, family, only):
    """{source: set of (codepoint, ECN)}"""
    fields = sum((["-e", f] for f in FIELDS[family]), [])
    seen = {}
    out = run("tshark", "-r", capture, "-Y", only, "-T", "fields", *fields)
    for source, codepoint, ecn in re.findall(r"^(\S+)\t(\w+)\t(\w+)$", out, re.M):
        seen.setdefault(source, set()).add((int(codepoint, 0), int(ecn, 0)))
    return seen


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_codepoint_of_ike_packets(sites, family, we_initiate):
    here, there = ENDS[family]
    a, b = pair(here, there, children={"net": child()}, dscp="101110")
    ours = Sallyport(sites.moon, a, extra="charon {\n  %s\n}\n" % SMALL)
    theirs = Charon(sites.sun, b, extra="  %s\n" % SMALL)
    tap = sites.moon.capture("wan")
    (ours if we_initiate else theirs).initiate("net")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3
    (ours if we_initiate else theirs).swanctl("--terminate", "--ike", "site")
    assert wait_until(lambda: "site" not in theirs.list_sas())
    wire = tap.stop()
    assert marks(wire, family, "isakmp") == {here: {(46, 0)}, there: {(46, 0)}}
    assert marks(wire, family, "esp && !isakmp")[here] == {(0, 0)}
