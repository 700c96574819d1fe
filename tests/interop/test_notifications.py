# SPDX-License-Identifier: Apache-2.0
"""Notifications judged by others: tshark names what goes in clear, strongSwan understands what we send and takes what
RFC 2407 section 4.6.3 puts into Quick Mode."""
import json
import re
import struct
import sys

import pytest

from config import child, pair
from net import run, wait_until
from peers import Charon, Sallyport

# Sends datagrams, given as hex in JSON, one by one; slower than the limit for one address.
SENDER = """
import json, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.77.0.2", 5500))
for d in json.loads(sys.argv[1]):
    s.sendto(bytes.fromhex(d), ("10.77.0.1", 500))
    time.sleep(0.3)
"""


def transform(number, tid, attributes):
    body = b"".join(struct.pack(">HH", 0x8000 | t, v) for t, v in attributes)
    return struct.pack(">BBHBBH", 0, 0, 8 + len(body), number, tid, 0) + body


def first_message(version=0x10, exchange=2, flags=0, message_id=0, doi=1, situation=1, protocol=1, tid=1, count=1, more=(), tail=b"", longer=0, number=0):
    """Message 1 of Main Mode (RFC 2408 section 3), right where nothing is said."""
    t = transform(1, tid, [(1, 7), (14, 256), (2, 4), (4, 19), (3, 1)] + list(more))
    p = struct.pack(">BBHBBBB", 0, 0, 8 + len(t), 1, protocol, 0, count) + t
    sa = struct.pack(">BBHII", tail[0] if tail else 0, 0, 12 + len(p), doi, situation) + p
    body = sa + tail[1:]
    head = struct.pack(">QQBBBBII", 0x1122334455667700 + number, 0, 1, version, exchange, flags, message_id, 28 + len(body) + longer)
    return head + body


CASES = {
    1: dict(tail=bytes([77]) + struct.pack(">BBHI", 0, 0, 8, 0)),
    2: dict(doi=2),
    3: dict(situation=3),
    5: dict(version=0x20),
    6: dict(version=0x11),
    7: dict(exchange=77),
    8: dict(flags=0x40),
    9: dict(message_id=7),
    10: dict(protocol=2),
    12: dict(tid=0),
    13: dict(more=[(16383, 1)]),
    14: dict(more=[], exchange=2),  # the daemon allows another group
    15: dict(count=9),
    29: dict(exchange=1),
    30: dict(longer=4),
}


def fields(out):
    """The lines of tshark's that are about packets."""
    return [line.split("\t") for line in out.splitlines() if "\t" in line]


def test_tshark_names_what_goes_in_clear(gateways):
    a, _ = pair(proposals="aes256-sha256-modp2048")
    ours = Sallyport(gateways.moon, a)
    wire = gateways.moon.capture("wan", "udp port 500")
    messages = [first_message(number=k, **c).hex() for k, c in CASES.items()]
    gateways.sun.run(sys.executable, "-c", SENDER, json.dumps(messages), timeout=60)
    out = run("tshark", "-r", wire.stop(), "-Y", "ip.src == 10.77.0.1 && isakmp.exchangetype == 5", "-T", "fields",
              "-e", "isakmp.ispi", "-e", "isakmp.notify.msgtype", "-e", "isakmp.notify.doi", "-e", "isakmp.length", "-e", "_ws.malformed")
    told = {int(f[0].replace(":", "")[-2:], 16): f[1:] for f in fields(out)}
    assert {k: int(v[0]) for k, v in told.items()} == {k: k for k in CASES}, out + ours.log()
    assert all(int(v[1]) == 1 and int(v[2]) == 40 and not v[3] for v in told.values()), out
    # A flood is not answered, and counted as far as the socket's buffer took it.
    gateways.sun.run(sys.executable, "-c", SENDER.replace("0.3", "0"), json.dumps([messages[1]] * 500), timeout=60)
    counters = ours.status()["counters"]
    assert int(counters["clear-limit"]["count"]) > 100, counters
    assert re.search(r"\d+ +an answer in clear was not sent", ours.cli("status"))


def test_strongswan_with_ikev2_is_told_the_version(gateways):
    a, b = pair(theirs={"version": 2})
    ours, theirs = Sallyport(gateways.moon, a), Charon(gateways.sun, b)
    wire = gateways.moon.capture("wan", "udp port 500")
    theirs.swanctl("--initiate", "--child", "net", "--timeout", "3", check=False)
    ours.wait_log("INVALID-MAJOR-VERSION")
    out = run("tshark", "-r", wire.stop(), "-Y", "ip.src == 10.77.0.1", "-T", "fields", "-e", "isakmp.notify.msgtype", "-e", "isakmp.length")
    assert {f[0] for f in fields(out)} == {"5"}, out


@pytest.mark.parametrize("theirs,told", [
    ({"proposals": "aes128-sha256-modp3072"}, "NO_PROPOSAL_CHOSEN"),
    ({"aggressive": "yes"}, "UNSUPPORTED_EXCHANGE_TYPE"),  # which it knows by number alone
    ({"children": {"net": child("10.2.0.0/16", "10.9.0.0/16")}}, "INVALID_ID_INFORMATION"),
], ids=["proposal", "exchange", "selectors"])
def test_strongswan_understands_what_we_say(gateways, theirs, told):
    a, b = pair(proposals="aes256-sha256-ecp256")
    if "children" in theirs:
        b = b.replace("10.1.0.0/16", "10.9.0.0/16")
    elif "proposals" in theirs:
        b = b.replace("aes256-sha256-ecp256", theirs["proposals"])
    else:
        b = b.replace("version = 1", "version = 1\n    aggressive = yes")
    ours = Sallyport(gateways.moon, a)
    charon = Charon(gateways.sun, b, extra="i_dont_care_about_security_and_use_aggressive_mode_psk = yes")
    charon.swanctl("--initiate", "--child", "net", "--timeout", "5", check=False)
    charon.wait_log(r"received (%s|\(29\)) error notify" % told)
    ours.wait_log("sending %s notification" % told.replace("_", "-"))


def test_strongswan_takes_a_replay_status(sites):
    a, b = pair()
    a = a.replace("local_ts =", "replay_window = 0\n      local_ts =")
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    theirs.initiate("net")
    assert wait_until(lambda: "INSTALLED" in ours.list_sas())
    assert sites.alice.ping("10.2.0.10", 2, interval=0.2) == 2
