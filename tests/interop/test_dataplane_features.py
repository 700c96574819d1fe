# SPDX-License-Identifier: Apache-2.0
"""What the kernel lacks is found at start, said once in the log and in `status`, and the tunnel carries without it."""
import os
import re
import sys

import pytest

from config import child, pair
from peers import Sallyport

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = {"offload tso4 tso6", "uso", "io_uring", "bpf steering", "gso", "gro"}
TWO_WORKERS = "charon {\n  sallyport {\n    workers = 2\n  }\n}\n"


def said(daemon):
    """The line of the log, which must be the only one; and what of ALL it says is there."""
    lines = re.findall(r"data plane: (.*)", daemon.log())
    assert len(lines) == 1, lines
    words = re.sub(r"no (uso|io_uring|bpf steering|gso|gro)\b", "", lines[0])
    return lines[0], {f for f in ALL if re.search(r"\b%s\b" % f, words)}


def carry(sites):
    """A stream each way, octet for octet."""
    for src, dst, address in ((sites.alice, sites.bob, "10.2.0.10"), (sites.bob, sites.alice, "10.1.0.10")):
        receiver = dst.popen(sys.executable, "-B", os.path.join(HERE, "stream.py"), "receive", address, 7000, stdout=-1)
        assert receiver.stdout.readline() == "ready\n"
        sent = src.run(sys.executable, "-B", os.path.join(HERE, "stream.py"), "send", address, 7000, 0.5)
        assert receiver.communicate(timeout=60)[0].split() == sent.split()
        assert int(sent.split()[0]) > 100000


@pytest.mark.parametrize("feature,lost", [
    (None, set()),
    ("io_uring", {"io_uring"}),
    ("ebpf", {"bpf steering"}),
    ("gso", {"gso"}),
    ("gro", {"gro"}),
    ("uso", {"uso"}),
    ("offload", {"offload tso4 tso6", "uso"}),
])
def test_missing(sites, feature, lost):
    a, b = pair(children={"net": child(esp_proposals="aes256gcm16")}, encap="yes")
    under = [sys.executable, "-B", os.path.join(HERE, "without.py"), feature] if feature else []
    ours = Sallyport(sites.moon, a, extra=TWO_WORKERS, under=under)
    whole = Sallyport(sites.sun, b, extra=TWO_WORKERS)
    ours.initiate("net")
    carry(sites)
    line, there = said(ours)
    assert there == said(whole)[1] - lost
    assert ours.status()["dataplane"] == line
    assert ours.cli("status").count("data plane: " + line) == 1
    ours.stop()
    whole.stop()
