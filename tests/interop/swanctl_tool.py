# SPDX-License-Identifier: Apache-2.0
"""The real swanctl against a socket, and the vici server on its own (tests/unit/daemon/vici_host.c)."""
import os
import signal
import subprocess

from net import wait_until
from peers import BUILD, PEERS
from vici import Vici

HOST = os.path.join(BUILD, "tests", "unit", "daemon", "vici_host")
CONF_DUMP = os.path.join(BUILD, "tests", "unit", "daemon", "conf_dump")

CHILDREN = """
    net { local_ts = %(net1)s
      remote_ts = %(net2)s }
    pfs { local_ts = %(net1)s
      remote_ts = %(net3)s
      esp_proposals = aes256-sha256-modp2048 }
"""


def site(local, remote, local_id, remote_id, nets, psk="swordfish", extra="", child_extra=""):
    return """connections {
  site {
    version = 1
    local_addrs = %s
    remote_addrs = %s
    %s
    local { auth = psk
      id = %s }
    remote { auth = psk
      id = %s }
    children { %s
      %s
    }
  }
}
secrets { ike-site { secret = "%s" } }
""" % (local, remote, extra, local_id, remote_id, CHILDREN % nets, child_extra, psk)


def ours(**kw):
    return site("10.77.0.1", "10.77.0.2", "moon", "sun", dict(net1="10.1.0.0/16", net2="10.2.0.0/16", net3="10.3.0.0/16"), **kw)


def theirs(**kw):
    text = site("10.77.0.2", "10.77.0.1", "sun", "moon", dict(net1="A", net2="B", net3="C"), **kw)
    return (text.replace("local_ts = A\n      remote_ts = B", "local_ts = 10.2.0.0/16\n      remote_ts = 10.1.0.0/16")
            .replace("local_ts = A\n      remote_ts = C", "local_ts = 10.3.0.0/16\n      remote_ts = 10.1.0.0/16"))


class Swanctl:
    """swanctl with a folder of its own."""

    def __init__(self, folder, socket):
        self.dir, self.socket = str(folder), socket
        with open(os.path.join(self.dir, "ss.conf"), "w") as f:
            f.write("swanctl {\n  load = pem pkcs1 x509 pubkey openssl random\n}\n")

    def command(self, *args):
        return [PEERS, "exec", "strongswan", "swanctl", *args, "--uri", "unix://" + self.socket]

    def env(self):
        return dict(os.environ, STRONGSWAN_CONF=os.path.join(self.dir, "ss.conf"), SWANCTL_DIR=self.dir)

    def run(self, *args, timeout=30):
        """(exit code, output)"""
        p = subprocess.run(self.command(*args), env=self.env(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        return p.returncode, "\n".join(x for x in p.stdout.splitlines() if not x.startswith("opening directory"))

    def ok(self, *args, **kw):
        code, out = self.run(*args, **kw)
        assert code == 0, "swanctl %s: %d\n%s" % (" ".join(args), code, out)
        return out

    def popen(self, *args):
        # Line by line, also into a pipe.
        return subprocess.Popen(["stdbuf", "-oL"] + self.command(*args), env=self.env(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class ViciHost:
    """Our vici server with a core behind it, and a peer in the same process."""

    def __init__(self, folder, peer, own=None):
        self.dir, self.socket = str(folder), os.path.join(str(folder), "v.sock")
        args = [HOST, self.socket, self.write("peer.conf", peer)]
        if own:
            args.append(self.write("own.conf", own))
        self.log = os.path.join(self.dir, "host.log")
        self.proc = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=open(self.log, "w"))
        assert wait_until(lambda: os.path.exists(self.socket) or self.proc.poll() is not None)
        assert self.proc.poll() is None, open(self.log).read()
        self.swanctl = Swanctl(folder, self.socket)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def load(self, text):
        return self.swanctl.ok("--load-all", "--file", self.write("swanctl.conf", text))

    def deaf(self, on=True):
        """The peer hears nothing any more."""
        path = self.socket + ".deaf"
        open(path, "w").close() if on else os.unlink(path)

    def vici(self, timeout=30):
        return Vici(self.socket, timeout)

    def cli(self, *args, timeout=60):
        p = subprocess.run([os.path.join(BUILD, "sallyport"), *args, "--socket", self.socket], text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=timeout)
        return p.returncode, p.stdout

    def close(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        code = self.proc.wait(20)
        log = open(self.log).read()
        assert code == 0 and "ERROR" not in log and "runtime error" not in log, "vici_host ended with %d:\n%s" % (code, log)
