#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the data plane spreads over workers: two tunnels between two gateways, carried by one worker and by two.

Wall time says little where generator, gateways and receiver share the cores, so this counts CPU time: what each worker used,
and what a gigabyte cost. Two workers scale when they share the work evenly and a gigabyte costs the same as with one.

usage: dataplane_workers.py [--out FOLDER] [--rounds N] [--seconds N]       (root: it makes network namespaces)
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))

from dataplane_tool import Tunnel  # noqa: E402
from net import Net, wait_until  # noqa: E402

CLOCK = os.sysconf("SC_CLK_TCK")


def worker_seconds(tool):
    """CPU seconds of each worker thread."""
    base, out = "/proc/%d/task" % tool.p.pid, {}
    for tid in os.listdir(base):
        stat = open("%s/%s/stat" % (base, tid)).read()
        name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
        if name.startswith("esp-"):
            out[name] = (int(rest[11]) + int(rest[12])) / CLOCK
    return out


class Gateways:
    """Two gateways and two tunnels; the SPIs of each tunnel belong to one worker where there are two."""

    def __init__(self, folder, workers):
        self.net = Net(folder)
        self.a, self.b = self.net.host("a"), self.net.host("b")
        self.net.link(self.a, "wan", self.b, "wan")
        self.a.address("wan", "10.77.0.1/24")
        self.b.address("wan", "10.77.0.2/24")
        self.t = t = Tunnel(self.net, self.a, self.b, ["-w", workers], ["-w", workers])
        t.route("10.2.0.0/16", "10.1.0.0/16")
        for k in (1, 2):
            self.a.address("lo", "10.1.%d.1/32" % k)
            self.b.address("lo", "10.2.%d.1/32" % k)
            pair = ("10.1.%d.0/24" % k, "10.2.%d.0/24" % k)
            t.claim(*pair, reqid=k)
            a_in, a_out, b_in, b_out = t.sa_lines(*pair, reqid=k)
            for tool, line in ((t.a, a_in), (t.b, b_in), (t.a, a_out), (t.b, b_out)):
                tool.do(line.replace("spi=%d " % (t.spi - 2), "spi=%d " % (0x2000 + k)).replace("spi=%d " % (t.spi - 1), "spi=%d " % (0x3000 + k)))

    def measure(self, seconds):
        """Both tunnels at once; octets carried, and CPU seconds of the workers of each gateway."""
        servers = [self.b.popen("iperf3", "-s", "-1", "-B", "10.2.%d.1" % k, stdout=subprocess.DEVNULL) for k in (1, 2)]
        listening = "ss -Hltn | grep -c 5201"
        wait_until(lambda: self.b.run("sh", "-c", listening, check=False).strip() == "2")
        before = [worker_seconds(x) for x in (self.t.a, self.t.b)]
        clients = [self.a.popen("iperf3", "-J", "-t", seconds, "-B", "10.1.%d.1" % k, "-c", "10.2.%d.1" % k, stdout=subprocess.PIPE)
                   for k in (1, 2)]
        octets = [json.loads(c.communicate(timeout=seconds + 30)[0])["end"]["sum_received"]["bytes"] for c in clients]
        after = [worker_seconds(x) for x in (self.t.a, self.t.b)]
        for s in servers:
            s.wait(10)
        return octets, [{k: y[k] - x[k] for k in y} for x, y in zip(before, after)]


def one_round(folder, workers, seconds):
    g = Gateways(folder, workers)
    try:
        octets, used = g.measure(seconds)
        handed = sum(t.numbers("counters")["handed_over"] for t in (g.t.a, g.t.b))
        g.t.quit()
    finally:
        g.net.close()
    total = sum(sum(u.values()) for u in used)
    return {"workers": workers, "gbit": sum(octets) * 8 / seconds / 1e9, "cpu_s_per_gb": total / (sum(octets) / 1e9),
            "least_share": min(min(u.values()) / (sum(u.values()) or 1) for u in used), "handed_over": handed,
            "fair": min(octets) / max(octets)}


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--out", help="folder for dataplane_workers.md and .json")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--seconds", type=int, default=3)
    o = ap.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(o.rounds):
            for workers in (1, 2):
                runs.append(one_round(folder, workers, o.seconds))
    lines = ["| workers | Gbit/s, both tunnels | CPU-s per GB, both gateways | least busy worker's share | handed over |", "|---|---|---|---|---|"]
    for workers in (1, 2):
        r = [x for x in runs if x["workers"] == workers]
        m = lambda k: statistics.median(x[k] for x in r)  # noqa: E731
        lines.append("| %d | %.2f | %.2f | %.0f %% | %d packets |" % (workers, m("gbit"), m("cpu_s_per_gb"), 100 * m("least_share"), m("handed_over")))
    print("\n".join(lines))
    if o.out:
        os.makedirs(o.out, exist_ok=True)
        with open(os.path.join(o.out, "dataplane_workers.md"), "w") as f:
            f.write("\n".join(lines) + "\n")
        with open(os.path.join(o.out, "dataplane_workers.json"), "w") as f:
            json.dump(runs, f, indent=1)


if __name__ == "__main__":
    main()
