# SPDX-License-Identifier: Apache-2.0
"""strongSwan 5.9.8 agrees with us in both roles. A ping alone proves nothing (a plain route carries it as well): what
counts is strongSwan's own byte counters, and a capture in which nothing but ESP and IKE is seen."""
import os
import re
import signal
import time

import pytest

from config import PSK, child, conf, pair
from net import run, wait_until
from peers import Charon, Sallyport

PROTECTED = "net 10.1.0.0/16 or net 10.2.0.0/16 or net fd01::/64 or net fd02::/64"


def cleartext(capture):
    return capture.lines(PROTECTED)


def both_ways(a, b, src="10.1.0.10", dst="10.2.0.10", count=3):
    assert a.ping(dst, count, interval=0.2) == count
    assert b.ping(src, count, interval=0.2) == count


def carried(charon, at_least=500):
    """strongSwan decrypted and encrypted that much on some child."""
    counters = charon.bytes()
    assert any(i >= at_least and o >= at_least for i, o in counters), counters


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
@pytest.mark.parametrize("ike,esp", [
    ("aes128-sha256-modp2048", "aes128gcm16"),
    ("aes192-sha384-modp3072", "aes192gcm16-modp3072"),
    ("aes256-sha512-modp4096", "aes256gcm16-modp2048"),
    ("aes256-sha256-modp6144", "aes256-sha256"),
    ("aes256-sha256-ecp256", "aes128-sha256-ecp256"),
    ("aes256-sha384-ecp384", "aes192-sha384-ecp384"),
    ("aes256-sha512-ecp521", "aes256-sha512-ecp521"),
    ("aes128-sha256-x25519", "aes128gcm16-x25519"),
    ("aes256-sha256-ecp256", "null-sha256"),
    ("aes128-sha1-modp1024", "aes128-sha1-modp1024"),
    ("3des-md5-modp1536", "aes128-sha1-modp1536"),
    ("aes128-sha256-modp8192", "aes256gcm16"),
    # What only old peers have, and the groups of RFC 5114 and 6932.
    ("3des-sha1-modp768", "aes128-sha1"),
    ("camellia128-sha256-modp2048s256", "aes128gcm16-modp2048s256"),
    ("camellia256-sha512-modp2048s224", "aes128gcm16"),
    ("blowfish128-sha1-modp1024s160", "aes128-sha1"),
    ("blowfish256-md5-ecp192", "aes128-sha1"),
    ("cast128-sha1-ecp224", "aes128-sha1-ecp224"),
    ("aes128-sha256-ecp224bp", "aes128gcm16"),
    ("aes256-sha256-ecp256bp", "aes128gcm16-ecp256bp"),
    ("aes256-sha384-ecp384bp", "aes128gcm16-ecp384bp"),
    ("aes256-sha512-ecp512bp", "aes128gcm16-ecp512bp"),
], ids=lambda v: v if isinstance(v, str) else None)
def test_algorithms(sites, ike, esp, we_initiate):
    a, b = pair(children={"net": child(esp_proposals=esp)}, proposals=ike)
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    wire = sites.moon.capture("wan")
    (ours if we_initiate else theirs).initiate("net")
    both_ways(sites.alice, sites.bob)
    carried(theirs)
    carried(ours)
    assert cleartext(wire) == []


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
@pytest.mark.parametrize("local_id,remote_id", [
    ("moon.example.org", "sun.example.org"),
    ("admin@moon.example.org", "admin@sun.example.org"),
    ('"@#6d6f6f6e"', '"@#73756e"'),
    ("10.77.0.1", "sun.example.org"),
], ids=["fqdn", "user-fqdn", "key-id", "mixed"])
def test_identities(sites, local_id, remote_id, we_initiate):
    a, b = pair(local_id=local_id, remote_id=remote_id)
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    (ours if we_initiate else theirs).initiate("net")
    both_ways(sites.alice, sites.bob)
    carried(theirs)


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_two_subnets_under_one_phase_1(sites, we_initiate):
    sites.alice.address("eth0", "10.3.0.10/16")
    sites.moon.address("lan", "10.3.0.1/16")
    sites.sun.ip("route", "add", "10.3.0.0/16", "via", "10.77.0.1")
    a, b = pair(children={"net": child(), "lab": child("10.3.0.0/16")})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    first = ours if we_initiate else theirs
    first.initiate("net")
    first.initiate("lab")
    both_ways(sites.alice, sites.bob)
    assert sites.bob.ping("10.3.0.10", 2) == 2
    assert ours.list_sas().count("#1, ESTABLISHED") == 1 and "#2, ESTABLISHED" not in ours.list_sas()
    assert len(theirs.bytes()) == 2 and all(i and o for i, o in theirs.bytes())


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_ipv6_outside_and_inside(sites, we_initiate):
    a, b = pair("fd77::1", "fd77::2", {"net": child("fd01::/64", "fd02::/64")})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    (ours if we_initiate else theirs).initiate("net")
    both_ways(sites.alice, sites.bob, "fd01::10", "fd02::10")
    carried(theirs)


def test_ipv6_in_ipv4_and_ipv4_in_ipv6(sites):
    a, b = pair(children={"six": child("fd01::/64", "fd02::/64")})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    ours.initiate("six")
    both_ways(sites.alice, sites.bob, "fd01::10", "fd02::10")
    carried(theirs)


@pytest.mark.parametrize("what", ["child", "ike"])
@pytest.mark.parametrize("who", ["ours", "theirs"])
@pytest.mark.parametrize("pfs", ["", "-ecp256"], ids=["plain", "pfs"])
def test_rekey_under_traffic_loses_nothing(sites, what, who, pfs):
    a, b = pair(children={"net": child(esp_proposals="aes256gcm16" + pfs)})
    daemons = {"ours": Sallyport(sites.moon, a), "theirs": Charon(sites.sun, b)}
    daemons["ours"].initiate("net")
    both_ways(sites.alice, sites.bob)
    pings = sites.alice.pinging("10.2.0.10", 350, interval=0.02)
    for _ in range(3):
        time.sleep(1.5)
        out = daemons[who].swanctl("--rekey", "--" + what, "net" if what == "child" else "site")
        assert "completed successfully" in out, out
    assert pings.result() == 350
    # Ours deletes what it replaced; strongSwan lets it expire (charon.delete_rekeyed). One is in use either way.
    if what == "child":
        assert wait_until(lambda: daemons["ours"].list_sas().count("INSTALLED") == 1 and (who == "theirs" or len(daemons["ours"].bytes()) == 1),
                          20), daemons["ours"].list_sas()
        both_ways(sites.alice, sites.bob)


@pytest.mark.parametrize("who", ["ours", "theirs"])
@pytest.mark.parametrize("what", ["child", "ike"])
def test_delete_reaches_the_peer(sites, who, what):
    a, b = pair()
    daemons = {"ours": Sallyport(sites.moon, a), "theirs": Charon(sites.sun, b)}
    daemons["ours"].initiate("net")
    daemons[who].swanctl("--terminate", "--" + what, "net" if what == "child" else "site")
    other = daemons["theirs" if who == "ours" else "ours"]
    gone = "INSTALLED" if what == "child" else "ESTABLISHED"
    assert wait_until(lambda: gone not in other.list_sas()), other.list_sas()
    assert gone not in daemons[who].list_sas()


def test_shutdown_deletes_both_phases(sites):
    a, b = pair()
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    ours.initiate("net")
    ours.stop()
    assert wait_until(lambda: "site" not in theirs.list_sas()), theirs.list_sas()
    assert "received DELETE for IKE_SA" in theirs.log()


def test_dead_peer_is_detected_and_the_tunnel_comes_back(sites):
    a, b = pair(children={"net": child(dpd_action="restart")}, ours={"dpd_delay": "1s", "dpd_timeout": "4s"})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    ours.initiate("net")
    theirs.kill()
    ours.wait_log(r"(?i)dead|DPD|no answer")
    theirs.start()
    theirs.swanctl("--load-all", "--file", os.path.join(theirs.dir, "swanctl.conf"))
    assert wait_until(lambda: sites.alice.probe("10.2.0.10", 1) and any(i and o for i, o in theirs.bytes()), 30), ours.log()


def test_we_answer_dead_peer_detection(sites):
    a, b = pair(theirs={"dpd_delay": "1s", "dpd_timeout": "3s"})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    ours.initiate("net")
    # One a second: with the fifth its timeout is well over.
    assert wait_until(lambda: theirs.log().count("R_U_THERE_ACK") + theirs.log().count("DPD_ACK") >= 5), theirs.log()
    assert "ESTABLISHED" in theirs.list_sas()


def natted(net):
    """moon is behind a NAT; sun is on the other side."""
    moon, nat, sun = net.host("moon"), net.host("nat"), net.host("sun")
    net.link(moon, "wan", nat, "inner")
    net.link(nat, "outer", sun, "wan")
    moon.address("wan", "192.168.5.2/24")
    nat.address("inner", "192.168.5.1/24")
    nat.address("outer", "10.77.0.1/24")
    sun.address("wan", "10.77.0.2/24")
    moon.ip("route", "add", "default", "via", "192.168.5.1")
    nat.forward()
    nat.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "outer", "-j", "MASQUERADE", "--random")
    for h, n in ((moon, 1), (sun, 2)):
        h.address("lo", "10.%d.0.10/32" % n)
    return moon, nat, sun


@pytest.mark.parametrize("ours_inside", [True, False], ids=["behind-nat", "facing-nat"])
def test_nat_between(net, ours_inside):
    moon, nat, sun = natted(net)
    a = conf("192.168.5.2", "10.77.0.2", local_id="moon", remote_id="sun")
    b = conf("10.77.0.2", "%any", {"net": child("10.2.0.0/16", "10.1.0.0/16")}, local_id="sun", remote_id="moon")
    inside = (Sallyport if ours_inside else Charon)(moon, a)
    outside = (Charon if ours_inside else Sallyport)(sun, b)
    inside.initiate("net")
    assert moon.ping("10.2.0.10", 3, src="10.1.0.10", interval=0.2) == 3
    assert sun.ping("10.1.0.10", 3, src="10.2.0.10", interval=0.2) == 3
    carried(inside, 200)
    carried(outside, 200)


@pytest.mark.parametrize("we_answer", [True, False], ids=["gateway", "client"])
def test_road_warriors_from_anywhere(net, we_answer):
    """
    Two clients with addresses that the gateway does not know; identities tell them apart. A dynamic selector gives each its
    own; strongSwan's userspace ESP cannot protect the outer address itself, so behind that each client has an inner one.
    """
    gw = net.host("gw")
    clients = [net.host("carol"), net.host("dave")]
    for i, c in enumerate(clients):
        net.link(gw, "wan%d" % i, c, "eth0")
        gw.address("wan%d" % i, "10.77.%d.1/24" % i)
        c.address("eth0", "10.77.%d.100/24" % i)
        c.ip("route", "add", "default", "via", "10.77.%d.1" % i)
    gw.address("lo", "10.1.0.1/32")
    b = conf("%any", "%any", {"net": child("10.1.0.0/16", "dynamic" if we_answer else "10.3.0.0/24")}, local_id="gw.example.org",
             remote_id="*.example.org")
    gateway = (Sallyport if we_answer else Charon)(gw, b)
    for i, c in enumerate(clients):
        inner = "10.3.0.%d" % (i + 1)
        c.address("lo", inner + "/32")
        a = conf("%any", "10.77.%d.1" % i, {"net": child("dynamic" if we_answer else inner + "/32", "10.1.0.0/16")},
                 local_id="%s.example.org" % c.name, remote_id="gw.example.org")
        client = (Charon if we_answer else Sallyport)(c, a)
        client.initiate("net")
        assert c.ping("10.1.0.1", 3, interval=0.2) == 3
        carried(client, 200)
    assert len(gateway.bytes()) == 2 and all(i and o for i, o in gateway.bytes()), gateway.list_sas()


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_wrong_psk_is_clear_on_both_sides(sites, we_initiate):
    a, b = pair(ours={"psk": "one"}, theirs={"psk": "another"})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    if we_initiate:
        out = ours.cli("up", "net", "--timeout", "8", check=False)
        assert re.search(r"(?i)pre-shared key", out), out
    else:
        theirs.swanctl("--initiate", "--child", "net", "--timeout", "8", check=False)
    ours.wait_log(r"(?i)pre-shared key")
    assert "ESTABLISHED" not in ours.list_sas()


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_no_proposal_chosen_is_explained(sites, we_initiate):
    a, b = pair(ours={"proposals": "aes256-sha256-ecp256"}, theirs={"proposals": "aes128-sha256-modp2048"})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    if we_initiate:
        out = ours.cli("up", "net", "--timeout", "8", check=False)
        assert "NO-PROPOSAL-CHOSEN" in out or "NO_PROPOSAL_CHOSEN" in out, out
    else:
        out = theirs.swanctl("--initiate", "--child", "net", "--timeout", "8", check=False)
        assert "NO_PROPOSAL_CHOSEN" in out, out
        ours.wait_log(r"MODP_2048[\s\S]*ECP_256|AES_CBC_128[\s\S]*AES_CBC_256")


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_refused_selectors_are_explained(sites, we_initiate):
    a, _ = pair()
    b = conf("10.77.0.2", "10.77.0.1", {"net": child("10.2.0.0/16", "10.9.0.0/16")})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    if we_initiate:
        out = ours.cli("up", "net", "--timeout", "8", check=False)
        assert re.search("INVALID.ID.INFORMATION", out), out
    else:
        theirs.swanctl("--initiate", "--child", "net", "--timeout", "8", check=False)
        ours.wait_log(r"10\.9\.0\.0/16")
    assert "INSTALLED" not in ours.list_sas()


@pytest.mark.parametrize("esp", ["aes128-sha256", "aes256gcm16", "aes128gcm8"])
def test_tshark_opens_ike_and_esp_with_the_exported_keys(sites, esp):
    a, b = pair(children={"net": child(esp_proposals=esp)}, proposals="aes256-sha256-modp2048")
    keys = os.path.join(sites.net.tmp, "keys")
    ours, theirs = Sallyport(sites.moon, a, args=["--export-keys", keys]), Charon(sites.sun, b)
    wire = sites.moon.capture("wan")
    ours.initiate("net")
    both_ways(sites.alice, sites.bob)
    for name in os.listdir(keys):
        assert os.stat(os.path.join(keys, name)).st_mode & 0o777 == 0o600
    env = dict(os.environ, WIRESHARK_CONFIG_DIR=keys)
    path = wire.stop()
    ike = run("tshark", "-r", path, "-Y", "isakmp", "-V", env=env)
    # What only a decrypted Quick Mode shows: the client identities.
    assert "IPV4_ADDR_SUBNET" in ike and "10.1.0.0" in ike and "10.2.0.0" in ike, ike[-3000:]
    opened = run("tshark", "-r", path, "-Y", "esp.icv_good == 1 && icmp", env=env)
    assert len(opened.splitlines()) >= 12, run("tshark", "-r", path, env=env)


def test_a_peer_that_is_silent_is_named_as_such(gateways):
    ours = Sallyport(gateways.moon, conf(), extra="charon {\n  retransmit_tries = 1\n  retransmit_timeout = 1.0\n}\n")
    out = ours.cli("up", "net", "--timeout", "10", check=False)
    assert re.search(r"(?i)no answer|does not answer|silent", out), out


def test_a_peer_that_is_silent_is_named_before_we_give_up(gateways):
    out = Sallyport(gateways.moon, conf()).cli("up", "net", "--timeout", "2", check=False)
    assert "no answer from the peer yet" in out and "UDP 500" in out, out


def test_the_same_psk_from_hex_and_base64(sites):
    a, b = pair(ours={"secrets": {"ike": {"secret": "0x" + PSK.encode().hex()}}}, theirs={"secrets": {"ike": {"secret": "0sc3dvcmRmaXNo"}}})
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    ours.initiate("net")
    both_ways(sites.alice, sites.bob)
    assert signal.SIGTERM and theirs.proc.poll() is None
