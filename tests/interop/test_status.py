# SPDX-License-Identifier: Apache-2.0
"""What an operator reads in `sallyport status` and in what `up` and `down` print, beside the state of SAs that are simply up."""
import re
import subprocess

import pytest

from config import child, conf, pair
from net import wait_until
from peers import BUILD, Charon, Sallyport
from test_dataplane_mtu import V4, Routed


@pytest.mark.parametrize("narrow", [1280, 1000])
def test_the_mtu_of_the_path_is_shown_once_it_is_known(net, narrow):
    """The narrow link is behind a router, so nobody knows of it before a large packet was sent (RFC 4301 section 8.2.1)."""
    r = Routed(net, 1280)
    # Below 1280 the link has no IPv6 any more, which nobody needs here.
    for host, dev in ((r.router, "right"), (r.sun, "wan")):
        host.ip("link", "set", dev, "mtu", narrow)
    a, b = pair(*V4, children={"net": child(start_action="trap")})
    ours, theirs = Sallyport(r.moon, a), Sallyport(r.sun, b)
    # Main Mode's first message is larger, and passes at once: it may be cut on the way.
    assert "retransmit" not in ours.cli("up", "net")
    assert "path MTU 1500" in ours.cli("status") and "path MTU %d" % narrow in theirs.cli("status")
    assert wait_until(lambda: r.moon.ping("10.2.0.1", 1, src="10.1.0.1", size=1372, df=True, timeout=1) == 0 and
                      "path MTU %d" % narrow in ours.cli("status"))
    assert ours.status()["ike-sas"][0]["path-mtu"] == narrow
    # What may be cut arrives, and so does what fits; of what may not, the sender is told.
    assert r.moon.ping("10.2.0.1", 2, src="10.1.0.1", size=3000) == 2
    assert r.moon.ping("10.2.0.1", 2, src="10.1.0.1", size=narrow - 120, df=True) == 2
    assert "path-mtu" not in ours.swanctl("--list-sas", "--raw"), "a name that strongSwan does not have"


def test_a_client_says_that_it_waits_for_the_gateway_s_set(gateways):
    """pull = no, and a gateway that waits to be asked: strongSwan sends nothing."""
    a = conf(vips="0.0.0.0", pull="no", children={"net": child(local_ts="dynamic")})
    b = conf("10.77.0.2", "10.77.0.1", children={"net": child("10.2.0.0/16", "dynamic")})
    ours, theirs = Sallyport(gateways.moon, a), Charon(gateways.sun, b)
    ours.cli("up", "net", "--timeout", "2", check=False)
    assert "now: waiting for the gateway to send our configuration (pull = no: Mode Config by SET)" in ours.cli("status")
    assert "established" in theirs.log()


def test_only_the_method_differs_and_the_log_says_so_first(gateways):
    ours = Sallyport(gateways.sun, conf("10.77.0.2", "10.77.0.1"))
    Charon(gateways.moon, conf(vips="0.0.0.0").replace("    remote {", "    local-login {\n      auth = xauth\n      round = 2\n    }\n    remote {"),
           plugins="xauth-generic").swanctl("--initiate", "--child", "net", "--timeout", "5", check=False)
    line = ours.wait_log(r".*only the authentication method differs.*").group(0)
    assert "AES_CBC" not in line and len(line) < 330, line


def test_down_says_that_nothing_holds_the_traffic_any_more(sites):
    a, b = pair(children={"net": child(start_action="trap"), "host": child("10.1.0.9/32", "10.9.0.0/16")})
    ours, _ = Sallyport(sites.moon, a), Sallyport(sites.sun, b.replace("start_action = trap", ""))
    held = r"^    net  10.1.0.0/16 <=> 10.2.0.0/16  held: the next packet brings it up$"
    assert re.search(held, ours.cli("status"), re.M), ours.cli("status")
    assert re.search(r"^    host  10.1.0.9/32 <=> 10.9.0.0/16$", ours.cli("status"), re.M), ours.cli("status")
    ours.cli("up", "site.host")
    assert re.search(held.replace("  held", "  not up  held"), ours.cli("status"), re.M), ours.cli("status")
    ours.cli("up", "net")
    assert "no longer claimed: the traffic of net; it takes the plain route, in clear, until `up` or a restart claims it again" in ours.cli("down", "site")
    assert re.search(r"^    net  10.1.0.0/16 <=> 10.2.0.0/16$", ours.cli("status"), re.M), ours.cli("status")
    # Which is true: the plain route carries it, and nothing is negotiated.
    assert sites.alice.ping("10.2.0.10", 2) == 2 and ours.status()["ike-sas"] == []
    ours.cli("up", "net")
    assert "the next packet" not in ours.cli("status") and sites.alice.ping("10.2.0.10", 1) == 1
    assert wait_until(lambda: ours.bytes()[0][1] > 0)


def test_a_port_that_another_program_has_for_one_family_only(gateways):
    """Half deaf is not ready: IPv6 alone would have been served."""
    hold = gateways.moon.popen("python3", "-c", "import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                               "s.bind(('', 500))\nprint('bound', flush=True)\ntime.sleep(60)", stdout=subprocess.PIPE)
    assert hold.stdout.readline() == "bound\n"
    said = gateways.moon.run("timeout", "20", BUILD + "/sallyportd", "--foreground", "--runtime-dir", gateways.net.tmp + "/run", check=False)
    assert "UDP port 500 is in use: is another IKE daemon running here (`ss -lunp` names it)? Stop it, or set charon.port" in said, said
