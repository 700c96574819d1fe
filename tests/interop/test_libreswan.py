# SPDX-License-Identifier: Apache-2.0
"""libreswan 4.10 completes both phases with us in both roles. Its ESP is in the kernel, which has none here: a stub accepts
its SAs, so this judges the negotiation only."""
import os

import pytest

from config import PSK, child, conf
from net import run, wait_until
from peers import BUILD, ROOT, Pluto, Sallyport

STUB = os.path.join(BUILD, "tests", "support", "xfrm-stub.so")


@pytest.fixture(scope="module", autouse=True)
def fetched():
    run(os.path.join(ROOT, "tools", "peers"), "fetch", "libreswan", timeout=300)


def pluto_conf(ike, esp, pfs):
    return """conn site
  keyexchange=ike
  ikev2=no
  authby=secret
  left=10.77.0.2
  leftid=@sun
  leftsubnet=10.2.0.0/16
  right=10.77.0.1
  rightid=@moon
  rightsubnet=10.1.0.0/16
  ike=%s
  esp=%s
  pfs=%s
  leftupdown=/bin/true
  auto=add
""" % (ike, esp, pfs)


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
@pytest.mark.parametrize("ours_ike,ours_esp,ike,esp,pfs", [
    ("aes256-sha256-modp2048", "aes128gcm16", "aes256-sha2_256;modp2048", "aes_gcm128-null", "no"),
    ("aes128-sha512-modp3072", "aes256-sha256-modp2048", "aes128-sha2_512;modp3072", "aes256-sha2_256;modp2048", "yes"),
    ("aes256-sha256-modp4096", "aes256gcm16-modp3072", "aes256-sha2_256;modp4096", "aes_gcm256-null;modp3072", "yes"),
], ids=["gcm", "cbc-pfs", "gcm-pfs"])
def test_main_and_quick_mode(gateways, ours_ike, ours_esp, ike, esp, pfs, we_initiate):
    a = conf(children={"net": child(esp_proposals=ours_esp)}, local_id="moon", remote_id="sun", proposals=ours_ike)
    ours = Sallyport(gateways.moon, a)
    theirs = Pluto(gateways.sun, pluto_conf(ike, esp, pfs), '@sun @moon : PSK "%s"\n' % PSK, STUB)
    if we_initiate:
        ours.initiate("net")
    else:
        theirs.initiate("site")
    assert "INSTALLED" in ours.list_sas()
    theirs.wait_log(r"IPsec SA established tunnel mode")
    ours.swanctl("--terminate", "--ike", "site")
    theirs.wait_log(r"received Delete SA payload|deleting state|deleting other state|self-deleting|received and ignored|Delete SA")


# pluto's own names: phase2=ah, type=transport, compress=yes.
@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
@pytest.mark.parametrize("ours,esp,more,protocol,said", [
    (dict(ah_proposals="sha256"), "sha2_256", "  phase2=ah\n", "AH", r"IPsec SA established tunnel mode.*AH[=/]"),
    (dict(ah_proposals="sha1"), "sha1", "  phase2=ah\n", "AH", r"IPsec SA established tunnel mode.*AH[=/]"),
    (dict(esp_proposals="aes128-sha256", ipcomp="yes"), "aes128-sha2_256", "  compress=yes\n", "ESP",
     r"IPsec SA established tunnel mode.*IPCOMP"),
], ids=["ah", "ah-sha1", "ipcomp"])
def test_other_protocols_of_phase_2(gateways, ours, esp, more, protocol, said, we_initiate):
    a = conf(children={"net": child(**ours)}, local_id="moon", remote_id="sun", proposals="aes256-sha256-modp2048")
    daemon = Sallyport(gateways.moon, a)
    theirs = Pluto(gateways.sun, pluto_conf("aes256-sha2_256;modp2048", esp, "no") + more, '@sun @moon : PSK "%s"\n' % PSK, STUB)
    if we_initiate:
        daemon.initiate("net")
    else:
        theirs.initiate("site")
    assert "INSTALLED" in daemon.list_sas()
    theirs.wait_log(said)
    child_sa = daemon.list_sas()
    assert protocol in child_sa, child_sa


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_transport_mode(gateways, we_initiate):
    a = conf(children={"net": child(local_ts="10.77.0.1/32", remote_ts="10.77.0.2/32", esp_proposals="aes128gcm16", mode="transport")},
             local_id="moon", remote_id="sun", proposals="aes256-sha256-modp2048")
    daemon = Sallyport(gateways.moon, a)
    text = pluto_conf("aes256-sha2_256;modp2048", "aes_gcm128-null", "no") + "  type=transport\n"
    text = "".join(l + "\n" for l in text.splitlines() if "subnet" not in l)
    theirs = Pluto(gateways.sun, text, '@sun @moon : PSK "%s"\n' % PSK, STUB)
    if we_initiate:
        daemon.initiate("net")
    else:
        theirs.initiate("site")
    theirs.wait_log(r"IPsec SA established transport mode")
    assert "TRANSPORT" in daemon.list_sas()


def test_rekey_of_phase_2(gateways):
    a = conf(children={"net": child(esp_proposals="aes128gcm16")}, local_id="moon", remote_id="sun", proposals="aes256-sha256-modp2048")
    ours = Sallyport(gateways.moon, a)
    theirs = Pluto(gateways.sun, pluto_conf("aes256-sha2_256;modp2048", "aes_gcm128-null", "no"), '@sun @moon : PSK "%s"\n' % PSK, STUB)
    ours.initiate("net")
    ours.swanctl("--rekey", "--child", "net")
    assert wait_until(lambda: theirs.log().count("IPsec SA established tunnel mode") >= 2), theirs.log()


@pytest.mark.parametrize("what,said", [("child", "IPsec SA established tunnel mode"), ("ike", "IKE SA established")], ids=["child", "ike"])
def test_rekey_with_pfs(gateways, what, said):
    """Each phase is renewed by us (of pluto it cannot be asked: "cannot force rekey of IKEv1 connection"), and one of each is left."""
    a = conf(children={"net": child(esp_proposals="aes128gcm16-modp2048")}, local_id="moon", remote_id="sun", proposals="aes256-sha256-modp2048")
    ours = Sallyport(gateways.moon, a)
    theirs = Pluto(gateways.sun, pluto_conf("aes256-sha2_256;modp2048", "aes_gcm128-null;modp2048", "yes"), '@sun @moon : PSK "%s"\n' % PSK, STUB)
    ours.initiate("net")
    out = ours.swanctl("--rekey", "--" + what, "net" if what == "child" else "site")
    assert "completed successfully" in out, out
    assert wait_until(lambda: theirs.log().count(said) == 2), theirs.log()
    assert wait_until(lambda: ours.list_sas().count(", ESTABLISHED") == 1 and ours.list_sas().count("INSTALLED") == 1, 60, 1), ours.list_sas()
