# SPDX-License-Identifier: Apache-2.0
"""Aggressive Mode with a pre-shared key: strongSwan and libreswan in both roles, ike-scan and psk-crack as the attacker whom the
setting's name warns of."""
import os
import re
import shutil

import pytest

from config import PSK, child, conf, pair
from net import run, wait_until
from peers import BUILD, ROOT, Charon, Pluto, Sallyport
from test_strongswan import natted

PERMIT = "i_dont_care_about_security_and_use_aggressive_mode_psk = yes"
OURS = "charon {\n  %s\n}\n" % PERMIT
STUB = os.path.join(BUILD, "tests", "support", "xfrm-stub.so")


def both_ways(sites):
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3
    assert sites.bob.ping("10.1.0.10", 3, interval=0.2) == 3


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
@pytest.mark.parametrize("ike,esp", [
    ("aes128-sha256-ecp256", "aes128gcm16-ecp256"),
    ("aes256-sha512-modp3072", "aes256-sha256-modp2048"),
    ("3des-md5-modp1024", "aes128-sha1-modp1024"),
], ids=["ecp", "modp", "old"])
def test_strongswan(sites, ike, esp, we_initiate):
    a, b = pair(local_id="moon.example.org", remote_id="sun.example.org", children={"net": child(esp_proposals=esp)}, proposals=ike,
                aggressive="yes")
    ours, theirs = Sallyport(sites.moon, a, extra=OURS), Charon(sites.sun, b, extra=PERMIT)
    (ours if we_initiate else theirs).initiate("net")
    both_ways(sites)
    assert any(i and o for i, o in theirs.bytes()), theirs.list_sas()
    assert "identities went in clear" in ours.cli("status")
    ours.wait_log("Aggressive Mode: both identities went in clear")
    # Under it Phase 1 is renewed as well.
    (ours if we_initiate else theirs).swanctl("--rekey", "--ike", "site")
    if we_initiate:
        # No Quick Mode follows: its answer to a DPD request shows that it has message 3, and only then the old SA is given up.
        ours.wait_log("sending DPD request to 10.77.0.2")
        assert wait_until(lambda: "REKEYED" in ours.list_sas()), ours.list_sas()
    both_ways(sites)
    ours.stop()


@pytest.mark.parametrize("ours_inside", [True, False], ids=["behind-nat", "facing-nat"])
def test_strongswan_with_a_nat_between(net, ours_inside):
    moon, _, sun = natted(net)
    kw = dict(aggressive="yes", proposals="aes128-sha256-ecp256")
    a = conf("192.168.5.2", "10.77.0.2", {"net": child(esp_proposals="aes128gcm16-ecp256")}, local_id="moon", remote_id="sun", **kw)
    b = conf("10.77.0.2", "%any", {"net": child("10.2.0.0/16", "10.1.0.0/16", esp_proposals="aes128gcm16-ecp256")}, local_id="sun",
             remote_id="moon", **kw)
    if ours_inside:
        inside, outside = Sallyport(moon, a, extra=OURS), Charon(sun, b, extra=PERMIT)
    else:
        inside, outside = Charon(moon, a, extra=PERMIT), Sallyport(sun, b, extra=OURS)
    inside.initiate("net")
    assert moon.ping("10.2.0.10", 3, src="10.1.0.10", interval=0.2) == 3
    assert sun.ping("10.1.0.10", 3, src="10.2.0.10", interval=0.2) == 3
    for d in (inside, outside):
        assert any(i and o for i, o in d.bytes()), d.list_sas()


def test_wrong_key_is_named(sites):
    a, _ = pair(aggressive="yes", proposals="aes128-sha256-ecp256")
    _, b = pair(aggressive="yes", proposals="aes128-sha256-ecp256", psk="other")
    quick = "charon {\n retransmit_timeout = 0.3\n retransmit_base = 1\n retransmit_tries = 2\n %s\n}\n" % PERMIT
    ours = Sallyport(sites.moon, a, extra=quick)
    Charon(sites.sun, b, extra=PERMIT)
    out = ours.cli("up", "net", check=False)
    assert "pre-shared keys" in out and "message 2 of Aggressive Mode" in out, out
    ours.stop()


def test_refused_without_the_setting(sites):
    a, b = pair(aggressive="yes", proposals="aes128-sha256-ecp256")
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b, extra=PERMIT)
    theirs.swanctl("--initiate", "--child", "net", "--timeout", "3", check=False)
    ours.wait_log(r"<exchange-refused>|i_dont_care_about_security_and_use_aggressive_mode_psk")
    assert "ESTABLISHED" not in ours.list_sas()


def test_phase_2_without_pfs(sites):
    a, b = pair(aggressive="yes", children={"net": child(esp_proposals="aes128gcm16")})
    ours, theirs = Sallyport(sites.moon, a, extra=OURS), Charon(sites.sun, b, extra=PERMIT)
    theirs.swanctl("--initiate", "--child", "net", "--timeout", "5", check=False)
    ours.wait_log("charon.sallyport.aggressive_mode_without_pfs")
    assert "INSTALLED" not in ours.list_sas()
    ours.stop()
    Sallyport(sites.moon, a, extra="charon {\n %s\n sallyport {\n aggressive_mode_without_pfs = yes\n }\n}\n" % PERMIT)
    theirs.swanctl("--terminate", "--ike", "site", "--force", check=False)
    theirs.initiate("net")
    both_ways(sites)


@pytest.fixture(scope="module")
def libreswan():
    run(os.path.join(ROOT, "tools", "peers"), "fetch", "libreswan", timeout=300)


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_libreswan(gateways, libreswan, we_initiate):
    a = conf(children={"net": child(esp_proposals="aes128gcm16-modp2048")}, local_id="moon", remote_id="sun", aggressive="yes",
             proposals="aes256-sha256-modp2048")
    text = """conn site
  keyexchange=ike
  ikev2=no
  aggressive=yes
  authby=secret
  left=10.77.0.2
  leftid=@sun
  leftsubnet=10.2.0.0/16
  right=10.77.0.1
  rightid=@moon
  rightsubnet=10.1.0.0/16
  ike=aes256-sha2_256;modp2048
  esp=aes_gcm128-null;modp2048
  pfs=yes
  leftupdown=/bin/true
  auto=add
"""
    ours = Sallyport(gateways.moon, a, extra=OURS)
    theirs = Pluto(gateways.sun, text, '@sun @moon : PSK "%s"\n' % PSK, STUB)
    if we_initiate:
        ours.initiate("net")
    else:
        theirs.initiate("site")
    assert "INSTALLED" in ours.list_sas()
    theirs.wait_log(r"IPsec SA established tunnel mode")


@pytest.mark.skipif(not shutil.which("ike-scan"), reason="ike-scan is not installed")
def test_psk_crack_confirms_hash_r(gateways):
    """What the setting warns of: one first message, and the key is guessed offline. It also proves our HASH_R."""
    a = conf("10.77.0.1", "10.77.0.2", {"net": child(esp_proposals="aes128gcm16-modp2048")}, local_id="moon.example.org", aggressive="yes",
             proposals="aes128-sha1-modp1024")
    ours = Sallyport(gateways.moon, a, extra=OURS)
    probe = ["ike-scan", "--sport=0", "-M", "-A", "--id=sun.example.org", "--idtype=2", "--trans=7/128,2,1,2", "--dhgroup=2"]
    found = os.path.join(ours.dir, "hash")
    out = gateways.sun.run(*probe, "--pskcrack=" + found, "10.77.0.1", timeout=60)
    assert "Aggressive Mode Handshake returned" in out, out + ours.log()
    words = os.path.join(ours.dir, "words")
    with open(words, "w") as f:
        f.write("haddock\n%s\nmackerel\n" % PSK)
    out = run("psk-crack", "-d", words, found, timeout=60)
    assert re.search(r'key "%s" matches' % PSK, out), out
    ours.stop()


@pytest.mark.skipif(not shutil.which("ike-scan"), reason="ike-scan is not installed")
def test_a_prober_gets_no_hash_without_the_setting(gateways):
    a = conf("10.77.0.1", "10.77.0.2", aggressive="yes", proposals="aes128-sha1-modp1024")
    ours = Sallyport(gateways.moon, a)
    out = gateways.sun.run("ike-scan", "--sport=0", "-M", "-A", "--id=x", "--trans=7/128,2,1,2", "--dhgroup=2", "--retry=1", "10.77.0.1", timeout=60)
    assert "Aggressive Mode Handshake returned" not in out and "UNSUPPORTED-EXCHANGE-TYPE" in out, out
    assert wait_until(lambda: "ESTABLISHED" not in ours.list_sas())
    ours.stop()
