# SPDX-License-Identifier: Apache-2.0
"""AH, AH around ESP, IPComp and transport mode between two of us: strongSwan's userspace ESP has none of them, so packets are
judged by their protocol number on the wire; the negotiation is judged by libreswan (test_libreswan.py)."""
import pytest

from config import child, pair
from net import wait_until
from peers import Sallyport
from test_steer_daemon import tcp


@pytest.mark.parametrize("suite,protocol,words", [
    (dict(ah_proposals="sha256"), 51, "AH"),
    (dict(ah_proposals="sha512-ecp256", esp_proposals="aes128gcm16-ecp256"), 51, "ESP"),
    (dict(esp_proposals="aes256-sha256", ipcomp="yes"), 50, "ESP"),
], ids=["ah", "ah-esp", "ipcomp"])
def test_tunnels(sites, suite, protocol, words):
    a, b = pair(children={"net": child(**suite)})
    ours, theirs = Sallyport(sites.moon, a), Sallyport(sites.sun, b)
    wire = sites.moon.capture("wan")
    ours.initiate("net")
    assert words in ours.list_sas()
    for source, target in ((sites.alice, "10.2.0.10"), (sites.bob, "10.1.0.10")):
        assert source.ping(target, 3, interval=0.2) == 3
    ours.swanctl("--rekey", "--child", "net")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3
    ours.swanctl("--terminate", "--ike", "site")
    assert wait_until(lambda: "INSTALLED" not in theirs.list_sas()), theirs.list_sas()
    assert len(wire.lines("ip proto %d" % protocol)) >= 18


@pytest.mark.parametrize("suite,protocol", [
    (dict(esp_proposals="aes128gcm16"), 50),
    (dict(ah_proposals="sha256"), 51),
], ids=["esp", "ah"])
def test_transport_mode(gateways, suite, protocol):
    hosts = child("10.77.0.1/32", "10.77.0.2/32", mode="transport", **suite)
    a, b = pair(children={"net": hosts})
    ours, theirs = Sallyport(gateways.moon, a), Sallyport(gateways.sun, b)
    wire = gateways.moon.capture("wan")
    ours.initiate("net")
    assert "TRANSPORT" in ours.list_sas() and "TRANSPORT" in theirs.list_sas()
    assert gateways.moon.ping("10.77.0.2", 3, interval=0.2) == 3
    assert len(wire.lines("ip proto %d" % protocol)) >= 6


@pytest.mark.parametrize("suite,protocol", [
    (dict(esp_proposals="aes128gcm16"), 50),
    (dict(ah_proposals="sha256"), 51),
], ids=["esp", "ah"])
def test_transport_mode_over_ipv6(gateways, suite, protocol):
    """AH is an extension header of IPv6; nftables takes it for the protocol all the same, so the guard lets it pass."""
    a, b = pair("fd77::1", "fd77::2", children={"net": child("dynamic", "dynamic", mode="transport", **suite)})
    ours, theirs = Sallyport(gateways.moon, a), Sallyport(gateways.sun, b)
    wire = gateways.moon.capture("wan")
    ours.initiate("net")
    assert "TRANSPORT" in ours.list_sas() and "TRANSPORT" in theirs.list_sas()
    assert gateways.moon.ping("fd77::2", 3, interval=0.2) == 3
    assert tcp(gateways.sun, gateways.moon, "fd77::2", 7000, 300000)
    assert len(wire.lines("ip6[6] = %d" % protocol)) >= 6
    assert wire.lines("ip6[6] = 6") == []
