# SPDX-License-Identifier: Apache-2.0
"""Which of several secrets serves a peer: the same file at our end and at strongSwan's, with the same outcome. sun's file is
under test; moon has the key that is expected to be the one."""
import pytest

from config import child, conf
from peers import Charon, Sallyport

SUN = ("10.77.0.2", "10.77.0.1", {"net": child("10.2.0.0/16", "10.1.0.0/16")})
# The secrets of sun, in order; which of them serves moon, or None.
CASES = {
    "own-and-stranger": ([("swordfish", ["sun", "carol"])], "swordfish"),
    "peer-and-stranger": ([("swordfish", ["carol", "moon"])], "swordfish"),
    "strangers": ([("swordfish", ["carol", "dave"])], None),
    "peer-before-own": ([("haddock", ["sun", "carol"]), ("swordfish", ["moon"])], "swordfish"),
    "anyone-before-own": ([("haddock", ["sun", "carol"]), ("swordfish", [])], "swordfish"),
    "both-before-peer": ([("haddock", ["moon"]), ("swordfish", ["moon", "sun"])], "swordfish"),
    "exact-before-pattern": ([("haddock", ["*"]), ("swordfish", ["sun", "moon"])], "swordfish"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("tested", ["ours", "theirs"])
def test_the_same_secret_serves(gateways, case, tested):
    have, serves = CASES[case]
    secrets = {"ike%d" % i: dict(secret='"%s"' % s, **{"id%d" % k: n for k, n in enumerate(ids)}) for i, (s, ids) in enumerate(have)}
    b = conf(*SUN, local_id="sun", remote_id="moon", secrets=secrets)
    a = conf(local_id="moon", remote_id="sun", psk=serves or "swordfish")
    sun, moon = ((Sallyport, Charon) if tested == "ours" else (Charon, Sallyport))
    under_test, other = sun(gateways.sun, b), moon(gateways.moon, a)
    out = other.initiate("net", check=False, timeout=30 if serves else 6)
    # Phase 1 is the judge: no interface here has addresses of the child, which strongSwan wants.
    assert ("IKE_SA site[1] established between" in out) == (serves is not None), out + under_test.log()
