# SPDX-License-Identifier: Apache-2.0
"""Network namespaces of a test's own: hosts, links, captures. Everything is removed at the end, also after a failure."""
import glob
import itertools
import os
import re
import signal
import subprocess
import time

from echo import Echo

_count = itertools.count(1)
SANITIZER = 99  # the exit code that tools/check gives to ASan and UBSan


def run(*cmd, check=True, timeout=30, **kw):
    """Runs a command; returns its output. A failure shows both streams."""
    p = subprocess.run([str(c) for c in cmd], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, **kw)
    if check and p.returncode:
        raise AssertionError("%s\nexited with %d:\n%s" % (" ".join(map(str, cmd)), p.returncode, p.stdout))
    return p.stdout


def wait_until(what, seconds=30.0, every=0.05):
    """Waits until what() is true; returns its value. False after the time is over."""
    end = time.monotonic() + seconds
    while True:
        v = what()
        if v or time.monotonic() > end:
            return v
        time.sleep(every)


def sleeps(pid):
    """The process waits for something, and is not only waiting for a CPU."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "R"
    except FileNotFoundError:
        return True


class Host:
    """One namespace."""

    def __init__(self, net, name):
        self.net, self.name = net, name
        self.ns = "sp-%d-%d-%s" % (os.getpid() % 100000, next(_count), name)
        run("ip", "netns", "add", self.ns)
        net.undo.append(lambda: run("ip", "netns", "del", self.ns, check=False))
        self.ip("link", "set", "lo", "up")
        # Duplicate address detection would keep IPv6 silent for seconds.
        self.sysctl(("net.ipv6.conf.all.accept_dad", "net.ipv6.conf.default.accept_dad"), 0)

    def ip(self, *args, **kw):
        return run("ip", "-n", self.ns, *args, **kw)

    def batch(self, lines):
        """Many commands of ip in one process."""
        return run("ip", "-n", self.ns, "-batch", "-", input="\n".join(lines) + "\n")

    def run(self, *cmd, **kw):
        return run("ip", "netns", "exec", self.ns, *cmd, **kw)

    def sysctl(self, keys, value):
        keys = (keys,) if isinstance(keys, str) else keys
        self.run("sh", "-ec", "".join("echo %s > /proc/sys/%s\n" % (value, key.replace(".", "/")) for key in keys))

    def popen(self, *cmd, **kw):
        """A process that ends with the test at the latest."""
        p = subprocess.Popen(["ip", "netns", "exec", self.ns] + [str(c) for c in cmd], text=True, **kw)
        return self.net.owns(p, self.name)

    def address(self, dev, *addrs):
        self.batch("addr add %s dev %s%s" % (a, dev, " nodad" if ":" in str(a) else "") for a in addrs)

    def forward(self):
        self.sysctl(("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"), 1)

    def ping(self, dst, count=1, timeout=20, **kw):
        """Answers received, of `count`; waits long for each. For what must be answered."""
        return self.pinging(dst, count, timeout=timeout, **kw).result()

    def probe(self, dst, count=1, timeout=1, **kw):
        """As ping, but does not wait long: for what may stay unanswered, or is asked again."""
        return self.ping(dst, count, timeout=timeout, **kw)

    def pinging(self, dst, count, src=None, size=56, interval=0.2, df=None, timeout=20):
        """The same while the test goes on; result() waits for the end."""
        return Echo(self.ns, dst, count, src, size, interval, df, timeout)

    def capture(self, dev, expression=""):
        return Capture(self, dev, expression)


class Capture:
    """tcpdump into a file; stop() returns its path."""

    def __init__(self, host, dev, expression):
        self.path = os.path.join(host.net.tmp, "%s-%s-%d.pcap" % (host.name, dev, next(_count)))
        self.p = host.popen("tcpdump", "-Z", "root", "-U", "--immediate-mode", "-n", "-i", dev, "-s", "65535", "-B", "32768", "-w", self.path, *expression.split(),
                            stderr=subprocess.PIPE)
        for line in self.p.stderr:
            if "listening on" in line:
                break

    def settle(self):
        """Returns when all that was on the link until now is in the file: tcpdump sleeps, so it has taken what there was."""
        time.sleep(0.2)
        wait_until(lambda: sleeps(self.p.pid))

    def stop(self):
        self.settle()
        self.p.send_signal(signal.SIGINT)
        self.p.wait(60)
        self.p.stderr.close()
        return self.path

    def lines(self, expression=""):
        """Stops, and prints the packets that the expression selects."""
        return [x for x in run("tcpdump", "-n", "-r", self.stop(), *expression.split(), stdin=subprocess.DEVNULL).splitlines()
                if x and not x.startswith("reading from") and "truncated" not in x]


class Net:
    """All hosts of a test; close() undoes everything in reverse order."""

    def __init__(self, tmp):
        self.tmp, self.undo, self.hosts = str(tmp), [], {}

    def host(self, name):
        self.hosts[name] = Host(self, name)
        return self.hosts[name]

    def link(self, a, dev_a, b, dev_b, mtu=None):
        run("ip", "link", "add", dev_a, "netns", a.ns, "type", "veth", "peer", "name", dev_b, "netns", b.ns)
        for h, dev in ((a, dev_a), (b, dev_b)):
            h.ip("link", "set", dev, *(["mtu", mtu] if mtu else []), "up")

    def owns(self, p, host):
        """Ends the process with the test at the latest, and looks whether a sanitizer ended it."""
        def end():
            if p.poll() is None:
                p.terminate()
                try:
                    p.wait(15)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()
            assert p.returncode != SANITIZER, "%s: a sanitizer found something\n%s" % (host, self.reports())
        self.undo.append(end)
        return p

    def reports(self):
        """What sanitizers wrote into the logs of this test."""
        logs = [open(path, errors="replace").read() for path in glob.glob(self.tmp + "/**/*log*", recursive=True) if os.path.isfile(path)]
        return "\n".join(m.group(0)[:8000] for log in logs for m in re.finditer(r"(?s)(==\d+==ERROR|[^\n]*runtime error:).*", log))

    def close(self):
        errors = []
        while self.undo:
            try:
                self.undo.pop()()
            except Exception as e:  # keep undoing
                errors.append(e)
        if errors:
            raise errors[0]
