# SPDX-License-Identifier: Apache-2.0
"""Logins and accounting by RADIUS, judged by Debian's FreeRADIUS; strongSwan is the road warrior."""
import os
import re
import time

import pytest

from net import run, wait_until
from peers import PEERS, Sallyport
from radius import SECRET, Radius
from test_road_warrior import PASSWORD, charon, client, gateway, reaches, text

USERS = {"carol": (PASSWORD, ['Class = "research"'])}
BOB = "10.2.0.10"


@pytest.fixture(scope="session", autouse=True)
def freeradius():
    run(PEERS, "fetch", "freeradius", timeout=300)


def settings(servers=(BOB,), secret=SECRET, unsigned=False, **kw):
    """strongswan.conf of a gateway with these servers, in order."""
    plugin = dict(retransmit_timeout="0.5", retransmit_tries=2, retransmit_base=1, nas_identifier="sun", **kw)
    plugin["servers"] = {"s%d" % i: dict(address=a, secret=secret) for i, a in enumerate(servers)}
    return text(charon=dict(plugins={"eap-radius": plugin}, sallyport=dict(radius_unsigned="yes" if unsigned else "no")))


def ours(sites, auth="xauth-radius", conf=None, **kw):
    conf = conf or gateway().replace("auth = xauth\n", "auth = %s\n" % auth)
    # Of the users the gateway itself knows nothing.
    conf = re.sub(r"  xauth \{.*?\}\n", "", conf, flags=re.S).replace('secret = "%s"' % PASSWORD, "secret = nothing")
    return Sallyport(sites.sun, conf, extra=settings(**kw))


def log_in(sites, password=PASSWORD, check=True):
    theirs = charon(sites.moon, client(password=password), "install_virtual_ip = yes")
    out = theirs.initiate("net", check=False)
    assert ("completed successfully" in out) == check, out
    return theirs


@pytest.mark.parametrize("auth,eap", [("xauth-radius", "md5"), ("xauth-eap", "md5"), ("xauth-eap", "mschapv2")])
def test_the_right_password(sites, auth, eap):
    server = Radius(sites.bob, BOB, USERS, eap=eap)
    sun = ours(sites, auth)
    theirs = log_in(sites)
    assert "'carol'" in sun.list_sas(), sun.list_sas()
    assert "Login OK: [carol" in server.log(), server.log()
    assert ("Finished EAP session" in server.log()) == (auth == "xauth-eap"), server.log()
    reaches(sites, theirs, "10.9.0.1")


@pytest.mark.parametrize("auth", ["xauth-radius", "xauth-eap"])
def test_the_wrong_password_and_nobody(sites, auth):
    server = Radius(sites.bob, BOB, USERS)
    sun = ours(sites, auth)
    log_in(sites, password="guess", check=False).stop()
    sun.wait_log("is not accepted: user 'carol'.*the RADIUS server refuses the user name or the password")
    assert "Login incorrect" in server.log(), server.log()
    conf = client().replace("xauth_id = carol", "xauth_id = mallory").replace("id = carol\n", "id = mallory\n")
    theirs = charon(sites.moon, conf)
    assert "completed successfully" not in theirs.initiate("net", check=False)
    sun.wait_log("'mallory' from 10.77.0.1.*refuses the user name")


def test_the_second_server_answers_for_the_first(sites):
    """Nothing is at the first address at all; then a server that refuses the port; both within a few seconds."""
    Radius(sites.bob, BOB, USERS)
    sun = ours(sites, servers=("10.2.0.99", BOB))
    began = time.monotonic()
    log_in(sites)
    assert time.monotonic() - began < 15
    sun.wait_log(r"the RADIUS server 's0' at 10.2.0.99\[1812\] .*; asking the next one")


@pytest.mark.parametrize("secret,why", [(SECRET, "refuses: it does not run there"), ("other", "does not answer")], ids=["down", "secret"])
def test_no_server_answers(sites, secret, why):
    if why == "does not answer":
        Radius(sites.bob, BOB, USERS)
    sun = ours(sites, secret=secret)
    log_in(sites, check=False)
    sun.wait_log(r"is not accepted: user 'carol'.*the RADIUS server 's0' at 10.2.0.10\[1812\] " + why)


def test_a_server_that_does_not_sign(sites):
    """Debian's FreeRADIUS before 3.2.5 signs with EAP only: its answer to a password is not believed, unless the operator says so."""
    server = Radius(sites.bob, BOB, USERS, signs=False)
    sun = ours(sites)
    theirs = log_in(sites, check=False)
    assert "Login OK: [carol" in server.log()
    sun.wait_log("'carol'.*no Message-Authenticator.*set charon.sallyport.radius_unsigned")
    assert re.search(r"[1-9]  the RADIUS server's .*\(radius-unsigned\)", sun.cli("status")), sun.cli("status")
    theirs.stop()
    assert sun.stop() == 0
    ours(sites, unsigned=True)
    log_in(sites)


def test_the_server_asks_for_more(sites):
    """An Access-Challenge becomes a second question of XAUTH, whose answer goes back with the State."""
    challenge = """if (!&State) {
      update reply {
        &Reply-Message := "and the number on your token?"
        &State := 0x0102
        &Message-Authenticator := 0x00
      }
      update control {
        &Response-Packet-Type := Access-Challenge
      }
      handled
    }"""
    server = Radius(sites.bob, BOB, USERS, authorize=challenge)
    ours(sites)
    theirs = log_in(sites)
    assert len(re.findall("Received Access-Request", server.log())) == 2 and "State = 0x0102" in server.log(), server.log()
    assert len(re.findall("CPRQ\\(X_USER X_PWD", theirs.log())) == 2, theirs.log()


def test_addresses_and_name_servers_of_the_user(sites):
    users = {"carol": (PASSWORD, ["Framed-IP-Address = 10.9.0.77", "MS-Primary-DNS-Server = 10.2.0.53", 'Reply-Message = "Hello, carol"'])}
    Radius(sites.bob, BOB, users)
    ours(sites, conf=gateway(pools="radius", dns=None).replace("auth = xauth\n", "auth = xauth-radius\n"))
    theirs = log_in(sites)
    assert "[10.9.0.77]" in theirs.list_sas(), theirs.list_sas()
    theirs.wait_log("10.2.0.53|INTERNAL_IP4_DNS")
    reaches(sites, theirs, "10.9.0.77")


@pytest.mark.parametrize("groups,member", [("accounting, research", True), ("accounting", False)], ids=["member", "stranger"])
@pytest.mark.parametrize("how", ["class", "filter"])
def test_groups(sites, groups, member, how):
    attributes = ['Class = "research"'] if how == "class" else ['Tunnel-Type:0 = ESP', 'Filter-Id = "research"']
    Radius(sites.bob, BOB, {"carol": (PASSWORD, attributes)})
    conf = gateway().replace("auth = xauth\n", "auth = xauth-radius\n    groups = %s\n" % groups)
    sun = ours(sites, conf=conf, class_group="yes" if how == "class" else "no", filter_id="yes" if how == "filter" else "no")
    log_in(sites, check=member)
    if not member:
        sun.wait_log("the RADIUS server puts the user into none of the connection's remote.groups")


def test_groups_choose_the_connection(sites):
    """Whom the connection that addresses and identity choose does not want, another one may: with a pool of its own."""
    Radius(sites.bob, BOB, USERS)
    first = gateway().replace("auth = xauth\n", "auth = xauth-radius\n    groups = accounting\n")
    second = re.search(r"connections \{\n(.*?\n)\}\n", first, re.S).group(1)
    second = re.sub(r"^  \w+ \{", "  staff {", second, count=1).replace("groups = accounting", "groups = research")
    second = re.sub(r"pools = \w+", "pools = lab", second)
    both = first.replace("connections {\n", "connections {\n" + second, 1).replace("pools {\n", "pools {\n  lab {\n    addrs = 10.19.0.0/24\n  }\n", 1)
    sun = ours(sites, conf=both, class_group="yes")
    theirs = log_in(sites)
    sun.wait_log("the user's groups select connection staff")
    assert "[10.19.0.1]" in theirs.list_sas() and "staff: #1, ESTABLISHED" in sun.list_sas(), sun.list_sas()
    reaches(sites, theirs, "10.19.0.1")


def test_accounting(sites):
    server = Radius(sites.bob, BOB, USERS)
    sun = ours(sites, accounting="yes", accounting_interval=2, accounting_send_class="yes")
    theirs = log_in(sites)
    start = server.wait_record("Start")
    assert start["User-Name"] == "carol" and start["Framed-IP-Address"] == "10.9.0.1" and start["NAS-Identifier"] == "sun", start
    assert start["Calling-Station-Id"].startswith("10.77.0.1[") and start["Acct-Authentic"] == "RADIUS", start
    reaches(sites, theirs, "10.9.0.1")
    (got, sent), = sun.bytes()
    assert wait_until(lambda: int(server.wait_record("Interim-Update")["Acct-Input-Octets"]) == got), server.records()
    # Of all SAs that there were.
    theirs.swanctl("--rekey", "--child", "net")
    assert wait_until(lambda: len(sun.bytes()) == 2), sun.list_sas()
    reaches(sites, theirs, "10.9.0.1")
    came, went = (sum(x) for x in zip(*sun.bytes()))
    assert came > got and went > sent
    theirs.swanctl("--terminate", "--ike", "home")
    stop = server.wait_record("Stop")
    assert (int(stop["Acct-Input-Octets"]), int(stop["Acct-Output-Octets"])) == (came, went), (stop, came, went)
    assert int(stop["Acct-Input-Packets"]) >= 6 and int(stop["Acct-Session-Time"]) >= 2, stop
    assert stop["Acct-Session-Id"] == start["Acct-Session-Id"] and stop["Acct-Terminate-Cause"] == "User-Request", stop
    assert "research" in stop["Class"] or bytes.fromhex(stop["Class"][2:]) == b"research", stop


def test_a_gateway_that_stops_tells_its_server(sites):
    server = Radius(sites.bob, BOB, USERS)
    sun = ours(sites, accounting="yes")
    log_in(sites)
    server.wait_record("Start")
    assert sun.stop() == 0
    assert server.wait_record("Stop", 2)["User-Name"] == "carol"


def test_the_session_is_over_when_the_server_said(sites):
    server = Radius(sites.bob, BOB, {"carol": (PASSWORD, ["Session-Timeout = 3"])})
    sun = ours(sites, accounting="yes")
    log_in(sites)
    sun.wait_log("the session of 'carol' ends: the RADIUS server gave it 3 seconds")
    assert wait_until(lambda: "ESTABLISHED" not in sun.list_sas())
    assert server.wait_record("Stop")["Acct-Terminate-Cause"] == "Session-Timeout"


def test_nobody_takes_the_records(sites):
    """An interim record that no server answers ends the session, unless the operator wants otherwise."""
    server = Radius(sites.bob, BOB, USERS)
    sun = ours(sites, accounting="yes", accounting_interval=2)
    log_in(sites)
    server.wait_record("Start")
    server.stop()
    sun.wait_log("no RADIUS server took the accounting record Interim-Update of session .*'carol'")
    assert wait_until(lambda: "ESTABLISHED" not in sun.list_sas()), sun.list_sas()
    assert os.path.exists(server.dir)
