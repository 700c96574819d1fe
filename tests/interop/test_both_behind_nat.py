# SPDX-License-Identifier: Apache-2.0
"""Peers behind NATs against strongSwan: one at each end, several behind one, addresses that change meanwhile. The NATs are
the kernel's own. Judged by strongSwan's byte counters and by what the NATs let through."""
import re

import pytest

from config import child, conf
from net import wait_until
from peers import Charon, Sallyport
from test_road_warrior import text

KINDS = {"ours": Sallyport, "theirs": Charon}


def carried(daemon, at_least=200):
    assert any(i >= at_least and o >= at_least for i, o in daemon.bytes()), daemon.list_sas()


def nat(net, name, outer, inner="192.168.5.1/24"):
    """A NAT with its outer end on the internet (10.77.0.0/24); behind it `inner` is the gateway."""
    box = net.host(name)
    net.link(box, "outer", internet(net), name)
    internet(net).ip("link", "set", name, "master", "br0")
    box.address("outer", outer)
    box.forward()
    box.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "outer", "-j", "MASQUERADE", "--random")
    return box


def internet(net):
    if "internet" not in net.hosts:
        h = net.host("internet")
        h.ip("link", "add", "br0", "type", "bridge")
        h.ip("link", "set", "br0", "up")
    return net.hosts["internet"]


def public(net, name, address):
    h = net.host(name)
    net.link(h, "wan", internet(net), name)
    internet(net).ip("link", "set", name, "master", "br0")
    h.address("wan", address)
    return h


def behind(net, box, name, address, dev=None):
    """A host behind the NAT, which has the first address of its network."""
    h, dev = net.host(name), dev or "to-" + name
    router = address.rsplit(".", 1)[0] + ".1"
    net.link(h, "wan", box, dev)
    box.address(dev, router + "/24")
    h.address("wan", address + "/24")
    h.ip("route", "add", "default", "via", router)
    return h


def pings(host, dst, src):
    assert wait_until(lambda: host.probe(dst, 1, src=src)), "%s does not reach %s" % (host.name, dst)
    assert host.ping(dst, 3, src=src, interval=0.2) == 3


@pytest.mark.parametrize("initiator", ["ours", "theirs"])
def test_a_nat_at_each_end(net, initiator):
    """The responder's NAT forwards UDP 500 and 4500 to it. Either end is behind a NAT, and sees that the other is as well."""
    left, right = nat(net, "left", "10.77.0.1/24"), nat(net, "right", "10.77.0.2/24")
    moon, sun = behind(net, left, "moon", "192.168.5.2"), behind(net, right, "sun", "192.168.6.2")
    right.run("iptables", "-t", "nat", "-A", "PREROUTING", "-i", "outer", "-p", "udp", "-m", "multiport", "--dports", "500,4500",
              "-j", "DNAT", "--to-destination", "192.168.6.2")
    for h, n in ((moon, 1), (sun, 2)):
        h.address("lo", "10.%d.0.10/32" % n)
    a = conf("192.168.5.2", "10.77.0.2", local_id="moon", remote_id="sun")
    b = conf("192.168.6.2", "%any", {"net": child("10.2.0.0/16", "10.1.0.0/16")}, local_id="sun", remote_id="moon")
    first = KINDS[initiator](moon, a)
    second = KINDS["theirs" if initiator == "ours" else "ours"](sun, b)
    first.initiate("net")
    pings(moon, "10.2.0.10", "10.1.0.10")
    pings(sun, "10.1.0.10", "10.2.0.10")
    ours = first if initiator == "ours" else second
    assert "this end is behind a NAT" in ours.log() and "the peer is behind a NAT" in ours.log(), ours.log()
    # Both phases are renewed through both NATs, from either end.
    second.swanctl("--rekey", "--child", "net")
    second.swanctl("--rekey", "--ike", "site")
    pings(moon, "10.2.0.10", "10.1.0.10")
    carried(first)
    carried(second)


def clients_and_gateway(net, addresses, boxes):
    """carol and dave behind their NATs (or one), the gateway on the internet."""
    hosts = [behind(net, box, name, a) for box, name, a in zip(boxes, ("carol", "dave"), addresses)]
    gw = public(net, "gw", "10.77.0.2/24")
    gw.address("lo", "10.2.0.10/32")
    return hosts, gw


@pytest.mark.parametrize("we_answer", [True, False], ids=["gateway", "client"])
def test_two_clients_behind_one_nat(net, we_answer):
    """One public address, two ports. Each client protects its own address behind the NAT."""
    box = nat(net, "nat", "10.77.0.1/24")
    hosts, gw = clients_and_gateway(net, ["192.168.5.2", "192.168.6.2"], [box, box])
    nets = ["10.3.0.1/32", "10.3.0.2/32"]
    gateway = (Sallyport if we_answer else Charon)(gw, conf("10.77.0.2", "%any", {"net": child("10.2.0.0/16", "10.3.0.0/24")}, local_id="gw",
                                                           remote_id="%any"))
    clients = []
    for h, n in zip(hosts, nets):
        h.address("lo", n)
        a = conf("%any", "10.77.0.2", {"net": child(n, "10.2.0.0/16")}, local_id=h.name, remote_id="gw")
        clients.append((Charon if we_answer else Sallyport)(h, a))
        clients[-1].initiate("net")
    for h, n, c in zip(hosts, nets, clients):
        pings(h, "10.2.0.10", n.split("/")[0])
        carried(c)
    sas = gateway.list_sas()
    ports = re.findall(r"@ 10\.77\.0\.1\[(\d+)\]", sas)
    assert len(ports) == 2 and len(set(ports)) == 2, sas
    assert len(gateway.bytes()) == 2 and all(i and o for i, o in gateway.bytes()), sas


@pytest.mark.parametrize("we_answer", [True, False], ids=["gateway", "client"])
def test_two_clients_with_the_same_inner_address(net, we_answer):
    """
    RFC 3948 section 5.1: each has 192.168.5.2 behind a NAT of its own, and both NATs are behind a third. "It is RECOMMENDED
    that SGW ... assign locally unique IP addresses": virtual ones tell them apart.
    """
    outer = nat(net, "nat", "10.77.0.1/24")
    homes = []
    for i, name in enumerate(("home1", "home2")):
        home = net.host(name)
        net.link(home, "outer", outer, name)
        outer.address(name, "192.168.%d.1/24" % (10 + i))
        home.address("outer", "192.168.%d.2/24" % (10 + i))
        home.ip("route", "add", "default", "via", "192.168.%d.1" % (10 + i))
        home.forward()
        home.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "outer", "-j", "MASQUERADE")
        homes.append(home)
    hosts, gw = clients_and_gateway(net, ["192.168.5.2", "192.168.5.2"], homes)
    conn = dict(version=1, local_addrs="10.77.0.2", pools="p", local=dict(auth="psk", id="gw"), remote=dict(auth="psk", id="%any"),
                children={"net": child("10.2.0.0/16", "dynamic")})
    psk = {"ike": {"secret": '"swordfish"'}}
    gateway = (Sallyport if we_answer else Charon)(gw, text(connections={"rw": conn}, secrets=psk, pools={"p": {"addrs": "10.9.0.0/24"}}))
    clients = []
    for i, h in enumerate(hosts):
        if we_answer:   # strongSwan's userspace ESP wants it on a device
            h.address("lo", "10.9.0.%d/32" % (i + 1))
        a = conf("%any", "10.77.0.2", {"net": child("dynamic", "10.2.0.0/16")}, local_id=h.name, remote_id="gw", vips="0.0.0.0")
        clients.append((Charon if we_answer else Sallyport)(h, a))
        clients[-1].initiate("net")
    for h, c in zip(hosts, clients):
        pings(h, "10.2.0.10", re.search(r"\[(10\.9\.0\.\d+)\]", c.list_sas()).group(1))
        carried(c)
    assert len(gateway.bytes()) == 2 and all(i and o for i, o in gateway.bytes()), gateway.list_sas()


@pytest.mark.parametrize("we_answer", [True, False], ids=["gateway", "client"])
def test_a_changed_mapping_is_followed(net, we_answer):
    """The NAT has another public address, and no mapping any more: the next packet of the client moves the SAs."""
    box = nat(net, "nat", "10.77.0.1/24")
    (moon,), gw = clients_and_gateway(net, ["192.168.5.2"], [box])
    moon.address("lo", "10.1.0.10/32")
    gateway = (Sallyport if we_answer else Charon)(gw, conf("10.77.0.2", "%any", {"net": child("10.2.0.0/16", "10.1.0.0/16")}, local_id="gw",
                                                           remote_id="moon"))
    client = (Charon if we_answer else Sallyport)(moon, conf("%any", "10.77.0.2", local_id="moon", remote_id="gw"))
    client.initiate("net")
    pings(moon, "10.2.0.10", "10.1.0.10")
    box.ip("addr", "del", "10.77.0.1/24", "dev", "outer")
    box.address("outer", "10.77.0.7/24")
    if we_answer:
        pings(moon, "10.2.0.10", "10.1.0.10")
        pings(gw, "10.1.0.10", "10.2.0.10")
        assert "@ 10.77.0.7[" in gateway.list_sas(), gateway.list_sas()
        assert re.search(r"the peer moved from 10\.77\.0\.1\S* to 10\.77\.0\.7", gateway.log()), gateway.log()
    # Phase 1 goes on as well: by the client, whose NAT lets its own packets through at any time. strongSwan's gateway
    # follows no ESP, only IKE messages.
    client.swanctl("--rekey", "--child", "net")
    client.swanctl("--rekey", "--ike", "site")
    pings(moon, "10.2.0.10", "10.1.0.10")
