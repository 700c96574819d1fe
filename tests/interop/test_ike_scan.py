# SPDX-License-Identifier: Apache-2.0
"""ike-scan looks at us as at any device: what it is told, what it makes of the way we repeat ourselves, and what odd probes of
its own leave behind, which is nothing."""
import re
import shutil

import pytest

from config import child, pair
from peers import Charon, Sallyport
from test_strongswan import both_ways

pytestmark = pytest.mark.skipif(not shutil.which("ike-scan"), reason="ike-scan is not installed")
DPD, NAT_T = "afcad71368a1f1c96b8696fc77570100", "4a131c81070358455c5728f20e95452f"
TRANSFORM = "--trans=7/128,2,1,2"


def scan(host, *args, target="10.77.0.1", timeout=90):
    return host.run("ike-scan", "--sport=0", "-M", "--retry=1", "--timeout=2000", *args, target, timeout=timeout, check=False)


def ours(sites, **kw):
    a, b = pair(proposals="aes128-sha1-modp1024,aes256-sha256-ecp256", **kw)
    return Sallyport(sites.moon, a), b


def test_main_mode_and_its_vendor_ids(sites):
    ours(sites)
    out = scan(sites.sun, TRANSFORM, "--vendor=" + DPD, "--vendor=" + NAT_T)
    assert "Main Mode Handshake returned" in out, out
    assert all(a in out for a in ("Enc=AES", "KeyLength=128", "Hash=SHA1", "Auth=PSK", "Group=2:modp1024")), out
    assert "RFC 3947 NAT-T" in out and "Dead Peer Detection" in out, out
    # What it is not offered it says, and nobody's fingerprint is in it.
    out = scan(sites.sun, "--trans=1,1,1,1")
    assert "NO-PROPOSAL-CHOSEN" in out, out


def test_backoff(sites):
    """
    Who does not answer message 2 gets it once: the initiator repeats (RFC 2408 section 5.1), we answer each repetition. So
    ike-scan recognises the pattern of who repeats nothing, and nothing else to know us by.
    """
    ours(sites)
    out = scan(sites.sun, TRANSFORM, "--showbackoff=12")
    m = re.search(r"IKE Backoff Patterns:([\s\S]*)", out)
    assert m, out
    # One packet is all that ike-scan can match; it names the one device in its table that did so too.
    assert len(re.findall(r"^10\.77\.0\.1\s+\d+\s", m.group(1), re.M)) == 1, out


# What can be set wrong in a first message.
ODD = [["--exchange=%d" % n, TRANSFORM] for n in (0, 1, 3, 5, 32, 255)] + [
    ["--headerlen=+200", TRANSFORM], ["--headerlen=-8", TRANSFORM], ["--headerver=0x20", TRANSFORM], ["--headerver=0x1f", TRANSFORM],
    ["--hdrflags=1", TRANSFORM], ["--hdrmsgid=1", TRANSFORM], ["--mbz=255", TRANSFORM], ["--nextpayload=255", TRANSFORM], ["--spisize=255", TRANSFORM],
    ["--doi=99", TRANSFORM], ["--situation=7", TRANSFORM], ["--protocol=9", TRANSFORM], ["--transid=9", TRANSFORM], ["--cookie=0000000000000000", TRANSFORM],
    ["--rcookie=deadbeefdeadbeef", TRANSFORM], ["--lifetime=0", TRANSFORM], ["--lifesize=0", TRANSFORM], ["-A", "--id=x", TRANSFORM], ["--ikev2"],
    ["--trans=(1=7,14=128,2=2,3=1,4=2,99=1)"], ["--trans=(1=0xffffffff,2=0)"],
]


def test_odd_probes_leave_nothing(sites):
    daemon, b = ours(sites, children={"net": child(esp_proposals="aes128gcm16")})
    for args in ODD:
        sites.sun.run("ike-scan", "--sport=0", "-M", "--retry=1", "--timeout=150", *args, "10.77.0.1", check=False)
    assert daemon.proc.poll() is None, daemon.log()
    assert "ESTABLISHED" not in daemon.list_sas()
    # The tunnel comes up behind them, from the same address.
    theirs = Charon(sites.sun, b)
    theirs.initiate("net")
    both_ways(sites.alice, sites.bob)
    daemon.stop()
