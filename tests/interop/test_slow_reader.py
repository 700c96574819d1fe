# SPDX-License-Identifier: Apache-2.0
"""More comes in than the way out takes: what is too much is dropped and counted, and nothing is kept of it."""
import re

import pytest

from net import wait_until
from test_dataplane_tunnel import IN4, hosts, up  # noqa: F401

# Datagrams as fast as they go, for so many seconds.
FLOOD = """
import socket, sys, time
s, end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), time.monotonic() + float(sys.argv[1])
s.bind((%r, 0))
while time.monotonic() < end:
    for _ in range(100):
        try: s.sendto(bytes(1200), (%r, 9))
        except OSError: pass
""" % IN4


def rss_kib(tool):
    with open("/proc/%d/status" % tool.p.pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def test_a_slow_link_makes_drops_and_no_queue(hosts):  # noqa: F811
    # Its own queue is long: it is the socket that is full first.
    if "Error" in hosts.moon.run("tc", "qdisc", "add", "dev", "wan", "root", "tbf", "rate", "4mbit", "burst", "64k", "limit", "64m", check=False):
        pytest.skip("this kernel has no tbf")
    t = up(hosts)
    memory = []
    for seconds in (2, 4):
        hosts.moon.run("/usr/bin/python3", "-c", FLOOD, seconds)
        memory.append(rss_kib(t.a))
    assert wait_until(lambda: t.a.drops().get("send", 0) > 100), t.a.drops()
    # The buffers have been used by then: a longer flood takes no more.
    assert memory[1] - memory[0] < 8 << 10, memory
    hosts.moon.run("tc", "qdisc", "del", "dev", "wan", "root")
    assert hosts.moon.ping(IN4[1], 3, src=IN4[0]) == 3
    t.quit()
