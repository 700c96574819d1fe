# SPDX-License-Identifier: Apache-2.0
"""Road warriors against strongSwan, as their client and as their gateway: XAUTH, Mode Config by pull and by push, virtual
addresses, name servers, split networks, banner. Judged by strongSwan's own lists and byte counters, and by a capture."""
import os
import re

import pytest

from config import section
from net import wait_until
from peers import Charon, Sallyport

PASSWORD = "4iChxLT3"


def text(**sections):
    return "\n".join(line for name, items in sections.items() for line in section(name, items)) + "\n"


def secrets():
    return {"ike": {"secret": '"swordfish"'}, "xauth": {"id": "carol", "secret": '"%s"' % PASSWORD}}


def client(vips="0.0.0.0", login=True, remote_ts="10.2.0.0/16", password=PASSWORD, **kw):
    conn = dict(version=1, local_addrs="10.77.0.1", remote_addrs="10.77.0.2", vips=vips, **kw)
    conn["local"] = dict(auth="psk", id="carol@example.org", round=1)
    if login:
        conn["local-xauth"] = dict(auth="xauth", xauth_id="carol", round=2)
    conn["remote"] = dict(auth="psk", id="moon.example.org")
    conn["children"] = {"net": dict(local_ts="dynamic", remote_ts=remote_ts, esp_proposals="aes128gcm16")}
    s = secrets()
    s["xauth"]["secret"] = '"%s"' % password
    return text(connections={"home": conn}, secrets=s)


def gateway(login=True, addrs="10.9.0.0/28", dns="10.2.0.10", local_ts="10.2.0.0/16", pools="p", pool=None, **kw):
    conn = dict(version=1, local_addrs="10.77.0.2", pools=pools, **kw)
    conn["local"] = dict(auth="psk", id="moon.example.org")
    conn["remote"] = dict(auth="psk", id="carol@example.org", round=1)
    if login:
        conn["remote-xauth"] = dict(auth="xauth", round=2)
    conn["children"] = {"net": dict(local_ts=local_ts, remote_ts="dynamic", esp_proposals="aes128gcm16")}
    return text(connections={"rw": conn}, secrets=secrets(), pools=dict({"p": dict(addrs=addrs, dns=dns)}, **(pool or {})))


def charon(host, conf, extra="", **kw):
    """strongSwan with XAUTH; its ordinary plugins and `unity` where it is asked for."""
    plugins = "xauth-generic" + (" unity" if "cisco_unity" in extra else "")
    return Charon(host, conf, extra, plugins=plugins, **kw)


def reaches(sites, daemon, src, dst="10.2.0.10"):
    """Packets from the virtual address arrive behind the gateway and come back."""
    sites.bob.ip("route", "replace", "10.9.0.0/24", "via", "10.2.0.1")
    assert sites.moon.ping(dst, 3, src=src, interval=0.2) == 3
    assert any(i >= 200 and o >= 200 for i, o in daemon.bytes()), daemon.bytes()


@pytest.mark.parametrize("login", [True, False], ids=["xauth", "psk"])
@pytest.mark.parametrize("pull", ["yes", "no"], ids=["pull", "push"])
def test_we_are_the_client(sites, login, pull):
    theirs = charon(sites.sun, gateway(login=login, pull=pull))
    ours = Sallyport(sites.moon, client(login=login, pull=pull))
    wire = sites.moon.capture("wan")
    out = ours.initiate("net")
    assert "completed successfully" in out, out
    sas = theirs.list_sas()
    assert "[10.9.0.1]" in sas, sas
    assert ("XAuth: 'carol'" in sas or "EAP: 'carol'" in sas) == login, sas
    assert re.search(r"local\s+'carol@example.org' @ 10.77.0.1\[\d+\] \[10.9.0.1\]", ours.list_sas()), ours.list_sas()
    assert "10.9.0.1" in sites.moon.run("ip", "addr", "show", "sallyport0")
    reaches(sites, theirs, "10.9.0.1")
    # Without being told: the route to the net behind the gateway has the virtual address as its source.
    assert sites.moon.ping("10.2.0.10", 2) == 2
    assert wire.lines("net 10.2.0.0/16 or net 10.9.0.0/16") == []
    ours.swanctl("--terminate", "--ike", "home")
    assert wait_until(lambda: "10.9.0.1" not in sites.moon.run("ip", "addr", "show", "sallyport0"))
    assert wait_until(lambda: re.search(r"p\s+10.9.0.0\s+0 / 1 / ", theirs.swanctl("--list-pools"))), theirs.swanctl("--list-pools")


@pytest.mark.parametrize("login", [True, False], ids=["xauth", "psk"])
@pytest.mark.parametrize("pull", ["yes", "no"], ids=["pull", "push"])
def test_we_are_the_gateway(sites, login, pull):
    ours = Sallyport(sites.sun, gateway(login=login, pull=pull))
    theirs = charon(sites.moon, client(login=login, pull=pull), "install_virtual_ip = yes")
    out = theirs.initiate("net")
    assert "completed successfully" in out, out
    assert "[10.9.0.1]" in theirs.list_sas(), theirs.list_sas()
    sas = ours.list_sas()
    assert "[10.9.0.1]" in sas and ("'carol'" in sas) == login, sas
    status = ours.cli("status")
    assert (", not renewed by this end" in status and ", user carol\n" in status) == login, status
    reaches(sites, theirs, "10.9.0.1")
    pools = ours.swanctl("--list-pools", "--leases")
    who = "carol" if login else "carol@example.org"
    assert re.search(r"p\s+10.9.0.0\s+1 / 0 / 14", pools) and re.search(r"10.9.0.1\s+online\s+'%s'" % who, pools), pools
    theirs.swanctl("--terminate", "--ike", "home")
    assert wait_until(lambda: re.search(r"10.9.0.1\s+offline", ours.swanctl("--list-pools", "--leases")))
    theirs.initiate("net")
    assert "[10.9.0.1]" in theirs.list_sas()


def test_name_servers_and_both_families(sites, tmp_path):
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("nameserver 192.0.2.53\n")
    theirs = charon(sites.sun, gateway(local_ts="10.2.0.0/16,fd02::/64", pools="p,six",
                                       pool={"six": dict(addrs="fd09::/120", dns="fd02::10")}))
    ours = Sallyport(sites.moon, client(vips="0.0.0.0,::", remote_ts="10.2.0.0/16,fd02::/64"),
                     extra="charon { plugins { resolve { file = %s } } }" % resolv)
    assert "completed successfully" in ours.initiate("net")
    addresses = sites.moon.run("ip", "addr", "show", "sallyport0")
    assert "10.9.0.1" in addresses and "fd09::1" in addresses
    sites.bob.ip("route", "replace", "fd09::/64", "via", "fd02::1")
    assert sites.moon.ping("fd02::10", 2) == 2
    assert "nameserver 10.2.0.10   # by Sallyport\n" in resolv.read_text()
    ours.kill()
    assert "10.2.0.10" in resolv.read_text()
    sites.moon.run(os.path.join(os.environ.get("SALLYPORT_BUILD", "build"), "sallyport"), "flush", "--runtime-dir", ours.dir, "--socket", ours.vici)
    assert resolv.read_text() == "nameserver 192.0.2.53\n"
    assert len(theirs.bytes()) >= 1


def test_wrong_password_is_told_at_both_ends(sites):
    ours = Sallyport(sites.sun, gateway())
    theirs = charon(sites.moon, client(password="guess"))
    assert "completed successfully" not in theirs.initiate("net", check=False)
    ours.wait_log("login-failed|the user name or password is not accepted")
    assert "the client's login (XAUTH) failed: user 'carol' from 10.77.0.1: wrong password" in ours.cli("status")
    assert ours.status()["ike_sas"] == [] if "ike_sas" in ours.status() else "ESTABLISHED" not in ours.list_sas()
    theirs.stop()
    ours.stop()


def test_wrong_password_of_ours(sites):
    charon(sites.sun, gateway())
    ours = Sallyport(sites.moon, client(password="guess"))
    out = ours.initiate("net", check=False)
    assert "refused our login (XAUTH): see local.xauth_id and its secret" in out, out


@pytest.mark.parametrize("we_are", ["client", "gateway"])
def test_a_renewed_phase_1_keeps_the_address(sites, we_are):
    if we_are == "client":
        theirs, ours = charon(sites.sun, gateway()), Sallyport(sites.moon, client())
        first = ours
    else:
        ours, theirs = Sallyport(sites.sun, gateway()), charon(sites.moon, client(), "install_virtual_ip = yes")
        first = theirs
    assert "completed successfully" in first.initiate("net")
    reaches(sites, theirs, "10.9.0.1")
    first.swanctl("--rekey", "--ike", "home", "--reauth")
    assert wait_until(lambda: re.search(r"#2, ESTABLISHED", first.list_sas())), first.list_sas()
    assert wait_until(lambda: first.list_sas().count("ESTABLISHED") == 1), first.list_sas()
    # A gateway of strongSwan's that adopts the address before it is asked for lists it twice.
    for d in (ours, theirs):
        assert wait_until(lambda d=d: re.search(r"\[10\.9\.0\.1[] ]", d.list_sas())), d.list_sas()
    assert wait_until(lambda: sites.moon.probe("10.2.0.10", 2, src="10.9.0.1", interval=0.2) == 2)


UNITY = "cisco_unity = yes"


def test_split_networks_and_banner_for_us(sites):
    """strongSwan's gateway names the networks that it wants to see; everything else stays outside."""
    theirs = charon(sites.sun, gateway(pool={"p": dict(addrs="10.9.0.0/28", split_include="10.2.0.0/16", **{"28672": '"welcome home"'})}),
                    UNITY)
    ours = Sallyport(sites.moon, client(remote_ts="0.0.0.0/0"), extra="charon { %s }" % UNITY)
    assert "completed successfully" in ours.initiate("net"), ours.log()
    assert "remote 10.2.0.0/16" in ours.list_sas(), ours.list_sas()
    ours.wait_log("banner: welcome home")
    reaches(sites, theirs, "10.9.0.1")


def test_a_network_left_out_by_the_gateway(sites):
    """Packets to there pass by the tunnel while it stands; the rest of what it carries does not."""
    sites.moon.ip("route", "add", "default", "via", "10.77.0.2")
    sites.moon.ip("route", "del", "10.2.0.0/16")
    charon(sites.sun, gateway(pool={"p": dict(addrs="10.9.0.0/28", split_exclude="10.2.0.10/32")}, local_ts="0.0.0.0/0"), UNITY)
    ours = Sallyport(sites.moon, client(remote_ts="0.0.0.0/0"), extra="charon { %s }" % UNITY)
    assert "completed successfully" in ours.initiate("net"), ours.log()
    ours.wait_log("leaves 10.2.0.10/32 out of the tunnel")
    wire = sites.moon.capture("wan")
    assert sites.moon.ping("10.2.0.10", 2) == 2
    sites.moon.probe("10.2.0.11", 2)
    seen = wire.lines("net 10.2.0.0/16")
    assert len(seen) == 4 and all("10.77.0.1" in x and "10.2.0.10" in x for x in seen), seen
    ours.swanctl("--terminate", "--ike", "home")
    assert wait_until(lambda: "10.2.0.10" not in sites.moon.run("ip", "rule"))


def test_split_networks_from_us(sites):
    ours = Sallyport(sites.sun, gateway(pool={"p": dict(addrs="10.9.0.0/28", dns="10.2.0.10", **{"28672": '"welcome home"'})}),
                     extra="charon { %s }" % UNITY)
    theirs = charon(sites.moon, client(remote_ts="0.0.0.0/0"), UNITY + "\n install_virtual_ip = yes")
    assert "completed successfully" in theirs.initiate("net"), theirs.log()[-3000:]
    reaches(sites, theirs, "10.9.0.1")
    assert "10.2.0.0/16" in theirs.list_sas()
    assert ours.list_sas()


def test_pools_over_vici(sites):
    """The real swanctl loads connections, pools and passwords; a pool in use is not unloaded, a reload keeps its leases."""
    ours = Sallyport(sites.sun, gateway(), load=False)
    path = os.path.join(ours.dir, "swanctl.conf")
    out = ours.swanctl("--load-all", "--file", path)
    assert "loaded pool 'p'" in out and "successfully loaded 1 pools" in out, out
    theirs = charon(sites.moon, client(), "install_virtual_ip = yes")
    assert "completed successfully" in theirs.initiate("net")
    out = ours.swanctl("--load-pools", "--file", path)
    assert re.search(r"10.9.0.1\s+online\s+'carol'", ours.swanctl("--list-pools", "--leases")), out
    with open(path) as f:
        empty = re.sub(r"pools \{\n.*?\n\}\n", "", f.read(), flags=re.S)
    with open(path, "w") as f:
        f.write(empty)
    assert "online leases" in ours.swanctl("--load-pools", "--file", path, check=False)
