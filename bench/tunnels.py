# SPDX-License-Identifier: Apache-2.0
"""Tunnels side by side: every peer over an identical pair of namespaces and veth, measured in turn in rotated order.

Judge by the ratios of one run: all see the same disturbances. Peers whose packages are not installed are left out, and the
table says so. usage: bench/tunnels.py --out DIR [--rounds N] [--seconds S] [--peers a,b] [--tests t,u]
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from config import conf  # noqa: E402
from net import Net, run, wait_until  # noqa: E402
from peers import BUILD, Charon, Sallyport  # noqa: E402

HZ = os.sysconf("SC_CLK_TCK")
INNER = ("198.51.100.1", "198.51.100.2")
OUTER = ("192.0.2.1", "192.0.2.2")
MTU = 1400


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        f = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
        total += int(f[11]) + int(f[12])
    return total / HZ


def peak_mib(pids):
    return sum(int(re.search(r"VmHWM:\s+(\d+)", open("/proc/%d/status" % p).read()).group(1)) for p in pids) / 1024


class Tunnel:
    """Two hosts joined by a veth; up() makes INNER[1] reachable from INNER[0] through the tunnel."""

    def __init__(self, tmp):
        self.net = Net(tempfile.mkdtemp(dir=tmp))
        self.a, self.b = self.net.host("a"), self.net.host("b")
        self.net.link(self.a, "wan", self.b, "wan")
        for h, outer in ((self.a, OUTER[0]), (self.b, OUTER[1])):
            h.address("wan", outer + "/30")
        self.pids = []
        try:
            self.up()
            assert wait_until(lambda: self.a.ping(INNER[1], src=INNER[0]), 10), "the tunnel does not carry"
        except BaseException:
            self.net.close()
            raise
        self.iperf = self.b.popen("iperf3", "-s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def inner_on_lo(self):
        for h, inner in ((self.a, INNER[0]), (self.b, INNER[1])):
            h.address("lo", inner + "/32")

    def inner_mtu(self):
        for h in (self.a, self.b):
            for dev in re.findall(r"^\d+: ([^:@]+)", h.ip("-o", "link", "show", "type", "tun"), re.M):
                h.ip("link", "set", dev, "mtu", MTU)

    def pid_of(self, proc):
        """The daemon itself, below `ip netns exec` and its like, which replace themselves or fork once."""
        children = run("pgrep", "-P", proc.pid, check=False).split()
        return int(children[-1]) if children else proc.pid


class Bare(Tunnel):
    """No tunnel: what the machine itself carries."""

    def up(self):
        self.inner_on_lo()
        for h, to, via in ((self.a, INNER[1], OUTER[1]), (self.b, INNER[0], OUTER[0])):
            h.ip("route", "add", to, "via", via, "mtu", MTU)


class Daemons(Tunnel):
    def configuration(self, i):
        other = 1 - i
        return conf(OUTER[i], OUTER[other], {"net": dict(local_ts=INNER[i] + "/32", remote_ts=INNER[other] + "/32", esp_proposals="aes256gcm16",
                                                          rekey_time="0")}, proposals="aes256-sha256-ecp256", encap="yes")

    def up(self):
        self.inner_on_lo()
        daemons = [self.daemon(h, self.configuration(i)) for i, h in enumerate((self.a, self.b))]
        daemons[0].initiate("net")
        self.inner_mtu()
        self.pids = [self.pid_of(d.proc) for d in daemons]


class Ours(Daemons):
    daemon = Sallyport


class StrongSwan(Daemons):
    daemon = Charon


class WireGuardGo(Tunnel):
    def up(self):
        keys = [run("wg", "genkey").strip() for _ in range(2)]
        public = [run("wg", "pubkey", input=k).strip() for k in keys]
        for i, h in enumerate((self.a, self.b)):
            key = os.path.join(self.net.tmp, "key%d" % i)
            # Control sockets are named by the device and lie in one folder, whatever the namespace.
            dev = "wg%d%s" % (os.getpid() % 1000000, "ab"[i])
            open(key, "w").write(keys[i])
            p = h.popen("wireguard-go", "-f", dev, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, WG_PROCESS_FOREGROUND="1"))
            wait_until(lambda: dev in h.ip("-o", "link"))
            h.run("wg", "set", dev, "listen-port", "51820", "private-key", key, "peer", public[1 - i], "endpoint", OUTER[1 - i] + ":51820",
                  "allowed-ips", INNER[1 - i] + "/32")
            h.address(dev, INNER[i] + "/32")
            h.ip("link", "set", dev, "mtu", MTU, "up")
            h.ip("route", "add", INNER[1 - i], "dev", dev)
            self.pids.append(self.pid_of(p))


PEERS = {"bare veth": (Bare, None), "sallyport": (Ours, None), "wireguard-go": (WireGuardGo, "wireguard-go"), "strongswan": (StrongSwan, None)}


def with_cpu(t, f):
    before = cpu_seconds(t.pids)
    r = f()
    r["cpu_s"] = cpu_seconds(t.pids) - before
    if r.get("octets"):
        r["cpu_s_per_gb"] = r["cpu_s"] / (r["octets"] / 1e9)
    return r


def tcp(t, streams=1, reverse=False):
    def f():
        out = t.a.run("iperf3", "-c", INNER[1], "-B", INNER[0], "-t", OPTIONS.seconds, "-P", streams, "-J", *(["-R"] if reverse else []), timeout=60)
        end = json.loads(out)["end"]
        return {"value": end["sum_received"]["bits_per_second"] / 1e9, "unit": "Gbit/s", "octets": end["sum_received"]["bytes"]}
    return with_cpu(t, f)


def udp_flood(t, ip_octets):
    load = os.path.join(BUILD, "bench", "udp_load")

    def f():
        rx = t.b.popen(load, "receive", INNER[1], "7000", stdout=subprocess.PIPE)
        assert rx.stdout.readline() == "ready\n"
        sent = json.loads(t.a.run(load, "send", INNER[1], "7000", ip_octets - 28, 0, OPTIONS.seconds))
        time.sleep(0.25)
        run("kill", t.pid_of(rx))
        packets = json.loads(rx.stdout.read())["packets"]
        rx.wait()
        return {"value": packets / sent["seconds"] / 1e3, "unit": "kpps", "octets": packets * ip_octets}
    return with_cpu(t, f)


def ping(t):
    out = t.a.run("ping", "-I", INNER[0], "-c", "200", "-i", "0.005", INNER[1])
    return {"value": statistics.median(float(x) * 1e3 for x in re.findall(r"time=([\d.]+)", out)), "unit": "µs"}


TESTS = {
    "TCP, one stream": lambda t: tcp(t),
    "TCP, one stream, reverse": lambda t: tcp(t, reverse=True),
    "TCP, four streams": lambda t: tcp(t, 4),
    "UDP 1400, unpaced": lambda t: udp_flood(t, 1400),
    "UDP 64, unpaced": lambda t: udp_flood(t, 64),
    "ping": ping,
}


def bring_up(names, tmp):
    up, missing = {}, {}
    for name in names:
        kind, program = PEERS[name]
        if program and not shutil.which(program):
            missing[name] = "its package is not installed"
            continue
        try:
            up[name] = kind(tmp)
        except Exception as e:  # the others are still worth measuring
            missing[name] = "does not come up: %s" % str(e).splitlines()[-1]
        print("tunnels: %s %s" % (name, missing.get(name, "is up")), file=sys.stderr, flush=True)
    return up, missing


def measure(up):
    raw = {name: {test: [] for test in OPTIONS.tests} for name in up}
    order = list(up)
    for r in range(OPTIONS.rounds):
        for test in OPTIONS.tests:
            k = r % len(order)
            for name in order[k:] + order[:k]:
                raw[name][test].append(TESTS[test](up[name]))
        print("tunnels: round %d of %d" % (r + 1, OPTIONS.rounds), file=sys.stderr, flush=True)
    return raw


def median(values, key="value"):
    v = [x[key] for x in values if key in x]
    return statistics.median(v) if v else None


def table(raw, memory, missing):
    names = list(raw)
    out = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for test in OPTIONS.tests:
        cells = []
        for name in names:
            m, cost = median(raw[name][test]), median(raw[name][test], "cpu_s_per_gb")
            ratio = m / median(raw["sallyport"][test]) if "sallyport" in raw else None
            cells.append("%.2f%s%s" % (m, " (%.2f)" % ratio if ratio and name != "sallyport" else "", ", %.2f s/GB" % cost if cost else ""))
        out.append("| %s, %s | %s |" % (test, raw[names[0]][test][0]["unit"], " | ".join(cells)))
    out.append("| peak memory of both ends, MiB | " + " | ".join("%.0f" % memory[n] if memory[n] else "-" for n in names) + " |")
    out += ["", "In parentheses: the ratio to sallyport. s/GB: CPU time of both ends for a gigabyte carried."]
    out += ["Not measured: %s (%s)." % x for x in missing.items()]
    return "\n".join(out) + "\n"


def main():
    tmp = tempfile.mkdtemp(prefix="sp-bench-")
    up = {}
    try:
        up, missing = bring_up(OPTIONS.peers, tmp)
        raw = measure(up)
        memory = {n: peak_mib(t.pids) for n, t in up.items()}
        text = table(raw, memory, missing)
        print(text)
        open(os.path.join(OPTIONS.out, "tunnels.md"), "w").write(text)
        json.dump({"raw": raw, "memory_mib": memory, "missing": missing}, open(os.path.join(OPTIONS.out, "tunnels.json"), "w"), indent=1)
    finally:
        for t in up.values():
            t.net.close()
        shutil.rmtree(tmp, ignore_errors=True)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--seconds", type=float, default=2)
    ap.add_argument("--peers", type=lambda s: s.split(","), default=list(PEERS))
    ap.add_argument("--tests", type=lambda s: s.split(","), default=list(TESTS))
    OPTIONS = ap.parse_args()
    main()
