# SPDX-License-Identifier: Apache-2.0
"""tests/support/steer_tool in a namespace: steering without a daemon. What it reads from TUN goes to a peer in plain UDP, in place of ESP."""
import os
import subprocess

from net import run

BUILD = os.environ.get("SALLYPORT_BUILD", os.path.join(os.path.dirname(__file__), "..", "..", "build"))
TOOL = os.path.join(BUILD, "tests", "support", "steer_tool")


class Steer:
    def __init__(self, host, peer=None, tun="sp0", table=None, mark=None, mtu=None, state=None):
        self.host = host
        args = [TOOL, "--tun", tun]
        for option, value in (("--peer", peer), ("--table", table), ("--mark", mark), ("--mtu", mtu), ("--state", state)):
            if value is not None:
                args += [option, str(value)]
        self.p = host.popen(*args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        answer = self.p.stdout.readline().strip()
        assert answer == "ready", answer

    def try_(self, command):
        self.p.stdin.write(command + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def __call__(self, command):
        answer = self.try_(command)
        assert answer.split(" ")[0] == "ok", "%s: %s" % (command, answer)
        return answer[3:]

    def claim(self, reqid, *selectors, **kw):
        return self("claim %d %s %s" % (reqid, " ".join(selectors), " ".join("%s=%s" % i for i in kw.items())))

    def seen(self):
        """Packets that came out of the TUN device."""
        return int(self("seen"))

    def dropped(self, reqid):
        return int(self("dropped %d" % reqid))

    def kill(self):
        """Without a chance to clean up."""
        self.p.kill()
        self.p.wait()

    def quit(self):
        self.p.stdin.close()
        assert self.p.wait(20) == 0


def flush(host, **kw):
    args = ["--flush"]
    for k, v in kw.items():
        args += ["--" + k, str(v)]
    return host.run(TOOL, *args)


def state_of(host):
    """Everything of the system that steering may touch."""
    return "\n".join([host.ip("rule"), host.ip("-6", "rule"), host.ip("route", "show", "table", "all"),
                      host.ip("-6", "route", "show", "table", "all"), host.run("nft", "list", "ruleset"),
                      host.run("sh", "-c", "cd /proc/sys/net && grep -r . ipv4/conf ipv6/conf ipv4/ip_forward 2>/dev/null | sort")])


SEND = """
import socket, sys
for line in sys.stdin:
    kind, src, sport, dst, dport, size = line.split()
    family = socket.AF_INET6 if ':' in dst else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM if kind == 'udp' else socket.SOCK_STREAM)
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if src != '-' or sport != '0':
            s.bind(('' if src == '-' else src, int(sport)))
        s.setblocking(False)
        if kind == 'udp':
            s.sendto(b'x' * int(size), (dst, int(dport)))
        else:
            s.connect((dst, int(dport)))
    except BlockingIOError:
        pass
    except OSError as e:
        print(line.strip(), e, flush=True)
    s.close()
"""


def send(host, *packets):
    """Each packet: (kind, source or '-', source port, destination, port[, size]). Returns the errors that senders saw."""
    text = "".join("%s %s %s %s %s %s\n" % (tuple(p) + (32,))[:6] for p in packets)
    return run("ip", "netns", "exec", host.ns, "/usr/bin/python3", "-c", SEND, input=text)
