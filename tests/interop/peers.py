# SPDX-License-Identifier: Apache-2.0
"""The daemons that tests run: Sallyport, and strongSwan and libreswan unpacked by tools/peers."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from net import run, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SALLYPORT_BUILD", os.path.join(ROOT, "build"))
PEERS = os.path.join(ROOT, "tools", "peers")
PLUGINS = ("random nonce openssl pem pkcs1 pkcs8 x509 revocation constraints pubkey hmac xcbc cmac aes sha1 sha2 md5 curve25519 gcm "
           "chapoly ctr ccm kdf gmp mgf1 kernel-libipsec kernel-netlink socket-default vici updown attr")


class Daemon:
    """What all have in common: a folder, a log, a vici socket, swanctl."""

    def __init__(self, host, conf, extra=""):
        self.host, self.conf, self.extra = host, conf, extra
        self.dir = os.path.join(host.net.tmp, host.name)
        os.makedirs(self.dir, exist_ok=True)
        self.log_path = os.path.join(self.dir, "log")
        self.proc = None

    def log(self):
        return open(self.log_path, errors="replace").read() if os.path.exists(self.log_path) else ""

    def wait_log(self, pattern, seconds=30):
        """The first match of the pattern in the log; fails with the whole log."""
        m = wait_until(lambda: re.search(pattern, self.log()), seconds)
        assert m, "no %r in the log of %s:\n%s" % (pattern, self.host.name, self.log())
        return m

    def swanctl(self, *args, check=True, timeout=60):
        env = dict(os.environ, STRONGSWAN_CONF=os.path.join(self.dir, "swanctl-strongswan.conf"), SWANCTL_DIR=self.dir)
        with open(env["STRONGSWAN_CONF"], "w") as f:
            f.write("swanctl {\n  load = pem pkcs1 x509 pubkey openssl random\n}\n")
        return run(PEERS, "exec", "strongswan", "swanctl", *args, "--uri", "unix://" + self.vici, check=check, timeout=timeout, env=env)

    def list_sas(self):
        return self.swanctl("--list-sas")

    def initiate(self, child, check=True, timeout=45):
        return self.swanctl("--initiate", "--child", child, "--timeout", str(timeout), check=check)

    def bytes(self):
        """(in, out) of each installed child, as swanctl prints it."""
        out = self.list_sas()
        ins = [int(x) for x in re.findall(r"^\s+in .*?,\s+(\d+) bytes", out, re.M)]
        outs = [int(x) for x in re.findall(r"^\s+out .*?,\s+(\d+) bytes", out, re.M)]
        return list(zip(ins, outs))

    def kill(self):
        """As a crash: no goodbye."""
        self.signal(signal.SIGKILL)
        self.proc.wait()

    def pid(self):
        return self.proc.pid

    def signal(self, sig):
        os.kill(self.pid(), sig)

    def stop(self, seconds=15):
        self.signal(signal.SIGTERM)
        try:
            return self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("%s does not stop:\n%s" % (self.host.name, self.log()))


class Sallyport(Daemon):
    """Ours. The configuration is given on the command line unless load is False."""

    def __init__(self, host, conf, extra="", args=(), load=True, env=None, under=()):
        """under: a command in front of the daemon's own, to run it under."""
        super().__init__(host, conf, extra)
        self.args, self.load, self.env, self.under = list(args), load, env or {}, list(under)
        self.start()

    def start(self):
        conf = os.path.join(self.dir, "swanctl.conf")
        with open(conf, "w") as f:
            f.write(self.conf)
        os.chmod(conf, 0o600)
        args = list(self.args)
        if self.extra:
            path = os.path.join(self.dir, "strongswan.conf")
            with open(path, "w") as f:
                f.write(self.extra)
            args += ["--strongswan-conf", path]
        if self.load:
            args += ["--config", conf]
        self.vici = os.path.join(self.dir, "vici.sock")
        if os.path.exists(self.vici):
            os.unlink(self.vici)
        self.out = open(self.log_path, "a")
        env = dict(os.environ, **self.env)
        env.pop("STRONGSWAN_CONF", None)
        self.proc = self.host.popen(*self.under, os.path.join(BUILD, "sallyportd"), *args, "--runtime-dir", self.dir, "--foreground",
                                    stdout=self.out, stderr=self.out, env=env)
        ok = wait_until(lambda: os.path.exists(self.vici) or self.proc.poll() is not None, 60)
        assert ok and self.proc.poll() is None, "sallyportd did not start:\n" + self.log()
        return self

    def cli(self, *args, check=True, timeout=60):
        return self.host.run(os.path.join(BUILD, "sallyport"), *args, "--socket", self.vici, check=check, timeout=timeout)

    def status(self):
        return json.loads(self.cli("status", "--json"))

    def stop(self, seconds=15):
        code = super().stop(seconds)
        assert code == 0, "sallyportd ended with %d:\n%s" % (code, self.log())
        return code


class Charon(Daemon):
    """strongSwan 5.9.8 with its userspace ESP."""

    def __init__(self, host, conf, extra="", load=True, plugins=""):
        super().__init__(host, conf, extra)
        self.vici = os.path.join(self.dir, "charon.vici")
        with open(os.path.join(self.dir, "strongswan.conf"), "w") as f:
            f.write("""charon {
  load = %s
  block_threshold = 0
  install_virtual_ip = no
  filelog { l { path = %s
    default = 1
    ike = 4
    chd = 4
    flush_line = yes } }
  plugins { vici { socket = unix://%s } }
  %s
}
""" % (PLUGINS + " " + plugins, self.log_path, self.vici, extra))
        with open(os.path.join(self.dir, "swanctl.conf"), "w") as f:
            f.write(conf)
        self.start()
        if load:
            self.swanctl("--load-all", "--file", os.path.join(self.dir, "swanctl.conf"))

    def start(self):
        if os.path.exists(self.vici):
            os.unlink(self.vici)
        self.proc = self.host.popen(PEERS, "exec", "strongswan", "/usr/lib/ipsec/charon",
                                    env=dict(os.environ, STRONGSWAN_CONF=os.path.join(self.dir, "strongswan.conf")),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ok = wait_until(lambda: os.path.exists(self.vici) or self.proc.poll() is not None, 60)
        assert ok and self.proc.poll() is None, "charon did not start:\n" + self.log()


class Pluto(Daemon):
    """libreswan 4.10; its kernel interface is a stub, so it negotiates only."""

    def __init__(self, host, conf, secrets, stub):
        super().__init__(host, conf)
        d = self.dir
        for sub in ("run", "d", "nss", "etc"):
            os.makedirs(os.path.join(d, sub), exist_ok=True)
        run(PEERS, "exec", "libreswan", "certutil", "-N", "-d", "sql:%s/nss" % d, "--empty-password")
        with open(d + "/ipsec.conf", "w") as f:
            f.write("config setup\n  protostack=xfrm\n  nssdir=%s/nss\n  ikev1-policy=accept\n  uniqueids=no\n\n" % d + conf)
        with open(d + "/ipsec.secrets", "w") as f:
            f.write(secrets)
        # `ipsec addconn` is found beside pluto: both come from the unpacked package.
        self.proc = host.popen(PEERS, "exec", "libreswan", "env", "LD_PRELOAD=" + stub, "/usr/libexec/ipsec/pluto", "--nofork", "--config",
                               d + "/ipsec.conf", "--secretsfile", d + "/ipsec.secrets", "--nssdir", d + "/nss", "--rundir", d + "/run",
                               "--ipsecdir", d + "/d", "--logfile", self.log_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(d + "/run/pluto.ctl"))
        self.wait_log("added (IKEv1 )?connection|loaded .*secret")

    def whack(self, *args, check=True, timeout=60):
        return self.host.run(PEERS, "exec", "libreswan", "/usr/libexec/ipsec/whack", "--rundir", self.dir + "/run", *args, check=check, timeout=timeout)

    def initiate(self, conn):
        """pluto's connections have both phases in one; whack's exit code does not say whether it is up."""
        out = self.whack("--name", conn, "--initiate", check=False)
        assert "established" in out, out + self.log()
        return out


def have(tool):
    return shutil.which(tool) is not None
