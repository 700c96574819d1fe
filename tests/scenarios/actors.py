# SPDX-License-Identifier: Apache-2.0
"""The IKE daemons that guests run, each from the scenario's own files: sallyportd, or strongSwan's charon with its
userspace ESP. Both answer the real swanctl at /run/charon.vici."""
import os
import re
import shutil
import subprocess

from pki import AUTHORITIES, chain
from scenario import SUPPLEMENT, parse_conf, read_lines, sections
from testnet import HERE, PEERS_ROOT, placeholders, wait_until

BUILD = os.environ.get("SALLYPORT_BUILD", os.path.join(os.path.dirname(os.path.dirname(HERE)), "build"))
UPDOWN = "usr/local/libexec/ipsec/_updown"    # where strongSwan's tests have it
# kernel-libipsec seals in charon itself, hence with the ciphers of its plugins, not the kernel's.
ESP_PLUGINS = "openssl aes gcm ctr ccm chapoly xcbc cmac hmac"
ECDSA = re.compile(r"ecdsa|-ec\b")    # in the name of a certificate's file
# What a scenario that names none needs at most.
PLUGINS = ("random nonce aes sha1 sha2 md5 hmac kdf pem pkcs1 pkcs8 x509 revocation constraints pubkey curve25519 gmp curl xauth-generic unity "
           "kernel-netlink socket-default updown resolve attr vici")


# --- what a guest is given ----------------------------------------------------------------------------------------------

def lay_files(guest, scenario):
    guest.write("etc/strongswan.conf", "swanctl {\n  load = pem pkcs1 x509 revocation constraints pubkey openssl random\n}\n")
    for folder in scenario.folders(guest.name):
        shutil.copytree(folder, guest.etc, dirs_exist_ok=True)
    for folder, _, files in os.walk(guest.etc):
        for f in files:
            path = os.path.join(folder, f)
            with open(path, errors="replace") as old:
                text = old.read()
            guest.write(os.path.relpath(path, guest.dir), placeholders(text), 0o600 if f.startswith("swanctl") else 0o755 if f.endswith("updown") else 0o644)
    for more, file in (("swanctl/more.conf", "swanctl/swanctl.conf"), ("strongswan-more.conf", "strongswan.conf")):
        if os.path.exists(os.path.join(guest.etc, more)):
            with open(os.path.join(guest.etc, file), "a") as f:
                f.write("\ninclude %s\n" % os.path.basename(more))
    guest.write(UPDOWN, open(os.path.join(PEERS_ROOT, "strongswan/usr/lib/ipsec/_updown")).read(), 0o755)


def issuers(scenario):
    """guest: its issuer. pki.dat of a scenario says `GUEST ISSUER [revoked]`; where several CAs are the subject, carol is of
    Research and dave of Sales, as in strongSwan's tests."""
    table = {"carol": "research", "dave": "sales"} if "multi-ca" in scenario.name else {}
    table.update(line.split()[:2] for line in pki_lines(scenario))
    return table


def pki_lines(scenario):
    return [x for folder in (scenario.path, os.path.join(SUPPLEMENT, scenario.name)) for x in read_lines(os.path.join(folder, "pki.dat"))]


def revoked(scenario):
    """{issuer: guests and CAs whose certificate it took back}"""
    out = {}
    for line in pki_lines(scenario):
        if line.split()[2:] == ["revoked"]:
            out.setdefault(line.split()[1], []).append(line.split()[0])
    return out


def lay_certificates(guest, scenario, pki):
    if not scenario.uses_certificates:
        return
    table, kinds = issuers(scenario), {"x509": {}, "rsa": {}, "ecdsa": {}, "x509ca": {}}
    own, theirs = [(guest.name + "Cert.pem", [])], set()
    authorities = {"strongswanCert.pem"} | ({"strongswan_ecCert.pem"} if any(ECDSA.search(f) for f in scenario.certificates()) else set())
    conf = scenario.confs.get(guest.name, {})
    for connection in scenario.connections(guest.name).values():
        for end in sections(connection, "local").values():
            own += [(f.strip(), [end.get("id", "")]) for f in end.get("certs", "").split(",") if f.strip()]
        for end in sections(connection, "remote").values():
            theirs |= {f.strip() for f in end.get("certs", "").split(",") if f.strip()}
            authorities |= {f.strip() for f in end.get("cacerts", "").split(",") if f.strip()}
    authorities |= {a["cacert"] for a in sections(conf.get("authorities", {}), "").values() if "cacert" in a}
    # Had it an RSA certificate of the same name as well, strongSwan would offer RSA signatures.
    if any(ECDSA.search(f) for f, _ in own):
        own = own[1:]
    for file, names in own + [(f, []) for f in theirs]:
        m = re.match(r"([a-z]+)Cert", file)
        owner = m.group(1) if m else guest.name
        kind = "ecdsa256" if ECDSA.search(file) else "rsa"
        issuer = table.get(owner, "ecdsa" if kind != "rsa" else "root")
        names = [n for n in names if re.match(r"[\w.-]+(@[\w.-]+)?$", n)]
        cert, key = pki.certificate(owner, issuer, kind, tuple(names))
        if file in kinds["x509"] and not names:
            continue
        kinds["x509"][file] = cert
        if file in theirs:
            continue
        kinds["rsa" if kind == "rsa" else "ecdsa"][owner + "Key.pem"] = key
        authorities |= {AUTHORITIES[ca][0] + "Cert.pem" for ca in chain(issuer)}
    for name, (file, *_) in AUTHORITIES.items():
        if file + "Cert.pem" in authorities:
            kinds["x509ca"][file + "Cert.pem"] = pki.authority(name)[0]
    for folder, files in kinds.items():
        for file, data in files.items():
            guest.write("etc/swanctl/%s/%s" % (folder, file), data.decode(), 0o600)


# --- the daemons --------------------------------------------------------------------------------------------------------

class Actor:
    patience = 120     # seconds to start and to stop, on a machine that others keep busy
    socket = "/run/charon.vici"

    def __init__(self, guest):
        self.guest, self.proc = guest, None

    def running(self):
        return self.proc is not None and self.proc.poll() is None

    def start(self):
        if self.running():
            return
        self.guest.sh("rm -f %s; mkdir -p /run/sallyport" % self.socket)
        self.launch()
        up = wait_until(lambda: self.proc.poll() is not None or self.guest.sh("test -S %s" % self.socket)[0] == 0, self.patience)
        assert up and self.running(), "%s on %s does not start:\n%s" % (type(self).__name__, self.guest.name, self.guest.log())
        self.load()

    def load(self):
        code, out = self.guest.sh("swanctl --load-all")
        self.guest.load_output = out
        assert code == 0, "swanctl --load-all on %s ended with %d" % (self.guest.name, code)

    def stop(self):
        if self.running():
            self.proc.terminate()
            try:
                return self.proc.wait(self.patience)
            except subprocess.TimeoutExpired:
                raise AssertionError("%s on %s does not stop:\n%s" % (type(self).__name__, self.guest.name, self.guest.log()))
        return self.proc.returncode if self.proc else 0


class Sallyport(Actor):
    """The files as they are: from the command line, or by `swanctl --load-all` as strongSwan's service does."""
    ours = True

    def __init__(self, guest, by_swanctl=False):
        super().__init__(guest)
        self.by_swanctl = by_swanctl

    def launch(self):
        self.guest.sh("ln -sf /run/sallyport/vici.sock %s" % self.socket)
        conf = [] if self.by_swanctl else ["--config", "/etc/swanctl/swanctl.conf"]
        self.proc = self.guest.spawn(os.path.join(BUILD, "sallyportd"), *conf, "--strongswan-conf", "/etc/strongswan.conf",
                                     "--runtime-dir", "/run/sallyport", "--foreground", log="daemon.log")

    def load(self):
        if self.by_swanctl:
            super().load()

    def stop(self):
        code = super().stop()
        assert code == 0, "sallyportd on %s ended with %s:\n%s" % (self.guest.name, code, self.guest.log())


class Charon(Actor):
    """The scenario's strongswan.conf with what this machine imposes: ESP in userspace, a log file instead of syslog."""
    ours = False

    def launch(self):
        theirs = os.path.join(self.guest.etc, "strongswan.conf")
        conf = parse_conf(theirs) if os.path.exists(theirs) else {}
        named = "charon-systemd" if "charon-systemd" in conf else "charon"
        plugins = conf.get(named, {}).get("load", PLUGINS).split()
        at = plugins.index("kernel-netlink") if "kernel-netlink" in plugins else len(plugins)
        extra = [p for p in ESP_PLUGINS.split() if p not in plugins]
        load = [p for p in plugins[:at] if p != "kernel-libipsec"] + extra + ["kernel-libipsec"] + plugins[at:]
        self.guest.write("etc/strongswan-charon.conf", """include %s
charon%s {
  load = %s
  filelog { daemon { path = /var/log/daemon.log
    default = 1
    flush_line = yes } }
  plugins {
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }
    kernel-libipsec { allow_peer_ts = yes }
  }
}
""" % (theirs, " : charon-systemd" if named != "charon" else "", " ".join(load)))
        self.proc = self.guest.spawn("env", "STRONGSWAN_CONF=" + os.path.join(self.guest.etc, "strongswan-charon.conf"), "/usr/lib/ipsec/charon", log="charon.out")
