# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from net import Net, run  # noqa: E402


@pytest.fixture
def net(tmp_path):
    n = Net(tmp_path)
    try:
        yield n
    finally:
        n.close()


class Sites:
    """Two gateways, moon and sun, over one link; a host, alice and bob, behind each."""

    def __init__(self, net, hosts=True, mtu=None):
        self.net = net
        self.moon, self.sun = net.host("moon"), net.host("sun")
        net.link(self.moon, "wan", self.sun, "wan", mtu=mtu)
        self.moon.address("wan", "10.77.0.1/24", "fd77::1/64")
        self.sun.address("wan", "10.77.0.2/24", "fd77::2/64")
        if not hosts:
            return
        self.alice, self.bob = net.host("alice"), net.host("bob")
        for gw, host, n in ((self.moon, self.alice, 1), (self.sun, self.bob, 2)):
            net.link(gw, "lan", host, "eth0")
            gw.address("lan", "10.%d.0.1/16" % n, "fd0%d::1/64" % n)
            host.address("eth0", "10.%d.0.10/16" % n, "fd0%d::10/64" % n)
            host.ip("route", "add", "default", "via", "10.%d.0.1" % n)
            host.ip("-6", "route", "add", "default", "via", "fd0%d::1" % n)
            gw.forward()
        # Plain routes, so that a leak would arrive: only a tunnel may carry this traffic.
        self.moon.ip("route", "add", "10.2.0.0/16", "via", "10.77.0.2")
        self.sun.ip("route", "add", "10.1.0.0/16", "via", "10.77.0.1")
        self.moon.ip("-6", "route", "add", "fd02::/64", "via", "fd77::2")
        self.sun.ip("-6", "route", "add", "fd01::/64", "via", "fd77::1")


@pytest.fixture
def sites(net):
    return Sites(net)


@pytest.fixture
def gateways(net):
    return Sites(net, hosts=False)


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the interop tests make network namespaces: run them as root, or under `unshare -Urnm`", returncode=3)
    run(os.path.join(os.path.dirname(__file__), "..", "..", "tools", "peers"), "fetch", "strongswan", timeout=300)
