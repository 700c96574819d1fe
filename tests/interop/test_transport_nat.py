# SPDX-License-Identifier: Apache-2.0
"""Transport mode in UDP through a real NAT, between two of us: strongSwan's userspace ESP has no transport mode. The judge is
the kernel, which drops TCP and UDP whose checksums were not made good for the addresses that it sees (RFC 3948 section 3.1.2)."""
import os
import re
import subprocess

from config import child, conf
from peers import ROOT, Sallyport
from test_both_behind_nat import clients_and_gateway, nat
from test_steer_daemon import tcp
from test_strongswan import natted

ECHO = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('10.77.0.2', 9000)); print('up', flush=True)\n"
        "while True:\n  b, who = s.recvfrom(4096); s.sendto(b[::-1], who)")
ASK = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)\n"
       "for i in range(20):\n  b = bytes(range(i, i + 100)); s.sendto(b, ('10.77.0.2', 9000)); assert s.recv(4096) == b[::-1]")


def udp(server, client):
    p = server.popen("/usr/bin/python3", "-c", ECHO, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "up\n"
    client.run("/usr/bin/python3", "-c", ASK)


def test_tcp_and_udp_through_a_nat(net):
    moon, nat, sun = natted(net)
    hosts = {"net": child("dynamic", "dynamic", mode="transport")}
    gateway = Sallyport(sun, conf("10.77.0.2", "%any", hosts, local_id="sun", remote_id="moon"))
    client = Sallyport(moon, conf("192.168.5.2", "10.77.0.2", hosts, local_id="moon", remote_id="sun"))
    wire = nat.capture("outer")
    client.initiate("net")
    for end in (client, gateway):
        assert "TRANSPORT-in-UDP" in end.list_sas(), end.list_sas()
    assert moon.ping("10.77.0.2", 3, interval=0.2) == 3
    assert tcp(sun, moon, "10.77.0.2", 7000, 1000000)
    udp(sun, moon)
    client.swanctl("--rekey", "--child", "net")
    assert tcp(sun, moon, "10.77.0.2", 7001, 1000000)
    assert len(wire.lines("udp port 4500")) >= 40
    assert wire.lines("tcp or icmp or udp port 9000") == []


LISTEN = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('10.77.0.2', 1701)); print('up', flush=True)\n"
          "while True:\n  b, who = s.recvfrom(4096); s.sendto(who[0].encode() + b' ' + b, who)")
SPEAK = ("import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.bind(('', 1701))\n"
         "for i in range(20):\n  s.sendto(b'%s %d' % (sys.argv[1].encode(), i), ('10.77.0.2', 1701)); b = s.recv(4096).split()\n"
         "  assert b[1:] == [sys.argv[1].encode(), b'%d' % i], b\nprint(b[0].decode())")


def test_two_clients_of_l2tp_behind_one_nat(net):
    """
    The server has examples/l2tp.conf, the clients what Windows offers. Both speak from UDP port 1701 to port 1701 (RFC 3948
    section 5.2): the server hears the second one under an alias.
    """
    box = nat(net, "nat", "10.77.0.1/24")
    hosts, gw = clients_and_gateway(net, ["192.168.5.2", "192.168.6.2"], [box, box])
    with open(os.path.join(ROOT, "examples", "l2tp.conf")) as f:
        example = f.read()
    gateway = Sallyport(gw, example)
    ports = {"net": child("dynamic[udp/1701]", "dynamic[udp/1701]", mode="transport", esp_proposals="aes256-sha1")}
    wire = box.capture("outer")
    clients = []
    for h in hosts:
        clients.append(Sallyport(h, conf("%any", "10.77.0.2", ports, re.search('secret = "(.*)"', example).group(1),
                                         proposals="aes256-sha1-ecp384")))
        clients[-1].initiate("net")
    p = gw.popen("/usr/bin/python3", "-c", LISTEN, stdout=subprocess.PIPE)
    assert p.stdout.readline() == "up\n"

    def heard_as():
        return [h.run("/usr/bin/python3", "-c", SPEAK, h.name).strip() for h in hosts]
    first, second = heard_as()
    assert first == "10.77.0.1" and second.startswith("198.18."), (first, second)
    assert "%s/32[udp/" % second in gateway.list_sas() and "nat_aliases" in gateway.log()
    # Whoever renews: the same address, so that the tunnels inside live on.
    gateway.swanctl("--rekey", "--child", "l2tp")
    clients[1].swanctl("--rekey", "--ike", "site")
    assert heard_as() == [first, second]
    clients[0].stop()
    clients[1].swanctl("--rekey", "--child", "net")
    assert hosts[1].run("/usr/bin/python3", "-c", SPEAK, "dave").strip() == second
    assert wire.lines("udp port 1701") == []
