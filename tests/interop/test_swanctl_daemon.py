# SPDX-License-Identifier: Apache-2.0
"""The daemon as a whole, driven by swanctl and by our command, with strongSwan at the other end and real traffic."""
import os
import re
import signal
import subprocess

import pytest

from config import child, conf, pair
from net import wait_until
from peers import BUILD, Charon, Sallyport
from vici import Vici


def load_over_vici(d):
    """As on a machine that is configured by swanctl alone."""
    return d.swanctl("--load-all", "--file", os.path.join(d.dir, "swanctl.conf"))


def test_configured_by_swanctl_alone(sites):
    a, b = pair(children={"net": child(), "all": child(remote_ts="10.2.0.10/32")}, dpd_delay="30s")
    ours, theirs = Sallyport(sites.moon, a, load=False), Charon(sites.sun, b)
    assert "successfully loaded 1 connections, 0 unloaded" in load_over_vici(ours)
    assert ours.initiate("net").rstrip().endswith("initiate completed successfully")
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3
    received, sent = wait_until(lambda: [x for x in ours.bytes() if min(x) >= 252])[0]
    assert received == sent == 252  # three echo packets of 84 octets, as strongSwan counts them
    assert theirs.bytes() == [(252, 252)]
    with Vici(ours.vici) as v:
        sa = v.stream("list-sas", "list-sa")[1][0]["site"]
        assert sa["state"] == "ESTABLISHED" and sa["nat-any"] == "yes"  # kernel-libipsec pretends to be behind NAT
        net = list(sa["child-sas"].values())[0]
        assert net["encap"] == "yes" and net["packets-in"] == "3" and int(net["use-in"]) <= 5
    assert ours.swanctl("--rekey", "--child", "net").rstrip().endswith("rekey completed successfully")
    assert wait_until(lambda: re.search(r"net: #2, reqid 1, INSTALLED", ours.list_sas()))
    assert sites.alice.ping("10.2.0.10", 2, interval=0.2) == 2
    assert ours.swanctl("--terminate", "--ike", "site").rstrip().endswith("terminate completed successfully")
    assert wait_until(lambda: ours.list_sas() == "" and theirs.list_sas() == "")
    ours.stop()


def test_our_command_shows_the_tunnel(sites):
    a, b = pair()
    ours, theirs = Sallyport(sites.moon, a), Charon(sites.sun, b)
    assert "site.net is up" in ours.cli("up", "net")
    sites.alice.probe("10.2.0.10", 2, interval=0.2)
    assert wait_until(lambda: ours.status()["ike-sas"][0]["child-sas"][0]["packets-in"] == 2)
    out = ours.cli("status")
    assert re.search(r"net\{1\}  +10.1.0.0/16 <=> 10.2.0.0/16  INSTALLED  .*in UDP .*168 B, 2 packets  168 B, 2 packets", out), out
    assert "NAT in front of the peer" in out
    assert "site is down" in ours.cli("down", "site")
    assert wait_until(lambda: theirs.list_sas() == "")
    ours.stop()


@pytest.mark.parametrize("kw,by,form", [
    (dict(ah_proposals="sha256"), "HMAC_SHA2_256_128", "AH"),
    (dict(ah_proposals="sha256", esp_proposals="aes256gcm16"), "AES_GCM_16-256", "ESP in AH"),
    (dict(ipcomp="yes", esp_proposals="aes128-sha256"), "AES_CBC-128/HMAC_SHA2_256_128", "ESP, IPComp"),
    (dict(mode="transport", local_ts="dynamic", remote_ts="dynamic"), "AES_GCM_16-256", "ESP, transport"),
], ids=["ah", "bundle", "ipcomp", "transport"])
def test_our_command_tells_what_protects(gateways, kw, by, form):
    """Between two of us: strongSwan's userspace ESP has none of these."""
    a, b = pair(children={"net": child(**kw)})
    ours, _ = Sallyport(gateways.moon, a), Sallyport(gateways.sun, b)
    assert "site.net is up" in ours.cli("up", "net")
    assert re.search(r"INSTALLED  %s  +%s  +\d+s" % (by, form), ours.cli("status")), ours.cli("status")


def test_wrong_psk_is_explained(sites):
    a, _ = pair()
    _, b = pair(psk="other")
    ours, _ = Sallyport(sites.moon, a, extra="charon {\n retransmit_timeout = 0.3\n retransmit_base = 1\n retransmit_tries = 2\n}\n"), Charon(sites.sun, b)
    out = ours.cli("up", "net", check=False)
    assert "pre-shared key" in out and "failed" in out, out
    assert "pre-shared key" in ours.cli("status")
    ours.stop()


@pytest.mark.parametrize("text,code,words", [
    (conf(), 0, None),
    (conf().replace("version", "versoin"), 1, r"swanctl.conf:3: unknown key 'versoin' in a connection; did you mean 'version'\?"),
    (conf(if_id_in="7"), 1, r"swanctl.conf:\d+: if_id_in is known but not yet supported"),
    ("connections {", 1, r"swanctl.conf:1: the file ends within section 'connections'"),
], ids=["good", "unknown key", "not yet supported", "syntax"])
def test_check_config(tmp_path, text, code, words):
    path = tmp_path / "swanctl.conf"
    path.write_text(text)
    path.chmod(0o600)
    p = subprocess.run([os.path.join(BUILD, "sallyportd"), "--check-config", "--config", str(path)], text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=20)
    assert p.returncode == code, p.stdout
    assert not words or re.search(words, p.stdout), p.stdout


def conns(d):
    with Vici(d.vici) as v:
        return sorted(list(m)[0] for m in v.stream("list-conns", "list-conn")[1])


def rewrite(d, text):
    with open(os.path.join(d.dir, "swanctl.conf"), "w") as f:
        f.write(text)
    d.signal(signal.SIGHUP)


def test_reload_of_the_file_and_vici_side_by_side(gateways):
    d = Sallyport(gateways.moon, conf(name="one"))
    with Vici(d.vici) as v:
        v.request("load-conn", {"other": {"version": "1", "remote_addrs": ["10.77.0.2"], "children": {"c": {"remote_ts": ["10.9.0.0/16"]}}}})
        v.request("load-shared", {"id": "mine", "type": "ike", "data": "x", "owners": ["venus"]})
    assert conns(d) == ["one", "other"]
    rewrite(d, conf(name="two"))
    assert wait_until(lambda: conns(d) == ["other", "two"])
    # A mistake changes nothing, and the log says where it is.
    rewrite(d, conf(name="three", versoin=1))
    d.wait_log(r"swanctl.conf:\d+: unknown key 'versoin' in a connection; did you mean 'version'\?")
    d.wait_log("what was loaded before stays in force")
    assert conns(d) == ["other", "two"]
    with Vici(d.vici) as v:
        assert v.request("get-conns") == {"conns": ["other"]}
        assert v.request("get-shared") == {"keys": ["mine"]}
    d.stop()
    assert not os.path.exists(d.vici)


def test_settings_are_used_and_the_rest_is_said_once(gateways):
    d = Sallyport(gateways.moon, conf(), extra="""charon {
  load = aes sha1
  plugins { dhcp { server = 10.0.0.1 } }
  retransmit_timeout = 0.2
  retransmit_base = 1
  retransmit_tries = 2
  filelog { stderr { default = 0
    cfg = 1
    ike = 2 } }
}
""")
    out = d.cli("up", "net", check=False)
    assert out.count("retransmit ") == 2 and "does not answer" in out, out
    log = d.log()
    assert log.count("without a meaning here: charon.load, charon.plugins.dhcp") == 1
    d.stop()


def start_another(host, *args):
    """(exit code, what it says) of a daemon that does not get far."""
    p = subprocess.run(["ip", "netns", "exec", host.ns, os.path.join(BUILD, "sallyportd"), "--foreground", *map(str, args)], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return p.returncode, p.stdout


def test_a_second_daemon_is_told_of_the_first(gateways, tmp_path):
    """In its folder, at its socket, at its ports: each says which daemon is there, and the first one goes on undisturbed."""
    d = Sallyport(gateways.moon, conf(children={"net": child(start_action="trap")}))
    rules = gateways.moon.run("nft", "list", "ruleset")
    conf_path = os.path.join(d.dir, "swanctl.conf")
    for host in (gateways.moon, gateways.sun):
        code, said = start_another(host, "--runtime-dir", d.dir, "--config", conf_path)
        assert code == 1 and re.search(r"another sallyportd \(process %d\) runs with the folder '%s': stop that one first" % (d.pid(), d.dir), said), said
    strongswan_conf = tmp_path / "socket.conf"
    strongswan_conf.write_text("charon { plugins { vici { socket = unix://%s } } }\n" % d.vici)
    code, said = start_another(gateways.sun, "--runtime-dir", tmp_path / "other", "--strongswan-conf", strongswan_conf)
    assert code == 1 and "another daemon (process %d) serves the control socket '%s': stop that one" % (d.pid(), d.vici) in said, said
    code, said = start_another(gateways.moon, "--runtime-dir", tmp_path / "other")
    assert code == 1 and "UDP port 4500 is in use: is another IKE daemon running here (`ss -lunp` names it)?" in said, said
    assert "sallyport" in d.cli("version") and gateways.moon.run("nft", "list", "ruleset") == rules
    assert open(os.path.join(d.dir, "sallyportd.pid")).read() == "%d\n" % d.pid()
    d.kill()
    d.start()
    d.stop()
    assert open(os.path.join(d.dir, "sallyportd.pid")).read() == ""


def test_a_first_start_with_a_mistake(gateways, tmp_path):
    """At the start nothing was there before; a reload keeps what was."""
    path = tmp_path / "swanctl.conf"
    path.write_text(conf().replace("version", "versoin"))
    path.chmod(0o600)
    code, said = start_another(gateways.moon, "--runtime-dir", tmp_path / "run", "--config", path)
    assert code == 1 and "is not taken" not in said, said
    assert re.search(r"swanctl.conf:3: unknown key 'versoin'", said) and "has mistakes (see above): correct them" in said, said
    d = Sallyport(gateways.moon, conf())
    with open(os.path.join(d.dir, "swanctl.conf"), "w") as f:
        f.write(conf().replace("version", "versoin"))
    d.signal(signal.SIGHUP)
    d.wait_log("swanctl.conf is not taken: what was loaded before stays in force")
    assert "site" in d.swanctl("--list-conns")
    d.stop()


def test_flush_keeps_off_a_daemon_that_runs(gateways):
    d = Sallyport(gateways.moon, conf(children={"net": child(start_action="trap")}))
    out = d.cli("flush", check=False)
    assert "a daemon serves" in out and "stop it first" in out
    d.kill()
    out = gateways.moon.run(os.path.join(BUILD, "sallyport"), "flush", "--runtime-dir", d.dir)
    assert "Removed what was left" in out
    assert "sallyport" not in gateways.moon.run("nft", "list", "tables")
