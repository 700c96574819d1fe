# SPDX-License-Identifier: Apache-2.0
"""Steering: nothing protected leaves, or is accepted, in clear; and everything is given back. Judged by captures on the link outside."""
import random
import subprocess
import time

import pytest

from net import run, wait_until
from steer_tool import Steer, flush, send, state_of

V4, V6 = ("10.1.0.0/16", "10.2.0.0/16"), ("fd01::/64", "fd02::/64")
PROTECTED = "(net 10.1.0.0/16 and net 10.2.0.0/16) or (net fd01::/64 and net fd02::/64)"
REMOTE = "net 10.2.0.0/16 or net fd02::/64"
# From the host behind and from the gateway itself, with and without a chosen source.
TRAFFIC_ALICE = [("udp", "-", 0, "10.2.0.10", 9), ("udp", "-", 0, "fd02::10", 9), ("tcp", "-", 0, "10.2.0.10", 80)]
TRAFFIC_MOON = TRAFFIC_ALICE + [("udp", "10.1.0.1", 0, "10.2.0.10", 9), ("udp", "fd01::1", 0, "fd02::10", 9)]


@pytest.fixture
def sites(sites):
    """Once the hosts' link-local addresses have been probed: before, IPv6 has no neighbours, and a test of leaks no meaning."""
    assert wait_until(lambda: sites.alice.probe("fd02::10"))
    return sites


def traffic(sites):
    send(sites.alice, *TRAFFIC_ALICE)
    return send(sites.moon, *TRAFFIC_MOON)


def test_the_capture_would_show_a_leak(sites):
    """The counter-check: without steering all of this is seen in clear."""
    outside = sites.moon.capture("wan", REMOTE)
    traffic(sites)
    seen = [x for x in outside.lines() if " > 10.2.0.10" in x or " > fd02::10" in x]
    assert len([x for x in seen if "UDP" in x]) >= 6, seen


def test_without_an_sa_nothing_leaves(sites):
    moon = Steer(sites.moon)
    moon.claim(1, *V4, *V6)
    outside = sites.moon.capture("wan", REMOTE)
    traffic(sites)
    assert wait_until(lambda: moon.seen() >= 8)
    assert outside.lines() == []


def test_after_kill_nothing_leaves_until_flush(sites, tmp_path):
    before = state_of(sites.moon)
    moon = Steer(sites.moon, state=tmp_path)
    moon.claim(1, *V4, *V6)
    outside = sites.moon.capture("wan", REMOTE)
    moon.kill()
    errors = traffic(sites)
    # Programs are told; they need not wait for a timeout.
    assert "10.2.0.10" in errors and "fd02::10" in errors
    assert sites.alice.probe("10.2.0.10") == 0
    assert outside.lines() == []
    assert flush(sites.moon, state=tmp_path).strip() == "ok"
    assert state_of(sites.moon) == before
    assert wait_until(lambda: sites.alice.probe("10.2.0.10"))


def test_a_successor_takes_over_without_a_gap(sites):
    first = Steer(sites.moon)
    first.claim(1, *V4)
    first.claim(2, "10.1.0.0/16", "10.3.0.0/16")
    sites.moon.ip("route", "add", "10.3.0.0/16", "via", "10.77.0.2")
    outside = sites.moon.capture("wan", "net 10.2.0.0/16 or net 10.3.0.0/16")
    ping = sites.alice.popen("ping", "-n", "-q", "-i", "0.002", "-W", "1", "10.2.0.10", stdout=subprocess.DEVNULL)
    ping3 = sites.alice.popen("ping", "-n", "-q", "-i", "0.002", "-W", "1", "10.3.0.10", stdout=subprocess.DEVNULL)
    for _ in range(4):
        first.kill()
        first = Steer(sites.moon)
        # The dead process's claims still hold, before anything has been claimed anew.
        send(sites.moon, ("udp", "10.1.0.1", 0, "10.2.0.10", 9))
        first.claim(1, *V4)
        first.claim(2, "10.1.0.0/16", "10.3.0.0/16")
        first("settled")
    assert wait_until(lambda: first.seen() > 0)
    ping.terminate()
    ping3.terminate()
    ping.wait()
    ping3.wait()
    assert outside.lines() == []
    # What the successor does not claim is given back when it has settled.
    first.kill()
    last = Steer(sites.moon)
    last.claim(1, *V4)
    last("settled")
    again = sites.moon.capture("wan", "net 10.3.0.0/16")
    send(sites.alice, ("udp", "-", 0, "10.3.0.10", 9), ("udp", "-", 0, "10.2.0.10", 9))
    assert len([x for x in again.lines() if "10.1.0.10" in x and "10.3.0.10.9: UDP" in x]) == 1
    assert sites.moon.run("nft", "list", "tables").count("sallyport") == 1


def test_a_successor_that_loads_nothing_opens_nothing(sites):
    before = state_of(sites.moon)
    first = Steer(sites.moon)
    first.claim(1, *V4, *V6)
    first.kill()
    outside = sites.moon.capture("wan", REMOTE)
    Steer(sites.moon).quit()
    traffic(sites)
    assert outside.lines() == []
    flush(sites.moon)
    assert state_of(sites.moon) == before


def test_replacing_claims_under_traffic(sites):
    moon = Steer(sites.moon)
    moon.claim(1, *V4)
    outside = sites.moon.capture("wan", "net 10.2.0.0/16")
    pings = [h.popen("ping", "-n", "-q", "-i", "0.002", "-W", "1", "10.2.0.10", stdout=subprocess.DEVNULL) for h in (sites.alice, sites.moon)]
    end = time.monotonic() + 4
    while time.monotonic() < end:
        moon.claim(1, "10.1.0.0/16[icmp]", "10.2.0.0/16")
        moon.claim(1, "10.1.0.0/24", "10.2.0.0/24", "10.1.0.0/16", "10.2.0.0/17")
        moon.claim(2, "0.0.0.0/0", "10.2.0.0/16")
        moon.claim(1, *V4)
        moon.claim(2, "10.1.0.10", "10.2.0.10", priority=7)
        moon("release 2")
    for p in pings:
        p.terminate()
        p.wait()
    assert moon.seen() > 200
    assert outside.lines() == []


def test_bound_to_a_device(sites):
    """A socket that insists on the device outside is refused, not let out."""
    moon = Steer(sites.moon)
    moon.claim(1, *V4, *V6)
    outside = sites.moon.capture("wan", PROTECTED)
    sites.moon.run("/usr/bin/python3", "-c", """
import socket
for family, src, dst in ((socket.AF_INET, '10.1.0.1', '10.2.0.10'), (socket.AF_INET6, 'fd01::1', 'fd02::10')):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'wan')
    s.bind((src, 0))
    try:
        s.sendto(b'x', (dst, 9))
    except OSError as e:
        print(e)
""")
    assert outside.lines() == []


def test_others_cannot_undo_it(sites):
    """Address translation, other people's marks and routes: the guard behind them drops what would leave in clear."""
    sites.moon.run("sh", "-c", """nft -f - <<X
table ip other {
  chain unmark { type filter hook prerouting priority 0
    ip daddr 10.2.0.11 meta mark set 0
  }
  chain translate { type nat hook postrouting priority srcnat
    ip daddr 10.2.0.12 snat to 10.1.0.1
  }
  chain destination { type nat hook prerouting priority dstnat
    ip daddr 203.0.113.12 dnat to 10.2.0.13
  }
}
X""")
    sites.moon.ip("route", "add", "203.0.113.0/24", "via", "10.77.0.2")
    sites.moon.ip("rule", "add", "to", "10.2.0.14", "lookup", "main", "pref", "100")
    sites.alice.ip("addr", "add", "192.168.9.9/32", "dev", "lo")
    sites.moon.ip("route", "add", "192.168.9.9", "via", "10.1.0.10")
    moon = Steer(sites.moon)
    moon.claim(1, *V4)
    outside = sites.moon.capture("wan", "net 10.1.0.0/16")
    send(sites.alice, ("udp", "-", 0, "10.2.0.11", 9), ("udp", "192.168.9.9", 0, "10.2.0.12", 9), ("udp", "-", 0, "203.0.113.12", 9),
         ("udp", "-", 0, "10.2.0.14", 9), ("udp", "-", 0, "10.2.0.15", 9))
    assert wait_until(lambda: moon.seen() >= 1)
    assert outside.lines() == []


def test_rules_that_others_remove_come_back(sites):
    moon = Steer(sites.moon)
    moon.claim(1, *V4)
    sites.moon.run("nft", "flush", "ruleset")
    assert wait_until(lambda: "@out4_addr_0_protect" in sites.moon.run("nft", "list", "ruleset"))
    sites.moon.ip("rule", "del", "pref", "4301")
    assert wait_until(lambda: "lookup 4301" in sites.moon.ip("rule"))
    outside = sites.moon.capture("wan", REMOTE)
    traffic(sites)
    assert wait_until(lambda: moon.seen() >= 3)
    assert outside.lines("net 10.1.0.0/16 and net 10.2.0.0/16") == []


def test_cleartext_that_should_have_been_protected_is_dropped(sites):
    """RFC 4301 section 5.2."""
    moon = Steer(sites.moon)
    moon.claim(1, "10.1.0.0/16[udp]", "10.2.0.0/16[udp/53]", *V6)
    inside = sites.moon.capture("lan", "udp")
    send(sites.bob, ("udp", "-", 53, "10.1.0.10", 1000), ("udp", "-", 53, "10.1.0.1", 1000), ("udp", "-", 54, "10.1.0.10", 1001),
         ("udp", "-", 0, "fd01::10", 1002), ("udp", "-", 0, "10.1.0.10", 53))
    assert wait_until(lambda: moon.dropped(1) == 3)
    lines = inside.lines()
    assert [x for x in lines if ".1001: UDP" in x] and [x for x in lines if ".53: " in x]
    assert not [x for x in lines if ".1000: UDP" in x or ".1002: UDP" in x]
    # The count survives that the claim changes place.
    moon.claim(2, "10.1.0.0/16", "10.2.0.0/16", priority=3)
    assert moon.dropped(1) == 3
    assert moon.try_("dropped 77") == "error: unknown"


def test_host_to_host_admits_its_own_outer_packets_only(gateways):
    moon = Steer(gateways.moon)
    moon.claim(1, "10.77.0.1", "10.77.0.2")
    gateways.moon.popen("/usr/bin/python3", "-c", """
import socket, time
for port in (500, 4500):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('', port))
time.sleep(60)
""")
    for port in (500, 4500, 501):
        send(gateways.sun, ("udp", "-", 0, "10.77.0.1", port))
    assert wait_until(lambda: moon.dropped(1) == 1)
    # ESP in UDP may come in fragments, of which only the first shows a port.
    assert "3000" in gateways.sun.run("/usr/bin/python3", "-c", "import socket;"
                                      "print(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x' * 3000, ('10.77.0.1', 4500)))")
    # An ICMP error about an ESP or AH packet gets through, one about something else does not.
    gateways.sun.run("/usr/bin/python3", "-c", """
from scapy.all import IP, ICMP, UDP, Raw, send
for inner in (IP(src='10.77.0.1', dst='10.77.0.2', proto=50) / Raw(b'x' * 8),
              IP(src='10.77.0.1', dst='10.77.0.2', proto=51) / Raw(b'x' * 8),
              IP(src='10.77.0.1', dst='10.77.0.2') / UDP(sport=4500, dport=9999),
              IP(src='10.77.0.1', dst='10.77.0.2') / UDP(sport=4600, dport=9999)):
    send(IP(src='10.77.0.2', dst='10.77.0.1') / ICMP(type=3, code=4, nexthopmtu=1300) / inner, verbose=False)
""", timeout=60)
    assert wait_until(lambda: moon.dropped(1) == 2)
    time.sleep(0.2)
    assert moon.dropped(1) == 2


def test_icmpv6_errors_about_outer_packets_and_their_fragments(gateways):
    """RFC 4301 section 8.2.1: the message is mapped by the headers it quotes; over IPv6 these may be a fragment's."""
    moon = Steer(gateways.moon)
    moon.claim(1, "fd77::1", "fd77::2")
    gateways.sun.run("/usr/bin/python3", "-c", """
from scapy.all import ICMPv6PacketTooBig, IPv6, IPv6ExtHdrFragment, UDP, Raw, send
ip = IPv6(src='fd77::1', dst='fd77::2')
ours = [ip.copy() / Raw(b'x' * 8) for _ in range(2)]
ours[0].nh, ours[1].nh = 50, 51
ours += [ip / IPv6ExtHdrFragment(nh=n, id=1, m=1) / Raw(b'x' * 8) for n in (50, 51)]
ours += [ip / IPv6ExtHdrFragment(nh=17, id=1, m=1) / UDP(sport=4500, dport=9), ip / UDP(sport=500, dport=500)]
others = [ip / IPv6ExtHdrFragment(nh=6, id=1, m=1) / Raw(b'x' * 8), ip / IPv6ExtHdrFragment(nh=17, id=1, m=1) / UDP(sport=4600, dport=9),
          ip / UDP(sport=4600, dport=4500)]
for inner in ours + others:
    send(IPv6(src='fd77::2', dst='fd77::1') / ICMPv6PacketTooBig(mtu=1300) / inner, verbose=False)
""", timeout=60)
    assert wait_until(lambda: moon.dropped(1) == 3)
    time.sleep(0.2)
    assert moon.dropped(1) == 3


def test_closing_and_flushing_leave_no_trace(sites, tmp_path):
    before = state_of(sites.moon)
    moon = Steer(sites.moon, state=tmp_path)
    for i in range(20):
        moon.claim(i, "10.1.0.0/16", "10.%d.0.0-10.%d.3.9" % (100 + i, 101 + i), "fd01::/64", "fd02:%d::/48" % i)
    moon.claim(50, "0.0.0.0/0[udp/100-200]", "10.2.0.0/16", mode="pass")
    moon.claim(51, "0.0.0.0/0", "10.4.0.0/16", mode="drop")
    assert state_of(sites.moon) != before
    moon.quit()
    assert state_of(sites.moon) == before
    assert flush(sites.moon, state=tmp_path).strip() == "ok"
    moon = Steer(sites.moon, state=tmp_path, table=7301)
    moon.claim(1, *V4)
    moon.kill()
    # The table's number is found in the state directory.
    flush(sites.moon, state=tmp_path)
    assert state_of(sites.moon) == before


def test_releasing_gives_everything_back(sites):
    moon = Steer(sites.moon)
    empty = state_of(sites.moon)
    for _ in range(2):
        moon.claim(1, *V4, *V6)
        moon.claim(2, "10.1.0.0/16[tcp]", "10.2.0.0-10.2.0.77[tcp/80]")
        moon.claim(3, "0.0.0.0/0", "10.2.9.0/24", mode="pass")
        for reqid in (2, 1, 3, 99):
            moon("release %d" % reqid)
        after = state_of(sites.moon)
        assert "10.2." not in after.replace("10.2.0.0/16 via 10.77.0.2", "") and "fd02" not in after.replace("fd02::/64 via fd77::2", "")
    assert sites.moon.ip("rule").splitlines() == empty_rules(empty)


def empty_rules(state):
    """The IPv4 rules at the head of state_of()."""
    rules = state.splitlines()
    return [x for x in rules[:next(i for i, x in enumerate(rules) if i and x.startswith("0:"))] if x]


def test_two_instances_in_one_namespace(sites):
    one, two = Steer(sites.moon, tun="sp0"), Steer(sites.moon, tun="sp1", table=5301, mark=0x10000000)
    one.claim(1, *V4)
    two.claim(1, "10.1.0.0/16", "10.3.0.0/16")
    send(sites.alice, ("udp", "-", 0, "10.2.0.10", 9), ("udp", "-", 0, "10.3.0.10", 9), ("udp", "-", 0, "10.3.0.10", 10))
    send(sites.moon, ("udp", "-", 0, "10.3.0.10", 9))
    assert wait_until(lambda: (one.seen(), two.seen()) == (1, 3)), (one.seen(), two.seen())
    two.quit()
    send(sites.alice, ("udp", "-", 0, "10.2.0.10", 9))
    assert wait_until(lambda: one.seen() == 2)


def test_unprivileged_in_a_user_namespace(tmp_path):
    """Root of a user namespace may do all of this in its own network namespace."""
    from steer_tool import TOOL
    out = run("unshare", "-Urn", "sh", "-c", """
ip link set lo up; ip link add e0 type veth peer name e1; ip link set e0 up; ip link set e1 up
ip addr add 10.1.0.1/16 dev e0; ip route add default via 10.1.0.2
(echo claim 1 10.1.0.0/16 10.2.0.0/16; echo inner 10.2.0.5; echo seen
 for i in $(seq 100); do nft list ruleset | grep -q 10.2.0.0/16 && break; sleep 0.1; done
 ping -c 1 -W 2 10.2.0.5 >&2; echo seen) | %s --tun sp0
nft list ruleset; ip rule show pref 4301
""" % TOOL, check=False)
    assert "ready\nok\nok 10.1.0.1\nok 0\n" in out and out.rstrip().endswith("ok 1"), out


@pytest.mark.parametrize("family", [4, 6])
def test_thousands_of_claims(sites, family):
    n, target = 3000, "20.10.%d.1" if family == 4 else "fd10:0:%x::1"
    source = "10.1.0.1" if family == 4 else "fd01::1"
    moon = Steer(sites.moon)
    if family == 4:
        sites.moon.ip("route", "add", "20.0.0.0/8", "via", "10.77.0.2")
    moon("bulk %d %d" % (n, family))
    wanted = [("udp", source, 0, target % i if family == 6 else "20.%d.%d.1" % (i >> 8, i & 255), 9) for i in (0, 1, 127, 128, 1500, n - 1)]
    outside = sites.moon.capture("wan", "udp")
    send(sites.moon, *wanted, *[("udp", "-") + w[2:] for w in wanted])
    assert wait_until(lambda: moon.seen() == 12), moon.seen()
    assert outside.lines() == []
    moon("unbulk %d %d" % (n, family))
    assert "20.0.1.0" not in sites.moon.run("nft", "list", "ruleset")


def first_match(claims, src, sport, dst, dport):
    """What RFC 4301's ordered SPD says, by the plainest possible program."""
    for c in claims:
        if c["src"][0] <= src <= c["src"][1] and c["dst"][0] <= dst <= c["dst"][1] and c["proto"] in (0, 17) \
                and c["sport"][0] <= sport <= c["sport"][1] and c["dport"][0] <= dport <= c["dport"][1]:
            return c["mode"]
    return "clear"


@pytest.mark.parametrize("seed", range(4))
def test_random_overlapping_claims_against_a_model(net, seed):
    """Overlaps of every kind, with priorities, added and removed at random: each packet meets the first claim that covers it."""
    rng = random.Random(seed)
    box, out = net.host("box"), net.host("out")
    net.link(box, "wan", out, "wan")
    box.address("wan", "10.9.0.1/24")
    for i in range(8):
        box.address("lo", "10.1.0.%d/32" % i)
    box.ip("route", "add", "10.2.0.0/24", "via", "10.9.0.2")
    box.ip("neigh", "add", "10.9.0.2", "lladdr", "02:00:00:00:00:01", "dev", "wan")
    tool = Steer(box)
    claims = {}

    def span(n):
        lo = rng.randrange(n)
        return lo, rng.randrange(lo, n)

    def text(net_, r, proto, ports):
        suffix = "" if not proto else "[17]" if ports == (0, 65535) else "[17/%d-%d]" % ports
        return "%s.%d-%s.%d%s" % (net_, r[0], net_, r[1], suffix)

    for step in range(60):
        reqid = rng.randrange(1, 25)
        if rng.random() < 0.3:
            tool("release %d" % reqid)
            claims.pop(reqid, None)
            continue
        ports = rng.random() < 0.5
        c = dict(src=span(8), dst=span(8), proto=17 if ports or rng.random() < 0.5 else 0, mode=rng.choice(["tunnel", "tunnel", "pass", "drop"]),
                 sport=(0, 65535), dport=(0, 65535), priority=rng.randrange(1, 1 << 30))
        if ports:
            lo, hi = span(4)
            c["dport"] = (1000 + lo, 1000 + hi)
        tool.claim(reqid, text("10.1.0", c["src"], c["proto"], c["sport"]), text("10.2.0", c["dst"], c["proto"], c["dport"]), mode=c["mode"],
                   priority=c["priority"])
        claims[reqid] = c
        if step % 15 != 14:
            continue
        ordered = sorted(claims.values(), key=lambda x: x["priority"])
        outside, inside = box.capture("wan", "udp"), box.capture("sp0", "udp")
        packets = [(s, d, 1000 + p) for s in range(8) for d in range(8) for p in range(4)]
        send(box, *[("udp", "10.1.0.%d" % s, 2000, "10.2.0.%d" % d, p) for s, d, p in packets])
        clear, tunnel = outside.lines(), inside.lines()
        for s, d, p in packets:
            what = first_match(ordered, s, 2000, d, p)
            needle = "10.1.0.%d.2000 > 10.2.0.%d.%d: " % (s, d, p)
            got = ("clear" if any(needle in x for x in clear) else "") + ("tunnel" if any(needle in x for x in tunnel) else "")
            assert got == {"tunnel": "tunnel", "pass": "clear", "clear": "clear", "drop": ""}[what], (needle, what, got)
