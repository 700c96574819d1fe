# SPDX-License-Identifier: Apache-2.0
"""What docs/configuration.md has a newcomer type is typed here, so that it stays true: certificates from nothing to a tunnel, and
road warriors with a group's secret and with hybrid authentication."""
import os
import re

from net import run, wait_until
from peers import BUILD, ROOT, Sallyport
from test_certificates import equip, folder, key_of

from make_pki import Authority, pem

with open(os.path.join(ROOT, "docs", "configuration.md")) as page:
    PAGE = page.read()
with open(os.path.join(ROOT, "examples", "road-warrior-gateway.conf")) as example:
    GATEWAY = example.read()


def section_of(title):
    """The page from one heading to the next."""
    return re.search(r"\n#+ %s\n(.*?)\n#+ " % re.escape(title), PAGE, re.S).group(1)


def commands(title):
    """{"": what comes first, "on moon": what follows that comment, ...}: the indented lines of a section."""
    parts, where = {"": []}, ""
    for line in re.findall(r"^    (.*)", section_of(title), re.M):
        comment = re.match(r"# (on \w+)", line)
        where = comment.group(1) if comment else where
        parts.setdefault(where, []).append(line)
    return {k: "\n".join(v) for k, v in parts.items()}


def blocks(title):
    return re.findall(r"^```\n(.*?)^```", section_of(title), re.S | re.M)


def test_certificates_from_nothing_to_a_tunnel(sites, tmp_path):
    steps = commands("From nothing to a tunnel")
    assert list(steps) == ["", "on moon", "on sun", "on both"]
    os.symlink(os.path.join(ROOT, "examples"), tmp_path / "examples")
    run("sh", "-ec", steps[""], cwd=tmp_path)
    daemons = []
    for host, name, peer, address in ((sites.moon, "moon", "sun", "10.77.0.2"), (sites.sun, "sun", "moon", "10.77.0.1")):
        own = folder(host).path

        def typed(text):
            text = text.replace("/etc/sallyport", own).replace("sallyportd ", os.path.join(BUILD, "sallyportd") + " ")
            return run("sh", "-ec", text, cwd=tmp_path)

        typed(steps["on " + name])
        check, start = [line for line in steps["on both"].splitlines() if line.startswith("sallyportd")]
        assert "1 connection, 0 secrets: no mistakes" in typed(check) and "warning" not in typed(check)
        assert start == "sallyportd --config /etc/sallyport/swanctl.conf"
        with open(os.path.join(own, "swanctl.conf")) as f:
            conf = f.read()
        assert "remote_addrs = %s.example.org" % peer in conf
        # No name server knows them here.
        daemons.append(Sallyport(host, conf.replace("remote_addrs = %s.example.org" % peer, "remote_addrs = " + address)))
    moon, sun = daemons
    assert "sun.lan is up" in moon.cli("up", "lan")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3
    assert wait_until(lambda: sun.bytes() == [(252, 252)]), sun.list_sas()


def road_warrior(sites, gateway, client):
    """The client's page says vpn.example.org, which no name server knows here."""
    theirs = Sallyport(sites.sun, gateway)
    ours = Sallyport(sites.moon, client.replace("remote_addrs = vpn.example.org", "remote_addrs = 10.77.0.2"))
    out = ours.cli("up", "net")
    assert "home.net is up" in out and "installing new virtual IP 10.9.0.1" in out and "DNS server 10.2.0.53" in out, out
    assert wait_until(lambda: sites.moon.probe("10.2.0.10", 2, src="10.9.0.1", interval=0.2) == 2)
    assert "user carol" in theirs.cli("status")
    assert theirs.bytes()[0][0] >= 168, theirs.list_sas()
    assert "home is down" in ours.cli("down", "home")
    assert "10.9.0.1" not in sites.moon.ip("addr")


def test_a_road_warrior_with_a_group_s_secret(sites):
    road_warrior(sites, GATEWAY, blocks("Road warriors: logins, virtual addresses, pools")[0])


def without_secret(conf):
    return re.sub(r"  ike \{.*?\n  \}\n", "", conf, flags=re.S)


def test_a_road_warrior_with_hybrid_authentication(sites):
    client, gateways_sections, clients_sections = blocks("Road warriors: logins, virtual addresses, pools")
    root = Authority()
    equip(sites.sun, root.issue("C=CH, O=Example, CN=vpn", ["vpn.example.org"], key=key_of("rsa")), [], "gateway")
    folder(sites.moon).put("x509ca/ca.pem", pem(root.cert))
    gateway = re.sub(r"    local \{.*?(?=    children)", lambda m: gateways_sections, GATEWAY, flags=re.S)
    client = re.sub(r"    local \{.*?(?=    children)", lambda m: clients_sections, client, flags=re.S)
    road_warrior(sites, without_secret(gateway), without_secret(client))
