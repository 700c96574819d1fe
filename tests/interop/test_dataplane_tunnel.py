# SPDX-License-Identifier: Apache-2.0
"""Packets through ESP between two data planes, without key management. The kernel's IP stacks, tcpdump and scapy judge."""
import os
import re
import time

import pytest

from dataplane_tool import SUITES, Tool, Tunnel, stream
from net import run, wait_until

V4, V6 = ("10.77.0.1", "10.77.0.2"), ("fd77::1", "fd77::2")
IN4, IN6 = ("10.1.0.1", "10.2.0.1"), ("fd01::1", "fd02::1")
TS4, TS6 = ("10.1.0.0/16", "10.2.0.0/16"), ("fd01::/64", "fd02::/64")


@pytest.fixture(params=[1, 2], ids=["one-worker", "two-workers"])
def workers(request):
    return ["-w", request.param]


@pytest.fixture
def hosts(gateways):
    """Two gateways with inner addresses of their own on lo."""
    gateways.moon.address("lo", IN4[0] + "/32", IN6[0] + "/128")
    gateways.sun.address("lo", IN4[1] + "/32", IN6[1] + "/128")
    return gateways


def tunnel(hosts, workers=("-w", 1), native=False, args=()):
    t = Tunnel(hosts.net, hosts.moon, hosts.sun, args_a=list(workers) + list(args), args_b=list(workers) + list(args), native=native)
    t.route("10.2.0.0/16", "10.1.0.0/16")
    t.route("fd02::/64", "fd01::/64")
    return t


def up(hosts, workers=("-w", 1), ts=TS4, outer=V4, udp=True, suite="aes256gcm16", extra="", native=False):
    t = tunnel(hosts, workers, native=native or not udp)
    t.claim(*ts)
    t.install(ts[0], ts[1], outer[0], outer[1], suite=suite, udp=udp, extra=extra)
    return t


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "native"])
@pytest.mark.parametrize("outer", [V4, V6], ids=["outer4", "outer6"])
@pytest.mark.parametrize("ts,inner", [(TS4, IN4), (TS6, IN6)], ids=["inner4", "inner6"])
def test_ping_and_tcp_both_ways(hosts, workers, ts, inner, outer, udp):
    t = up(hosts, workers, ts, outer, udp)
    cap = hosts.sun.capture("wan")
    assert hosts.moon.ping(inner[1], 3, src=inner[0], interval=0.02) == 3
    assert hosts.sun.ping(inner[0], 3, src=inner[1], interval=0.02) == 3
    for size in (0, 1, 2, 3, 4, 7, 100, 1300):
        assert hosts.moon.ping(inner[1], src=inner[0], size=size) == 1
    stream(hosts.moon, hosts.sun, inner[1])
    stream(hosts.sun, hosts.moon, inner[0])
    outside = [x for x in cap.lines("not arp") if not re.search("ICMP6, (neighbor|multicast|router)", x)]
    wanted = (r"UDP-encap: ESP|ESP\(spi") if udp else r"ESP\(spi"
    assert outside and all(re.search(wanted, x) for x in outside), [x for x in outside if not re.search(wanted, x)][:5]
    d = t.b.drops()
    assert d.pop("none") > 1000 and not {k: v for k, v in d.items() if k not in ("no-policy",)}
    t.quit()


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_each_suite_carries_tcp(hosts, suite):
    t = up(hosts, suite=suite, extra="esn=1 window=64")
    assert hosts.moon.ping(IN4[1], 2, src=IN4[0], interval=0.02) == 2
    stream(hosts.moon, hosts.sun, IN4[1], octets=2 << 20)
    assert "replay" not in t.b.drops() and "icv" not in t.b.drops()
    t.quit()


def test_without_offloads(hosts):
    """As on a kernel that has none: one packet a call, and said so."""
    t = tunnel(hosts, args=["-x"])
    t.claim(*TS4)
    t.install(*TS4)
    assert "without offload" in t.a.ready and "no gso, no gro" in t.a.ready
    stream(hosts.moon, hosts.sun, IN4[1], octets=4 << 20)
    stream(hosts.sun, hosts.moon, IN4[0], octets=4 << 20)
    t.quit()


def test_with_offloads_on_one_side_only(hosts):
    t = Tunnel(hosts.net, hosts.moon, hosts.sun, args_a=["-w", 1, "-x"], args_b=["-w", 1])
    t.route("10.2.0.0/16", "10.1.0.0/16")
    t.claim(*TS4)
    t.install(*TS4)
    stream(hosts.moon, hosts.sun, IN4[1], octets=4 << 20)
    stream(hosts.sun, hosts.moon, IN4[0], octets=4 << 20)
    t.quit()


def test_usage_counts_inner_packets(hosts):
    t = up(hosts)
    assert hosts.moon.ping(IN4[1], 5, src=IN4[0], size=100, interval=0.02) == 5
    out = t.a.numbers("usage out spi=4097 child=4096")
    back = t.a.numbers("usage in spi=4096 child=4096")
    assert out["packets"] == back["packets"] == 5 and out["octets"] == back["octets"] == 5 * 128
    assert out["last_use_ns"] > 0
    t.quit()


def test_forwarded_traffic_between_hosts(sites):
    t = tunnel(sites)
    t.claim(*TS4)
    t.install(*TS4)
    assert sites.alice.ping("10.2.0.10", 3, interval=0.02) == 3
    # The hosts' own MTU is larger than what fits: the tunnel's MTU must reach them as ICMP.
    stream(sites.alice, sites.bob, "10.2.0.10")
    stream(sites.bob, sites.alice, "10.1.0.10")
    t.quit()


def test_scapy_opens_what_we_send_and_we_open_what_scapy_sends(hosts):
    scapy = pytest.importorskip("scapy.all")
    from scapy.layers.ipsec import ESP, SecurityAssociation
    t = up(hosts, udp=False)
    cap = hosts.sun.capture("wan", "ip proto 50")
    assert hosts.moon.ping(IN4[1], src=IN4[0], size=300) == 1
    packets = [p for p in scapy.rdpcap(cap.stop()) if ESP in p and p["IP"].src == V4[0]]
    sa = SecurityAssociation(ESP, spi=0x1001, crypt_algo="AES-GCM", crypt_key=t.keys[0x1001][0],
                             tunnel_header=scapy.IP(src=V4[0], dst=V4[1]))
    inner = sa.decrypt(packets[0]["IP"])
    assert (inner.src, inner.dst, inner["ICMP"].type, len(inner)) == (IN4[0], IN4[1], 8, 328)
    # The other way: a packet that scapy sealed is answered.
    request = scapy.IP(src=IN4[0], dst=IN4[1]) / scapy.ICMP(id=77, seq=9) / b"from scapy"
    sealed = sa.encrypt(request, seq_num=1000)
    cap = hosts.sun.capture("sp0")
    inject(hosts.moon, [bytes(sealed)])
    assert wait_until(lambda: t.b.drops().get("none", 0) >= 2), t.b.drops()
    assert any("echo reply, id 77" in x for x in cap.lines())
    t.quit()


def inject(host, packets):
    """Sends whole IPv4 packets from the host's raw socket."""
    code = "import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_RAW,255)\n" \
           "for h in sys.stdin.read().split(): p=bytes.fromhex(h); s.sendto(p,(socket.inet_ntoa(p[16:20]),0))"
    run("ip", "netns", "exec", host.ns, "/usr/bin/python3", "-c", code, input="\n".join(p.hex() for p in packets))


def outer_packets(path, src):
    """ESP in UDP as captured, without the UDP checksum, which a veth leaves open (RFC 3948 2.1: zero is right)."""
    scapy = pytest.importorskip("scapy.all")
    packets = [bytes(p["IP"]) for p in scapy.rdpcap(path) if "IP" in p and p["IP"].src == src]
    return [p[:26] + b"\0\0" + p[28:] for p in packets]


def lost_packet(hosts):
    """An ESP packet that moon sent and sun never saw: it went to a hardware address that nobody has."""
    cap = hosts.moon.capture("wan", "src host 10.77.0.1 and udp port 4500")
    hosts.moon.ip("neigh", "replace", "10.77.0.2", "lladdr", "02:00:00:00:00:01", "dev", "wan", "nud", "permanent")
    hosts.moon.probe(IN4[1], 1, src=IN4[0])
    packet = outer_packets(cap.stop(), V4[0])[0]
    hosts.moon.ip("neigh", "del", "10.77.0.2", "dev", "wan")
    return packet


def test_replayed_packets_are_dropped(hosts, workers):
    t = up(hosts, workers)
    cap = hosts.sun.capture("wan", "udp port 4500")
    assert hosts.moon.ping(IN4[1], 5, src=IN4[0], interval=0.02) == 5
    captured = outer_packets(cap.stop(), V4[0])
    assert len(captured) == 5
    inject(hosts.moon, captured + captured)
    assert wait_until(lambda: t.b.drops().get("replay") == 10), t.b.drops()
    assert t.b.numbers("usage in spi=4097 child=4096")["packets"] == 5
    t.quit()


def test_a_forged_packet_is_dropped_and_the_window_stays(hosts):
    t = up(hosts)
    cap = hosts.sun.capture("wan", "udp port 4500")
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    p = bytearray(outer_packets(cap.stop(), V4[0])[0])
    p[20 + 8 + 4:20 + 8 + 8] = (1 << 20).to_bytes(4, "big")
    inject(hosts.moon, [bytes(p)])
    assert wait_until(lambda: t.b.drops().get("icv") == 1), t.b.drops()
    assert hosts.moon.ping(IN4[1], 3, src=IN4[0], interval=0.02) == 3
    t.quit()


def test_an_unknown_spi_is_reported_at_a_bounded_rate(hosts, workers):
    t = up(hosts, workers)
    cap = hosts.sun.capture("wan", "udp port 4500")
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    p = bytearray(outer_packets(cap.stop(), V4[0])[0])
    burst = []
    for i in range(200):
        p[28:32] = (0xabcd00 + i).to_bytes(4, "big")
        burst.append(bytes(p))
    inject(hosts.moon, burst)
    t.b.wait_event(r"event invalid-spi spi=0xabcd.. .*remote=10\.77\.0\.1\[4500\]")
    assert wait_until(lambda: t.b.drops().get("no-sa") == 200), t.b.drops()
    assert 1 <= len(t.b.events) <= 40
    t.quit()


def test_packets_outside_the_selectors_are_dropped(hosts):
    t = tunnel(hosts)
    t.claim(*TS4)
    a_in, a_out, b_in, b_out = t.sa_lines(*TS4)
    # The receiver has agreed to less than the sender sends.
    t.b.do(b_in.replace("10.1.0.0/16", "10.1.0.128/25"))
    t.a.do(a_out)
    assert hosts.moon.probe(IN4[1], 2, src=IN4[0], interval=0.05) == 0
    assert wait_until(lambda: t.b.drops().get("selector") == 2), t.b.drops()
    t.quit()


def test_traffic_without_a_policy_is_dropped_and_counted(hosts):
    t = up(hosts)
    t.left.ip("route", "replace", "10.99.0.0/16", "dev", "sp0")
    hosts.moon.probe("10.99.0.1", 2, src=IN4[0], interval=0.05)
    assert wait_until(lambda: t.a.drops().get("no-policy", 0) >= 2), t.a.drops()
    t.quit()


def test_the_first_packet_waits_for_its_sa(hosts, workers):
    t = tunnel(hosts, workers)
    t.claim(*TS4)
    lines = t.sa_lines(*TS4)
    p = hosts.moon.pinging(IN4[1], 3, src=IN4[0], interval=0.1)
    e = t.a.wait_event("event acquire")
    assert "reqid=1 " in e and "src=10.1.0.1 dst=10.2.0.1 proto=1" in e
    time.sleep(0.3)
    t.b.do(lines[2])
    t.b.do(lines[3])
    t.a.do(lines[0])
    cap = hosts.sun.capture("sp0", "icmp[0] == 8")
    t.a.do(lines[1])
    assert p.result() == 3
    assert [int(re.search(r"seq (\d+)", x).group(1)) for x in cap.lines()] == [1, 2, 3]
    assert sum("acquire" in x for x in t.a.events) == 1
    t.quit()


def test_a_hold_queue_is_bounded_and_ends(hosts):
    t = tunnel(hosts, args=["-h", 5, "-H", 3000])
    t.claim(*TS4)
    hosts.moon.probe(IN4[1], 9, src=IN4[0], interval=0.01)
    assert wait_until(lambda: t.a.drops().get("held-timeout") == 5), t.a.drops()
    assert t.a.drops().get("held-full") == 4
    t.quit()


def test_without_a_trap_nothing_is_asked_for(hosts):
    t = tunnel(hosts, args=["-H", 200])
    t.claim(*TS4, trap=0)
    assert hosts.moon.probe(IN4[1], src=IN4[0]) == 0
    assert wait_until(lambda: t.a.drops().get("held-timeout") == 1), t.a.drops()
    assert not t.a.events
    t.quit()


def test_a_drop_policy_drops(hosts):
    t = up(hosts)
    t.a.do("claim reqid=9 ts=10.1.0.1/32==10.2.0.1/32 mode=drop priority=1")
    assert hosts.moon.probe(IN4[1], src=IN4[0]) == 0
    assert wait_until(lambda: t.a.drops().get("no-outbound-sa", 0) >= 1), t.a.drops()
    t.a.do("release reqid=9")
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    t.quit()


def test_released_traffic_no_longer_leaves(hosts):
    t = up(hosts)
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    t.a.do("release reqid=1")
    assert hosts.moon.probe(IN4[1], src=IN4[0]) == 0
    assert t.a.drops()["no-policy"] >= 1
    t.claim(*TS4)
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    t.quit()


def test_the_same_keys_are_never_installed_twice(hosts):
    t = tunnel(hosts)
    line = t.sa_lines(*TS4)[1]
    t.a.do(line)
    other_spi = line.replace("spi=4097", "spi=5000")
    assert "installed before" in t.a.try_(other_spi)
    t.a.do("remove out spi=4097 child=4096")
    assert "installed before" in t.a.try_(line)
    t.quit()


def test_an_outbound_sa_is_found_by_its_child(hosts):
    """Outbound SPIs are the peers' choice: a second peer that takes one in use gets at no SA but its own."""
    t = up(hosts)
    key = os.urandom(36).hex()
    t.a.do("sa out spi=4097 reqid=2 child=77 local=10.77.0.1:4500 remote=10.77.0.99:4500 encr=aes256gcm16 key=%s ts=10.8.0.0/16==10.9.0.0/16" % key)
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    t.a.do("update out spi=4097 child=77 local=10.77.0.1:4500 remote=10.77.0.98:4501")
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    t.a.do("remove out spi=4097 child=77")
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    # It has none any more, and the other's is not offered instead.
    for command in ("update", "remove"):
        assert "no such SA" in t.a.try_(command + " out spi=4097 child=77 local=10.77.0.1:4500 remote=10.77.0.97:4500")
    assert hosts.moon.ping(IN4[1], src=IN4[0]) == 1
    t.quit()


def test_traffic_moves_to_the_newest_sa_and_none_is_lost(hosts, workers):
    """RFC 4301 4.4.2.1: rekeying under traffic, the old SA removed later."""
    t = tunnel(hosts, workers)
    t.claim(*TS4)
    t.install(*TS4)
    p = hosts.moon.pinging(IN4[1], 200, src=IN4[0], interval=0.01)
    old = (4096, 4097)
    for _ in range(8):
        time.sleep(0.2)
        new = t.install(*TS4)
        time.sleep(0.05)
        t.a.do("remove out spi=%d child=%d" % (old[1], old[0]))
        t.b.do("remove out spi=%d child=%d" % (old[0], old[0]))
        time.sleep(0.05)
        t.a.do("remove in spi=%d child=%d" % (old[0], old[0]))
        t.b.do("remove in spi=%d child=%d" % (old[1], old[0]))
        old = new
    assert p.result() == 200
    t.quit()


def test_limits_are_reported_once_and_the_hard_one_stops(hosts):
    t = tunnel(hosts, args=["-H", 300])
    t.claim(*TS4)
    t.install(*TS4, extra="soft_packets=3 hard_packets=6")
    assert hosts.moon.ping(IN4[1], 5, src=IN4[0], interval=0.02) == 5
    t.a.wait_event("event expire-soft spi=0x1001 dir=out child=4096")
    t.a.wait_event("event expire-soft spi=0x1000 dir=in")
    hosts.moon.probe(IN4[1], 5, src=IN4[0], interval=0.02)
    t.a.wait_event("event expire-hard spi=0x1001 dir=out")
    assert t.a.numbers("usage out spi=4097 child=4096")["packets"] <= 6
    kinds = [(e.split()[1], e.split()[3]) for e in t.a.events]
    assert kinds.count(("expire-soft", "dir=out")) == 1 and kinds.count(("expire-hard", "dir=out")) == 1
    # What comes after is held and asked for, since there is no SA any more.
    t.a.wait_event("event acquire .*reqid=1")
    t.quit()


def test_ike_messages_and_keepalives_on_the_nat_t_port(hosts, workers):
    t = up(hosts, workers)
    t.a.do("ike local=10.77.0.1:4500 remote=10.77.0.2:4500 data=0011223344556677")
    assert "local=10.77.0.2[4500] remote=10.77.0.1[4500] data=0011223344556677" in t.b.wait_event("event ike")
    t.a.do("ike local=[fd77::1]:4500 remote=[fd77::2]:4500 data=aabbcc")
    assert "remote=fd77::1[4500] data=aabbcc" in t.b.wait_event("event ike .*aabbcc")
    for _ in range(3):
        t.a.do("keepalive local=10.77.0.1:4500 remote=10.77.0.2:4500")
    assert wait_until(lambda: t.b.numbers("counters")["keepalives"] == 3)
    t.quit()


def test_ike_larger_than_the_path_is_fragmented(hosts):
    t = up(hosts)
    hosts.moon.ip("link", "set", "wan", "mtu", 600)
    t.a.do("ike local=10.77.0.1:4500 remote=10.77.0.2:4500 data=" + "5a" * 1500)
    t.b.wait_event("event ike .*data=5a5a5a")
    t.quit()


def test_a_new_mapping_is_told_only_for_authentic_packets(hosts):
    t = up(hosts)
    packet = bytearray(lost_packet(hosts))
    packet[20:22] = (61234).to_bytes(2, "big")
    forged = bytes(packet[:-1]) + bytes([packet[-1] ^ 1])
    inject(hosts.moon, [forged])
    assert wait_until(lambda: t.b.drops().get("icv") == 1), t.b.drops()
    assert not t.b.events
    inject(hosts.moon, [bytes(packet)])
    assert "spi=0x1001 dir=in child=4096 local=10.77.0.2[4500] remote=10.77.0.1[61234]" in t.b.wait_event("event mapping")
    inject(hosts.moon, [bytes(packet)])
    assert wait_until(lambda: t.b.drops().get("replay") == 1)
    assert len(t.b.events) == 1
    # Told so, we answer there.
    t.b.do("update out spi=4096 child=4096 local=10.77.0.2:4500 remote=10.77.0.1:61234")
    cap = hosts.sun.capture("wan", "udp dst port 61234")
    hosts.sun.probe(IN4[0], 1, src=IN4[1])
    assert cap.lines()
    t.quit()


def test_packets_leave_from_the_sas_own_address(hosts):
    hosts.moon.address("wan", "10.77.0.11/24")
    t = tunnel(hosts)
    t.claim(*TS4)
    t.install(*TS4, ip_a="10.77.0.11")
    cap = hosts.sun.capture("wan", "udp port 4500")
    assert hosts.moon.ping(IN4[1], 2, src=IN4[0], interval=0.02) == 2
    lines = cap.lines()
    assert len(lines) == 4 and sum("10.77.0.11.4500 > 10.77.0.2.4500" in x for x in lines) == 2
    t.quit()


def test_sockets_carry_the_bypass_mark(hosts):
    """The peer is reachable for marked packets only."""
    hosts.moon.ip("rule", "add", "priority", 10, "to", "10.77.0.2", "fwmark", "0x80/0xff", "lookup", "main")
    hosts.moon.ip("rule", "add", "priority", 11, "to", "10.77.0.2", "unreachable")
    t = tunnel(hosts, args=["-k", "0x80"])
    t.claim(*TS4)
    t.install(*TS4)
    t.a.do("ike local=10.77.0.1:4500 remote=10.77.0.2:4500 data=01")
    t.b.wait_event("event ike")
    # Replies come to the gateway's own address: the rule above asks for routes only towards the peer.
    cap = hosts.sun.capture("wan", "udp[8:4] = 0x1001")
    hosts.moon.probe(IN4[1], 1, src=IN4[0])
    assert cap.lines()
    t.quit()


@pytest.mark.parametrize("udp", [True, False], ids=["udp", "native"])
def test_dscp_and_ecn_are_copied_out_and_in(hosts, udp):
    t = up(hosts, udp=udp)
    cap = hosts.sun.capture("wan", "src host 10.77.0.1")
    hosts.moon.run("ping", "-n", "-c", "1", "-Q", "0xba", "-I", IN4[0], IN4[1])
    assert "tos 0xba" in run("tcpdump", "-n", "-v", "-r", cap.stop())
    t.quit()


def test_a_plain_packet_for_an_sa_in_udp_is_refused(hosts):
    scapy = pytest.importorskip("scapy.all")
    t = up(hosts, native=True)
    packet = lost_packet(hosts)
    inject(hosts.moon, [bytes(scapy.IP(src=V4[0], dst=V4[1], proto=50) / packet[28:])])
    assert wait_until(lambda: t.b.drops().get("peer-address") == 1), t.b.drops()
    t.quit()


def test_a_second_daemon_is_told_that_the_port_is_in_use(hosts):
    Tool(hosts.moon, "-t", "sp0")
    with pytest.raises(AssertionError, match="UDP port 4500 is in use"):
        Tool(hosts.moon, "-t", "sp1")


def test_an_administrators_mtu_stays(hosts):
    hosts.moon.ip("tuntap", "add", "sp0", "mode", "tun", "multi_queue", "vnet_hdr")
    hosts.moon.ip("link", "set", "sp0", "mtu", 1234)
    Tool(hosts.moon, "-t", "sp0", "-w", 2)
    assert "mtu 1234" in hosts.moon.ip("link", "show", "sp0")


def test_a_device_that_goes_down_and_up_carries_on(hosts):
    t = up(hosts)
    for end in (hosts.moon, hosts.sun):
        end.ip("link", "set", "sp0", "down")
    assert hosts.moon.probe(IN4[1], src=IN4[0]) == 0
    for end in (hosts.moon, hosts.sun):
        end.ip("link", "set", "sp0", "up")
    t.route("10.2.0.0/16", "10.1.0.0/16")
    assert hosts.moon.ping(IN4[1], 3, src=IN4[0], interval=0.02) == 3
    assert not t.a.events and not t.b.events
    t.quit()


def test_a_full_queue_outside_is_counted_and_tcp_goes_on(hosts):
    """A shaped link: what its queue refuses is lost and counted, and the tunnel lives."""
    if "Error" in hosts.moon.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", "rate", "50mbit", "burst", "64k", "limit", "64k", check=False):
        pytest.skip("this kernel has no tbf")
    t = up(hosts)
    stream(hosts.moon, hosts.sun, IN4[1], octets=6 << 20)
    stream(hosts.sun, hosts.moon, IN4[0], octets=6 << 20)
    assert set(t.a.drops()) <= {"none", "no-policy", "send"}
    t.quit()


def test_a_deleted_device_is_told(hosts):
    t = Tool(hosts.moon, "-t", "sp0")
    hosts.moon.ip("link", "del", "sp0")
    assert "TUN device is gone" in t.wait_event("event failed")
    t.do("drops")
    t.quit()
