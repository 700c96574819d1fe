# SPDX-License-Identifier: Apache-2.0
"""A tunnel over a link that loses, duplicates and reorders, with both phases rekeyed every few seconds: no TCP octet is lost
or changed, nothing grows, and both ends count the same. SOAK_SECONDS makes it long (`make soak`: ten minutes)."""
import json
import os
import re
import sys
import time

import pytest

from config import child, pair
from peers import BUILD, Sallyport

SECONDS = int(os.environ.get("SOAK_SECONDS", "20"))
STREAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stream.py")


def start_relay(host, loss, duplicate, reorder):
    """Each in per mille."""
    relay = host.popen(os.path.join(BUILD, "tests", "support", "relay"), "left", "right", loss, duplicate, reorder, 7, stdout=-1)
    assert relay.stdout.readline() == "ready\n"
    return relay


@pytest.fixture
def bad_link(net):
    """moon and sun, joined by the relay."""
    moon, middle, sun = net.host("moon"), net.host("middle"), net.host("sun")
    net.link(moon, "wan", middle, "left")
    net.link(middle, "right", sun, "wan")
    for h, n in ((moon, 1), (sun, 2)):
        h.address("wan", "10.77.0.%d/24" % n)
        h.address("lo", "10.%d.0.10/32" % n)
        # The relay carries single frames with whole checksums.
        h.run("ethtool", "-K", "wan", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
    return moon, sun, start_relay(middle, 5, 10, 20)


def rss_kib(d):
    return int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%d/status" % d.pid()).read()).group(1))


def test_no_octet_is_lost(bad_link):
    moon, sun, relay = bad_link
    fast = dict(rekey_time="4s", life_time="20s", rand_time="1s")
    a, b = pair(children={"net": child("10.1.0.10/32", "10.2.0.10/32", **fast)}, rekey_time="7s", over_time="20s", rand_time="1s")
    retry = "charon {\n  retransmit_timeout = 0.3\n  retransmit_tries = 8\n}\n"
    ours = [Sallyport(moon, a, extra=retry), Sallyport(sun, b, extra=retry)]
    ours[0].initiate("net")
    receiver = sun.popen(sys.executable, STREAM, "receive", "10.2.0.10", "7001", stdout=-1)
    assert receiver.stdout.readline() == "ready\n"
    sender = moon.popen(sys.executable, STREAM, "send", "10.2.0.10", "7001", SECONDS, stdout=-1)
    start, memory = time.monotonic(), []
    while sender.poll() is None and time.monotonic() - start < SECONDS * 2 + 60:
        time.sleep(2)
        memory.append([rss_kib(d) for d in ours])
    assert sender.poll() == 0, ours[0].log()[-5000:]
    sent, received = sender.stdout.read(), receiver.communicate(timeout=60)[0]
    assert sent == received, (sent, received)
    assert int(sent.split()[0]) > 100000 * SECONDS, sent

    rekeyed = len(re.findall(r"CHILD_SA net\{\d+\} established|CHILD_SA net\{\d+\}.*rekeyed", ours[0].log()))
    assert rekeyed >= SECONDS // 8, ours[0].log()
    # Memory: after the first quarter it stays where it is.
    quarter, last = memory[len(memory) // 4], memory[-1]
    assert all(y < x * 1.3 + 4096 for x, y in zip(quarter, last)), memory
    # One in use, those that it replaced on their way out: never a heap of them.
    assert all(d.list_sas().count("INSTALLED") >= 1 and len(d.bytes()) <= 6 for d in ours), ours[0].list_sas() + ours[1].list_sas()
    relay.terminate()
    bad = json.loads(relay.stdout.read())
    assert bad["lost"] and bad["duplicated"] and bad["reordered"], bad
    print(bad, sent.split()[0])


def test_counters_of_both_ends_agree(bad_link):
    """Without loss on top: what one end has sealed is what the other has opened."""
    moon, sun, relay = bad_link
    relay.terminate()
    relay.wait()
    start_relay(moon.net.hosts["middle"], 0, 0, 100)
    a, b = pair(children={"net": child("10.1.0.10/32", "10.2.0.10/32")})
    ours = [Sallyport(moon, a), Sallyport(sun, b)]
    ours[0].initiate("net")
    assert moon.ping("10.2.0.10", 200, src="10.1.0.10", interval=0.01) == 200
    (in_a, out_a), = ours[0].bytes()
    (in_b, out_b), = ours[1].bytes()
    assert out_a == in_b == 200 * 84 and out_b == in_a == 200 * 84
