# SPDX-License-Identifier: Apache-2.0
"""NAT traversal as it was before RFC 3947, with peers that still speak it: a relay between the two takes the RFC's Vendor ID
out of messages 1 and 2, so that they settle on draft 02 or 03. Judged by the peer, by tshark's names for what is on the wire,
and by traffic."""
import os
import re
import subprocess

import pytest

from config import PSK, child, conf
from net import run
from peers import BUILD, ROOT, Charon, Pluto, Sallyport
from test_strongswan import carried

RFC3947 = "4a131c81070358455c5728f20e95452f"
DRAFT_03 = "7d9419a65310ca6f2c179d9215529d56"
DRAFT_02N = "90cb80913ebb696e086381b5ec427b1f"
DRAFT_02 = "cd60464335df21f87cfdb2fc68b6a448"
STUB = os.path.join(BUILD, "tests", "support", "xfrm-stub.so")
HERE = os.path.dirname(os.path.abspath(__file__))


def relayed(net, *ids):
    """moon sends to 192.168.5.1 and is seen as 10.77.0.1; sun is 10.77.0.2."""
    moon, relay, sun = net.host("moon"), net.host("relay"), net.host("sun")
    net.link(moon, "wan", relay, "inner")
    net.link(relay, "outer", sun, "wan")
    moon.address("wan", "192.168.5.2/24")
    relay.address("inner", "192.168.5.1/24")
    relay.address("outer", "10.77.0.1/24")
    sun.address("wan", "10.77.0.2/24")
    for h, n in ((moon, 1), (sun, 2)):
        h.address("lo", "10.%d.0.10/32" % n)
    p = relay.popen("/usr/bin/python3", os.path.join(HERE, "relay.py"), "192.168.5.1", "10.77.0.1", "10.77.0.2", *ids, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "ready\n"
    return moon, sun


def configurations(**kw):
    a = conf("192.168.5.2", "192.168.5.1", {"net": child(**kw)}, local_id="moon", remote_id="sun")
    b = conf("10.77.0.2", "%any", {"net": child("10.2.0.0/16", "10.1.0.0/16", **kw)}, local_id="sun", remote_id="moon")
    return a, b


def payload_types(path):
    """Of all messages in clear."""
    out = run("tshark", "-r", path, "-Y", "isakmp && !(isakmp.flags == 0x01)", "-T", "fields", "-e", "isakmp.typepayload", "-e", "isakmp.nextpayload",
              timeout=120)
    return {int(n) for n in re.findall(r"\d+", out)}


def check_wire(path, draft):
    """NAT-D is 130 in the drafts and 20 in the RFC: never both."""
    types = payload_types(path)
    assert (130 in types, 20 in types) == (draft, not draft), types


@pytest.mark.parametrize("gone,draft", [((RFC3947,), True), ((RFC3947, DRAFT_03), True), ((DRAFT_03, DRAFT_02N, DRAFT_02), False)],
                         ids=["without-rfc", "draft-02-alone", "rfc-alone"])
@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_strongswan(net, gone, draft, we_initiate):
    moon, sun = relayed(net, *gone)
    a, b = configurations()
    keys = os.path.join(net.tmp, "keys")
    ours = Sallyport(moon if we_initiate else sun, a if we_initiate else b, args=["--export-keys", keys])
    theirs = Charon(sun if we_initiate else moon, b if we_initiate else a)
    wire = moon.capture("wan")
    first = ours if we_initiate else theirs
    first.initiate("net")
    assert moon.ping("10.2.0.10", 3, src="10.1.0.10", interval=0.2) == 3
    assert sun.ping("10.1.0.10", 3, src="10.2.0.10", interval=0.2) == 3
    carried(theirs, 200)
    # Quick Mode from the other end as well.
    (theirs if we_initiate else ours).swanctl("--rekey", "--child", "net")
    assert moon.ping("10.2.0.10", 3, src="10.1.0.10", interval=0.2) == 3
    path = wire.stop()
    check_wire(path, draft)
    quick = run("tshark", "-r", path, "-Y", "isakmp.exchangetype == 32", "-V", env=dict(os.environ, WIRESHARK_CONFIG_DIR=keys), timeout=120)
    modes = set(re.findall(r"Encapsulation-Mode: (.*)", quick))
    # 61443 and 3: tshark says "(draft)" or "(RFC 3947)".
    assert modes and all(("draft" in m) == draft for m in modes), (modes, quick[-2000:])


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_libreswan(net, we_initiate):
    run(os.path.join(ROOT, "tools", "peers"), "fetch", "libreswan", timeout=300)
    moon, sun = relayed(net, RFC3947)
    a, b = configurations(esp_proposals="aes128gcm16")
    text = """conn site
  keyexchange=ike
  ikev2=no
  authby=secret
  left=%s
  leftid=@%s
  leftsubnet=%s
  right=%s
  rightid=@%s
  rightsubnet=%s
  ike=aes256-sha2_256;modp2048
  esp=aes_gcm128-null
  pfs=no
  leftupdown=/bin/true
  auto=add
"""
    a, b = (c.replace("version = 1", "version = 1\n    proposals = aes256-sha256-modp2048") for c in (a, b))
    if we_initiate:
        ours = Sallyport(moon, a)
        theirs = Pluto(sun, text % ("10.77.0.2", "sun", "10.2.0.0/16", "%any", "moon", "10.1.0.0/16"), '@sun @moon : PSK "%s"\n' % PSK, STUB)
    else:
        ours = Sallyport(sun, b)
        theirs = Pluto(moon, text % ("192.168.5.2", "moon", "10.1.0.0/16", "192.168.5.1", "sun", "10.2.0.0/16"), '@sun @moon : PSK "%s"\n' % PSK, STUB)
    wire = moon.capture("wan")
    if we_initiate:
        ours.initiate("net")
    else:
        theirs.initiate("site")
    theirs.wait_log(r"IPsec SA established tunnel mode.*(ESPinUDP|NATD)")
    assert re.search("INSTALLED, TUNNEL-in-UDP", ours.list_sas()), ours.list_sas()
    check_wire(wire.stop(), True)
