# SPDX-License-Identifier: Apache-2.0
"""Transport mode in UDP through a real NAT, between two of us: strongSwan's userspace ESP has no transport mode. The judge is
the kernel, which drops TCP and UDP whose checksums were not made good for the addresses that it sees (RFC 3948 section 3.1.2)."""
import subprocess

from config import child, conf
from peers import Sallyport
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
