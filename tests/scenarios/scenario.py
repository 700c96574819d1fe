# SPDX-License-Identifier: Apache-2.0
"""Reads a scenario folder of strongSwan's test suite: who takes part, what each host is given, what is done before
(pretest.dat, or what the other files imply where it is not there), and what must be true then (evaltest.dat).

Both layouts are taken: HOST/swanctl/swanctl.conf, and hosts/HOST/etc/swanctl/swanctl.conf.
"""
import atexit
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field

from retold import retold_folders
from testnet import GUESTS, HERE, ROOT, placeholders

DATA = os.environ.get("SALLYPORT_SCENARIOS", os.path.join(ROOT, "..", "shared", "data", "scenarios"))
OWN = os.path.join(HERE, "own")                  # scenarios of our own: one file each, unfolded to the same form
SUPPLEMENT = os.path.join(HERE, "supplement")    # what a scenario needs beyond its folder: pretest.dat, files


# --- swanctl.conf, as much of it as deciding needs ----------------------------------------------------------------------

def parse_conf(path):
    """Sections as dictionaries; includes are followed, references are not resolved."""
    with open(path, errors="replace") as f:
        text = f.read()
    root, stack, here = {}, [], os.path.dirname(path)
    current = root
    for raw in re.sub(r"([{}])", r"\n\1\n", re.sub(r"#[^\n]*", "", text)).split("\n"):
        line = raw.strip()
        if line == "}" and stack:
            current = stack.pop()
        elif line == "{":
            stack.append(current)
            current = current.setdefault(name, {})
        elif line.startswith("include "):
            included = os.path.join(here, line.split(None, 1)[1])
            if os.path.exists(included):
                merge(current, parse_conf(included))
        elif "=" in line:
            key, value = line.split("=", 1)
            current[key.strip()] = value.strip().strip("\"'")
        elif line:
            name = line.split(":")[0].strip()
    return root


def merge(into, other):
    for k, v in other.items():
        if isinstance(v, dict) and isinstance(into.get(k), dict):
            merge(into[k], v)
        else:
            into[k] = v


def sections(conf, prefix):
    """The subsections whose name starts with the prefix."""
    return {k: v for k, v in conf.items() if k.startswith(prefix) and isinstance(v, dict)}


def is_shunt(connection):
    """Nothing of it is negotiated, in whatever version."""
    children = sections(connection.get("children", {}), "").values()
    return bool(children) and all(c.get("mode") in ("pass", "drop") for c in children)


def begins(connection):
    children = sections(connection.get("children", {}), "").values()
    return not is_shunt(connection) and any(c.get("start_action", "none") not in ("none", "clear") for c in children)


def child_needs(child):
    esp, mode = child.get("esp_proposals", ""), child.get("mode", "tunnel")
    out = {mode} - {"tunnel", "drop"}
    out |= {word for word in ("esn", "gmac") if re.search(r"(?<!no)" + word, esp)}
    if "ah_proposals" in child:
        out.add("ah")
    if child.get("ipcomp", "no") in ("yes", "true", "1"):
        out.add("ipcomp")
    # A route needs an address of the host's own within the selector, or what the peer leaves of it.
    if re.search(r"[\d:]-[\d:]|/(28|32)", child.get("local_ts", "")):
        out.add("foreign local selector")
    if child.get("start_action") in ("trap", "route") and mode not in ("pass", "drop"):
        out.add("trap")
    if "chacha" in esp:
        out.add("chacha20 in IKEv1")
    return out


# --- the parts of a scenario --------------------------------------------------------------------------------------------

@dataclass
class Check:
    """A line of evaltest.dat: the output of the command has the pattern (a basic regular expression), or has it not."""
    guest: str
    command: str
    pattern: str
    wanted: bool

    def __str__(self):
        return "%s::%s::%s::%s" % (self.guest, self.command, self.pattern, "YES" if self.wanted else "NO")


@dataclass
class Scenario:
    name: str                 # group/scenario
    path: str
    virtual: list             # guests that exist
    ipsec: list               # guests with an IKE daemon
    tcpdump: list             # guest, or guest:interface
    radius: list
    confs: dict = field(default_factory=dict)    # guest: parsed swanctl.conf
    checks: list = field(default_factory=list)
    pretest: list = field(default_factory=list)  # (guest, command)
    posttest: list = field(default_factory=list)

    def folders(self, guest):
        """Folders whose content belongs to the guest's /etc, later ones over earlier ones."""
        found = []
        for base in (self.path, os.path.join(SUPPLEMENT, self.name)):
            found += [d for d in (os.path.join(base, "hosts", guest, "etc"), os.path.join(base, guest)) if os.path.isdir(d)]
        return found

    def connections(self, guest):
        return sections(self.confs.get(guest, {}).get("connections", {}), "")

    def all_connections(self):
        return [(g, n, c) for g in self.ipsec for n, c in self.connections(g).items()]

    def certificates(self):
        """The files that any connection has for its own."""
        return {f.strip() for _, _, c in self.all_connections() for end in sections(c, "local").values() for f in end.get("certs", "").split(",") if f.strip()}

    @property
    def ike1(self):
        versions = {c.get("version", "0") for _, _, c in self.all_connections() if not is_shunt(c)}
        return versions == {"1"}

    @property
    def uses_certificates(self):
        for _, _, c in self.all_connections():
            ends = list(sections(c, "local").values()) + list(sections(c, "remote").values())
            if not ends or any(not e.get("auth", "pubkey").startswith(("psk", "xauth", "eap")) for e in ends):
                return True
        return False

    @property
    def users(self):
        """{name: password} of all who log in somewhere: what a RADIUS server has to know."""
        out = {}
        for conf in self.confs.values():
            for kind in ("xauth", "eap"):
                for s in sections(conf.get("secrets", {}), kind).values():
                    out.update({v.strip('"'): s.get("secret", "").strip('"') for k, v in s.items() if k.startswith("id")})
        return out

    def needs(self, guests):
        """Features of these guests' configurations that some peer may lack."""
        out = set()
        for connection in (c for g in guests for c in self.connections(g).values()):
            for child in sections(connection.get("children", {}), "").values():
                out |= child_needs(child)
        uris = [a.get("crl_uris", "") for g in guests for a in sections(self.confs.get(g, {}).get("authorities", {}), "").values()]
        return out | ({"a directory"} if any("ldap:" in u for u in uris) else set())

    @property
    def initiators(self):
        """Who is told to begin, or does so by himself."""
        told = {g for g, command in self.pretest if "--initiate" in command or command.startswith("ping")} & set(self.ipsec)
        return told | {g for g, _, c in self.all_connections() if begins(c)}


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, errors="replace") as f:
        return [x.strip() for x in f if x.strip() and not x.lstrip().startswith("#")]


def parse_check(line):
    """host::command::pattern::YES or NO; in a pattern `:\\:` stands for two colons, and several spaces are one, as the shell
    of strongSwan's suite has them."""
    parts = [p.strip() if i < 2 else re.sub(" +", " ", p) for i, p in enumerate(line.split("::"))]
    parts += ["", "YES"][len(parts) - 2:]   # a step among the checks, or what is wanted
    return Check(parts[0], placeholders(parts[1]), placeholders(parts[2]), parts[3].strip().startswith("YES"))


def parse_step(line):
    guest, command = line.split("::", 1)
    return guest.strip(), placeholders(command.strip())


def parse_test_conf(path):
    return {m.group(1): m.group(2).split() for m in (re.match(r'([A-Z]+)="?([^"]*)"?$', x) for x in read_lines(path)) if m}


def conf_path(scenario, guest):
    for d in reversed(scenario.folders(guest)):
        p = os.path.join(d, "swanctl", "swanctl.conf")
        if os.path.exists(p):
            return p
    return None


# --- what is done before, where no pretest.dat says it -----------------------------------------------------------------

def implied_pretest(s):
    """The daemons start, then who is said to be an initiator brings up the children that the checks speak of."""
    steps = [(g, "systemctl start strongswan") for g in sorted(s.ipsec, key=lambda g: g in ("carol", "dave", "alice"))]
    steps += [(g, "expect-connection " + next(iter(s.connections(g)), "")) for g in s.ipsec]
    done = set()
    for c in s.checks:
        if "--list-sas" not in c.command or "initiator=yes" not in c.pattern or not c.wanted:
            continue
        wanted = re.split(r"child-sas", c.pattern)[-1] if "child-sas" in c.pattern else ""
        for conn in s.connections(c.guest).values():
            for child, conf in sections(conn.get("children", {}), "").items():
                if not re.search(r"(^|[^\w-])%s([^\w-]|$)" % re.escape(child), wanted) or (c.guest, child) in done:
                    continue
                done.add((c.guest, child))
                steps += bring_up(s, c.guest, child, conf.get("start_action", "none"))
    return steps


def bring_up(s, guest, child, action):
    if action in ("start", "restart"):
        return []
    if action in ("trap", "route"):
        ping = next((c for c in s.checks if c.command.startswith("ping") and c.wanted), None)
        return [(ping.guest, ping.command)] if ping else []
    return [(guest, "swanctl --initiate --child %s 2> /dev/null" % child)]


def read(path):
    name = os.path.join(os.path.basename(os.path.dirname(path)), os.path.basename(path))
    conf = parse_test_conf(os.path.join(path, "test.conf"))
    s = Scenario(name, path, [g for g in conf.get("VIRTHOSTS", []) if g in GUESTS], conf.get("IPSECHOSTS", []), conf.get("TCPDUMPHOSTS", []),
                 conf.get("RADIUSHOSTS", []))
    for g in s.ipsec:
        p = conf_path(s, g)
        s.confs[g] = parse_conf(p) if p else {}
    s.checks = [parse_check(x) for x in read_lines(os.path.join(path, "evaltest.dat"))]
    extra = os.path.join(SUPPLEMENT, name)
    own = read_lines(os.path.join(path, "pretest.dat")) or read_lines(os.path.join(extra, "pretest.dat"))
    s.pretest = [parse_step(x) for x in own] if own else implied_pretest(s)
    s.posttest = [parse_step(x) for x in read_lines(os.path.join(path, "posttest.dat"))]
    return s


def unfold(path, into):
    """A scenario in one file: a description, then `--- NAME` before the content of each file."""
    description, *parts = re.split(r"^--- (.+)\n", open(path).read(), flags=re.M)
    for name, text in [("description.txt", description), *zip(parts[::2], parts[1::2])]:
        os.makedirs(os.path.dirname(os.path.join(into, name)), exist_ok=True)
        with open(os.path.join(into, name), "w") as f:
            f.write(text)
    return into


def own_folders():
    root = tempfile.mkdtemp(prefix="sp-scenarios-")
    atexit.register(shutil.rmtree, root, True)
    for folder, dirs, files in os.walk(OWN):
        dirs.sort()
        for f in sorted(files):
            if f.endswith(".scenario"):
                unfold(os.path.join(folder, f), os.path.join(root, os.path.relpath(folder, OWN), f[:-len(".scenario")]))
    retold_folders(DATA, root)
    return root


def all_scenarios(roots=None):
    found = []
    for root in roots or (DATA, own_folders()):
        for folder, dirs, files in os.walk(root):
            dirs.sort()
            if "evaltest.dat" in files and "test.conf" in files:
                found.append(folder)
    return [read(f) for f in found]


def ike1_scenarios():
    return [s for s in all_scenarios() if s.ike1]
