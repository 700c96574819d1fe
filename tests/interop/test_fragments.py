# SPDX-License-Identifier: Apache-2.0
"""IKE messages in fragments, with strongSwan: both roles, both directions. A small fragment_size makes ordinary messages
large. Judged by strongSwan's log, by the capture (nothing larger than allowed, payload 132 from both ends), and by tshark,
which puts them together."""
import re

import pytest

from config import child, pair
from net import run
from peers import Charon, Sallyport

SIZE = 300
SMALL = "fragment_size = %d" % SIZE


def fragments(capture, source):
    """Fragments in the capture from one address: (length of the IP packet, next payload)."""
    out = run("tshark", "-r", capture, "-Y", "isakmp.nextpayload == 132 && ip.src == %s" % source, "-T", "fields", "-e", "ip.len")
    return [int(x) for x in re.findall(r"^\d+", out, re.M)]


@pytest.mark.parametrize("encap", ["no", "yes"], ids=["port500", "port4500"])
@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_both_directions(sites, we_initiate, encap):
    many = "aes256-sha256,aes192-sha256,aes128-sha256,aes256-sha384,aes192-sha384,aes128-sha384,aes256gcm16,aes128gcm16"
    a, b = pair(children={"net": child(esp_proposals=many)}, proposals="aes256-sha256-modp2048", ours={"encap": encap})
    ours = Sallyport(sites.moon, a, extra="charon {\n  %s\n}\n" % SMALL)
    theirs = Charon(sites.sun, b, extra="  %s\n" % SMALL)
    tap = sites.moon.capture("wan")
    (ours if we_initiate else theirs).initiate("net")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3
    wire = tap.stop()
    for source in ("10.77.0.1", "10.77.0.2"):
        seen = fragments(wire, source)
        assert seen and max(seen) <= SIZE, (source, seen)
    assert "reassembled fragmented IKE message" in theirs.log()
    # A rekeying of Phase 1 and a Quick Mode with its many proposals in the other direction.
    (theirs if we_initiate else ours).swanctl("--rekey", "--child", "net")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3


def test_a_peer_that_does_not_want_them(sites):
    a, b = pair(children={"net": child()}, proposals="aes256-sha256-modp2048", theirs={"fragmentation": "no"})
    ours = Sallyport(sites.moon, a, extra="charon {\n  %s\n}\n" % SMALL)
    Charon(sites.sun, b, extra="  %s\n" % SMALL)
    wire = sites.moon.capture("wan")
    ours.initiate("net")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3
    assert fragments(wire.stop(), "10.77.0.1") == []
