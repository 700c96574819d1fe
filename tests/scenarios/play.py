# SPDX-License-Identifier: Apache-2.0
"""Plays a scenario: the net, the daemons, pretest, the checks, posttest. What fails comes with what was seen."""
import os
import re
import shlex
import subprocess

import meaning
from actors import Charon, Sallyport, lay_certificates, lay_files, revoked
from pki import AUTHORITIES
from radius import Radius
from testnet import GUESTS, HERE, TestNet, addresses, wait_until

LDAP = os.path.join(os.path.dirname(HERE), "interop", "ldap_one.py")
PATIENCE = 25.0    # seconds until what is expected must be there; only a failure waits for so long
SKIPPED = ("iptables-restore", "ip6tables-restore")    # this net has no firewall of its own


class Play:
    """One run. `ours` are the guests whose daemon is Sallyport."""

    def __init__(self, scenario, ours, tmp, pki, by_swanctl=False):
        self.s, self.ours, self.pki, self.by_swanctl = scenario, set(ours) & set(scenario.ipsec), pki, by_swanctl
        self.mixed = self.ours != set(scenario.ipsec)
        guests = list(dict.fromkeys(scenario.virtual + scenario.ipsec))
        self.net = TestNet(tmp, guests)
        self.actors, self.captures, self.failures, self.passed_over = {}, {}, [], []

    # --- setting up ----------------------------------------------------------------------------------------------------

    def set_up(self):
        for name in dict.fromkeys(self.s.virtual + self.s.ipsec):
            g = self.net.hosts[name]
            lay_files(g, self.s)
            if name in self.s.ipsec:
                lay_certificates(g, self.s, self.pki)
                self.actors[name] = Sallyport(g, self.by_swanctl) if name in self.ours else Charon(g)
            g.boot()
        self.services()
        self.wire = self.net.wire.capture("wan", "icmp or icmp6")
        for where in self.s.tcpdump:
            guest, _, dev = where.partition(":")
            self.captures[guest] = self.net.hosts[guest].capture(dev or "eth0")

    def services(self):
        """RADIUS; CRLs on winnetou; port 22 of the clients, which says the name of its host."""
        for name in self.s.radius:
            Radius(self.net.hosts[name], GUESTS[name][0][2].split("/")[0], {user: (password, []) for user, password in self.s.users.items()})
        if "winnetou" in self.net.hosts and self.s.uses_certificates:
            g = self.net.hosts["winnetou"]
            os.makedirs(os.path.join(g.dir, "www"))
            gone = revoked(self.s)
            for name, (file, *_) in AUTHORITIES.items():
                with open(os.path.join(g.dir, "www", file + ".crl"), "wb") as f:
                    f.write(self.pki.crl(name, [(self.pki.authority(x) if x in AUTHORITIES else self.pki.certificate(x, name))[0] for x in gone.get(name, [])]))
            g.spawn("/usr/bin/python3", "-m", "http.server", "80", "--bind", "::", "--directory", os.path.join(g.dir, "www"), log="http.log")
            # The directory knows the list of the root CA alone.
            g.spawn("/usr/bin/python3", LDAP, "389", "certificateRevocationList;binary", os.path.join(g.dir, "www", "strongswan.crl"), log="ldap.log")
        if any(c.command.startswith("ssh") for c in self.s.checks):
            for name in ("alice", "venus", "bob"):
                if name in self.net.hosts:
                    self.net.hosts[name].spawn("/usr/bin/python3", os.path.join(os.path.dirname(__file__), "say_name.py"), name, log="ssh.log")

    # --- commands ------------------------------------------------------------------------------------------------------

    def step(self, guest, command):
        """A command of pretest, posttest or evaltest; returns its output."""
        g = self.net.hosts[guest]
        m = re.match(r"(?:systemctl|service) (start|stop|restart) (?:strongswan|ipsec)\S*", command)
        if m:
            if m.group(1) != "start":
                self.actors[guest].stop()
            if m.group(1) != "stop":
                self.actors[guest].start()
            return ""
        if command.startswith("expect-connection"):
            name = command.split()[1:2]
            if name and not wait_until(lambda: re.search(r"^%s:" % re.escape(name[0]), g.sh("swanctl --list-conns")[1], re.M), PATIENCE, 0.3):
                self.failures.append("%s: connection %s is not loaded:\n%s" % (guest, name[0], g.sh("swanctl --list-conns 2>&1")[1]))
            return ""
        if command.startswith(SKIPPED):
            return ""
        if command.startswith("ssh "):
            target = [w for w in shlex.split(command)[1:] if re.match(r"[\d.:a-f]+$", w)][0]
            command = "/usr/bin/python3 -c \"import socket; print(socket.create_connection(('%s', 22), 20).makefile().read())\"" % target
        if "--initiate" in command:
            # What it says belongs to the report of a failure.
            code, out = g.sh(command.replace("2> /dev/null", "2>&1"))
            g.initiate_output = out
            return out
        return g.sh(command)[1]

    # --- checks --------------------------------------------------------------------------------------------------------

    def matches(self, output, pattern):
        p = subprocess.run(["grep", "-q", "-e", pattern], input=output, text=True, stderr=subprocess.PIPE)
        assert p.returncode in (0, 1), "grep %r: %s" % (pattern, p.stderr)
        return p.returncode == 0

    def translate(self, c):
        """(command, pattern) to be asked instead, or None where the line means nothing here."""
        ours = c.guest in self.ours
        if c.command.startswith("cat /var/log/") and ours:
            pattern = meaning.of_log(c.pattern)
            assert pattern is not None, "nobody has said what charon's %r is in our log" % c.pattern
            return (c.command, pattern) if pattern else None
        if c.command.startswith("ipsec pool"):
            # A database holds no pools here: the pool of the configuration stands for it.
            return meaning.of_pool(c.command, c.pattern)
        if re.match(r"ip (-s )?xfrm (state|policy)", c.command):
            pattern = meaning.of_xfrm(c.pattern)
            return ("swanctl --list-sas --raw 2> /dev/null", pattern) if pattern else None
        return c.command, meaning.encapsulated(c.pattern) if self.mixed else c.pattern

    def output(self, guest, command):
        if command == "tcpdump":
            return self.dump(guest)
        if command.startswith("cat /var/log/"):
            return self.net.hosts[guest].log() + self.net.hosts[guest].log("updown.log")
        return self.step(guest, command)

    def dump(self, guest):
        """What tcpdump has seen until now, with names."""
        self.captures[guest].settle()
        return self.net.hosts[guest].sh("tcpdump -r %s 2> /dev/null" % self.captures[guest].path)[1]

    def check(self, c):
        asked = self.translate(c)
        if asked is None:
            self.passed_over.append(str(c))
            return
        command, pattern = asked
        seen = [""]

        def holds():
            seen[0] = self.output(c.guest, command)
            return self.matches(seen[0], pattern)

        if not pattern or pattern == "no output expected":
            holds() if not pattern else self.output(c.guest, command)
            return
        found = wait_until(holds, PATIENCE, 0.4) if c.wanted else holds()
        if bool(found) != c.wanted:
            self.failures.append("%s%s\nseen:\n%s" % (c, "" if pattern == c.pattern else "\n  asked as: " + pattern, seen[0][-6000:]))

    def no_clear_pings(self):
        """An address that was reached through a tunnel was not also asked in clear on the wire."""
        owner = {a: re.sub(r"[0-9]$", "", name) for name, v4, v6 in addresses() for a in (v4, v6)}
        reached = {(c.guest, c.command.split()[-1]) for c in self.s.checks if c.command.startswith("ping") and c.wanted}
        clear = []
        for line in self.wire.lines():
            m = re.search(r"IP6? (\S+) > (\S+): ICMP6?, echo request", line) or re.search(r"IP (\S+) > (\S+): ICMP echo request", line)
            if m and (owner.get(m.group(1)), m.group(2)) in reached:
                clear.append(line)
        if clear:
            self.failures.append("in clear on the wire:\n" + "\n".join(clear[:10]))

    # --- the whole -----------------------------------------------------------------------------------------------------

    def run(self):
        try:
            self.set_up()
            for guest, command in self.s.pretest:
                self.step(guest, command)
            for c in self.s.checks:
                self.check(c)
            self.no_clear_pings()
            for guest, command in self.s.posttest:
                self.step(guest, command)
            for a in self.actors.values():
                a.stop()
        except AssertionError as e:
            self.failures.append(str(e))
        finally:
            report = self.report() if self.failures else ""
            self.net.close()
        assert not self.failures, report

    def report(self):
        out = ["%s, ours: %s" % (self.s.name, ", ".join(sorted(self.ours)) or "none")]
        out += ["--- " + f for f in self.failures]
        for name in self.actors:
            g = self.net.hosts[name]
            for what in ("load_output", "initiate_output"):
                if hasattr(g, what):
                    text = "\n".join(x for x in getattr(g, what).splitlines() if not x.startswith("opening directory"))
                    out.append("=== %s of %s\n%s" % (what, name, text))
            out.append("=== log of %s (%s)\n%s" % (name, type(self.actors[name]).__name__, g.log()[-12000:]))
        return "\n".join(out)

