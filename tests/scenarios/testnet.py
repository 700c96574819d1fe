# SPDX-License-Identifier: Apache-2.0
"""The test net that strongSwan's scenarios assume, in namespaces: alice and venus behind moon, bob behind sun; moon, sun,
carol, dave and winnetou on one wire. Each guest has a network, a mount and a host-name namespace of its own, so that
commands and absolute paths of a scenario (/etc/swanctl, /var/log/daemon.log, /run/charon.vici) mean the guest's.
"""
import os
import re
import shutil
import subprocess

from net import Host, Net, run, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS_ROOT = os.environ.get("SALLYPORT_PEERS", os.path.join(ROOT, "build", "peers"))

# guest: [(interface, segment, IPv4, IPv6)]; the number after a name counts its interfaces from the second.
GUESTS = {
    "alice": [("eth0", "lan1", "10.1.0.10/16", "fec1::10/16"), ("eth1", "wan", "192.168.0.50/24", "fec0::5/16")],
    "venus": [("eth0", "lan1", "10.1.0.20/16", "fec1::20/16")],
    "moon": [("eth0", "wan", "192.168.0.1/24", "fec0::1/16"), ("eth1", "lan1", "10.1.0.1/16", "fec1::1/16")],
    "carol": [("eth0", "wan", "192.168.0.100/24", "fec0::10/16")],
    "winnetou": [("eth0", "wan", "192.168.0.150/24", "fec0::15/16")],
    "dave": [("eth0", "wan", "192.168.0.200/24", "fec0::20/16")],
    "sun": [("eth0", "wan", "192.168.0.2/24", "fec0::2/16"), ("eth1", "lan2", "10.2.0.1/16", "fec2::1/16")],
    "bob": [("eth0", "lan2", "10.2.0.10/16", "fec2::10/16")],
}
DOWN = {("alice", "eth1")}   # up only where a scenario says so
GATEWAY = {"lan1": ("10.1.0.1", "fec1::1"), "lan2": ("10.2.0.1", "fec2::1"), "wan": ("192.168.0.254", "fec0::fe")}
FORWARDS = ("moon", "sun")
SERVED = {"10.1.0.0/16": "192.168.0.1", "10.2.0.0/16": "192.168.0.2"}    # whom winnetou answers through the gateways
VIRTUAL = {"carol1": ("10.3.0.1", "fec3::1"), "dave1": ("10.3.0.2", "fec3::2"), "alice2": ("10.4.0.1", "fec4::1")}
SERVICES = ("crl", "ocsp", "ldap")
DOMAIN = "strongswan.org"


def addresses():
    """(name, IPv4, IPv6) of every interface and virtual address."""
    for guest, interfaces in GUESTS.items():
        for n, (_, _, v4, v6) in enumerate(interfaces):
            yield guest + (str(n) if n else ""), v4.split("/")[0], v6.split("/")[0]
    for name, (v4, v6) in VIRTUAL.items():
        yield name, v4, v6


def hosts_file():
    lines = ["127.0.0.1 localhost", "::1 ip6-localhost"]
    for name, v4, v6 in addresses():
        lines.append("%s %s.%s %s" % (v4, name, DOMAIN, name))
        lines.append("%s ip6-%s.%s ip6-%s" % (v6, name, DOMAIN, name))
        if name == "winnetou":
            lines += ["%s %s.%s" % (v4, s, DOMAIN) for s in SERVICES]
    return "\n".join(lines) + "\n"


def placeholders(text):
    """PH_IP_MOON, PH_IP_MOON1, PH_IP6_CAROL, ...: the address."""
    table = {}
    for name, v4, v6 in addresses():
        table["PH_IP_" + name.upper()] = v4
        table["PH_IP6_" + name.upper()] = v6
    return re.sub(r"PH_IP6?_[A-Z]+[0-9]?", lambda m: table.get(m.group(0), m.group(0)), text)


class Guest(Host):
    """A host of the test net. `etc` is what its /etc has beyond this machine's, `usr` beyond /usr."""

    def __init__(self, net, name):
        super().__init__(net, name)
        self.dir = os.path.join(net.tmp, name)
        self.etc, self.usr, self.log_dir = (os.path.join(self.dir, d) for d in ("etc", "usr", "log"))
        for d in (self.etc, self.usr, self.log_dir):
            os.makedirs(d)
        self.keeper = None

    def boot(self):
        """Starts the process that keeps the namespaces; call it once etc and usr are filled."""
        self.write("etc/hosts", hosts_file())
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n")
        self.write("etc/hostname", self.name + "\n")
        self.keeper = self.popen("unshare", "-m", "-u", "sh", os.path.join(HERE, "guest.sh"), self.name, self.dir, os.path.join(PEERS_ROOT, "strongswan"),
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        line = self.keeper.stdout.readline()
        assert line == "up\n", "guest %s does not come up: %s%s" % (self.name, line, self.keeper.stdout.read())
        return self

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)

    def enter(self, *cmd):
        return ["nsenter", "-t", str(self.keeper.pid), "-m", "-u", "-n", "--wd=/", "--"] + [str(c) for c in cmd]

    def sh(self, command, timeout=180):
        """(exit code, output) of a command line of a scenario."""
        try:
            p = subprocess.run(self.enter("sh", "-c", command), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               timeout=timeout, errors="replace")
        except subprocess.TimeoutExpired as e:
            raise AssertionError("%s: `%s` does not end within %d s:\n%s" % (self.name, command, timeout, e.output))
        return p.returncode, p.stdout

    def spawn(self, *cmd, log=None):
        """A daemon of the guest; its output goes to a file of /var/log."""
        out = open(os.path.join(self.log_dir, log), "a") if log else subprocess.DEVNULL
        p = subprocess.Popen(self.enter(*cmd), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        return self.net.owns(p, self.name)

    def log(self, name="daemon.log"):
        path = os.path.join(self.log_dir, name)
        return open(path, errors="replace").read() if os.path.exists(path) else ""


class TestNet(Net):
    """The wire, the networks behind the gateways, and the guests that are named."""
    __test__ = False

    def __init__(self, tmp, names):
        super().__init__(tmp)
        self.wire = self.host("wire")
        self.segments = {"wan": self._segment("wan"), "lan1": self._segment("lan1"), "lan2": self._segment("lan2")}
        # The way out of the wire leads nowhere: what has no tunnel arrives nowhere.
        self.wire.address("wan", "192.168.0.254/24", "fec0::fe/16")
        for name in names:
            self.guest(name)

    def _segment(self, name):
        self.wire.batch(["link add %s type bridge mcast_snooping 0" % name, "link set %s up" % name])
        return name

    def guest(self, name):
        g = Guest(self, name)
        self.hosts[name] = g
        for dev, segment, v4, v6 in GUESTS[name]:
            port = "%s.%s" % (name[:8], dev)
            self.link(g, dev, self.wire, port)
            self.wire.ip("link", "set", port, "master", segment)
            if (name, dev) in DOWN:
                g.ip("link", "set", dev, "down")
                continue
            g.address(dev, v4, v6)
        # A gateway's way out is the wire; its clients' is the gateway.
        g.batch("route add default via %s" % via for via in GATEWAY[GUESTS[name][0][1]])
        if name in FORWARDS:
            g.forward()
        if name == "winnetou":
            for network, gateway in SERVED.items():
                g.ip("route", "add", network, "via", gateway)
        return g

    def close(self):
        super().close()
        for name in self.hosts:
            shutil.rmtree(os.path.join(self.tmp, name, "rw"), ignore_errors=True)


def fetch_peers():
    run(os.path.join(ROOT, "tools", "peers"), "fetch", "strongswan", timeout=300)


__all__ = ["TestNet", "Guest", "placeholders", "hosts_file", "fetch_peers", "wait_until", "run", "ROOT", "HERE", "PEERS_ROOT", "GUESTS"]
