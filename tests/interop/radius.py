# SPDX-License-Identifier: Apache-2.0
"""Debian's FreeRADIUS, unpacked by tools/peers, with a configuration of a test's own."""
import os
import re
import subprocess

from net import run, wait_until
from peers import PEERS

SECRET = "gv6URkSs"

CONF = """
prefix = /usr
raddbdir = {dir}
logdir = {dir}
libdir = /usr/lib/freeradius
pidfile = {dir}/pid
max_request_time = 5
cleanup_delay = 5
log {{ destination = files
  file = {dir}/log
  auth = yes }}
security {{ allow_core_dumps = no
  reject_delay = 0 }}
thread pool {{ start_servers = 1
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 3
  max_requests_per_server = 0 }}
modules {{
  always handled {{ rcode = handled }}
  pap {{ }}
  mschap {{ }}
  eap {{ default_eap_type = {eap}
    md5 {{ }}
    mschapv2 {{ }} }}
  files {{ usersfile = {dir}/users
    filename = {dir}/users }}
  detail {{ filename = {dir}/detail
    header = "%t"
    permissions = 0600 }}
}}
client everybody {{ ipaddr = {clients}
  secret = {secret} }}
server default {{
  listen {{ type = auth
    {family} = {address}
    port = 1812 }}
  listen {{ type = acct
    {family} = {address}
    port = 1813 }}
  authorize {{ eap {{ ok = return
    }}
    files
    pap
    {authorize}
  }}
  authenticate {{ Auth-Type PAP {{ pap
    }}
    Auth-Type MS-CHAP {{ mschap
    }}
    eap
  }}
  accounting {{ detail
  }}
  post-auth {{ {sign}
    Post-Auth-Type REJECT {{ {sign}
    }}
  }}
}}
"""

# Before 3.2.5 an operator has to say it: RFC 3579 wants a Message-Authenticator with EAP only.
SIGN = """update reply { &Message-Authenticator := 0x00
    }"""


class Radius:
    """One server. Users: name to (password, attributes of its Access-Accept)."""

    def __init__(self, host, address, users, secret=SECRET, eap="md5", authorize="", signs=True):
        self.host = host
        self.dir = os.path.join(host.net.tmp, "radius-" + host.name)
        os.makedirs(self.dir, exist_ok=True)
        six = ":" in address
        self.write("radiusd.conf", CONF.format(dir=self.dir, address=address, secret=secret, eap=eap, authorize=authorize,
                                               sign=SIGN if signs else "",
                                               family="ipv6addr" if six else "ipaddr", clients="::/0" if six else "0.0.0.0/0"))
        self.write("dictionary", "")
        self.write("users", "\n".join('"%s" Cleartext-Password := "%s"\n\t%s\n' % (n, p, ", ".join(a)) for n, (p, a) in users.items()))
        # The first of a machine brings it from Debian's archive.
        run(PEERS, "fetch", "freeradius", timeout=600)
        self.start()

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def start(self):
        self.out = open(os.path.join(self.dir, "out"), "w")
        self.proc = self.host.popen(PEERS, "exec", "freeradius", "freeradius", "-fx", "-l", self.dir + "/log", "-d", self.dir,
                                    stdout=self.out, stderr=subprocess.STDOUT)
        ok = wait_until(lambda: "Ready to process requests" in self.log() or self.proc.poll() is not None, 120)
        assert ok and self.proc.poll() is None, "freeradius did not start:\n" + self.log() + open(os.path.join(self.dir, "out")).read()

    def read(self, name):
        path = os.path.join(self.dir, name)
        return open(path, errors="replace").read() if os.path.exists(path) else ""

    def log(self):
        return self.read("log")

    def stop(self):
        self.proc.terminate()
        self.proc.wait(10)

    def records(self):
        """The accounting records, each a dict of its attributes."""
        return [dict(re.findall(r"^\t(\S+) = \"?(.*?)\"?$", part, re.M)) for part in self.read("detail").split("\n\n") if part.strip()]

    def wait_record(self, kind, seconds=15):
        """The last record of that Acct-Status-Type."""
        found = wait_until(lambda: [r for r in self.records() if r.get("Acct-Status-Type") == kind], seconds)
        assert found, "no %s among %s\n%s" % (kind, self.records(), self.log())
        return found[-1]
