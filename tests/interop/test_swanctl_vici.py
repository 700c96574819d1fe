# SPDX-License-Identifier: Apache-2.0
"""The real swanctl 5.9.8, our own command and a vici client of the tests against our vici server."""
import json
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest

from net import wait_until
from peers import BUILD
from swanctl_tool import ViciHost, ours, theirs
from vici import CMD_REQUEST, Refused, Unknown, encode

# What strongSwan 5.9.8 sends for an IKEv1 SA over kernel-libipsec, in its order (read off charon); optional ones are marked.
IKE_FIELDS = ["uniqueid", "version", "state", "local-host", "local-port", "local-id", "remote-host", "remote-port", "remote-id", "initiator?",
              "initiator-spi", "responder-spi", "nat-local?", "nat-remote?", "nat-fake?", "nat-any?", "encr-alg?", "encr-keysize?", "integ-alg?",
              "prf-alg?", "dh-group?", "established?", "rekey-time?", "reauth-time?", "tasks-queued?", "tasks-active?", "tasks-passive?",
              "child-sas?"]
CHILD_FIELDS = ["name", "uniqueid", "reqid", "state", "mode", "protocol", "encap?", "spi-in", "spi-out", "encr-alg", "encr-keysize?", "integ-alg?",
                "dh-group?", "esn?", "bytes-in", "packets-in", "use-in?", "bytes-out", "packets-out", "use-out?", "rekey-time?", "life-time",
                "install-time", "local-ts", "remote-ts"]
CONN_FIELDS = ["local_addrs", "remote_addrs", "version", "reauth_time", "rekey_time", "unique", "dpd_delay?", "dpd_timeout?", "local-1", "remote-1",
               "children"]
CONN_CHILD_FIELDS = ["mode", "rekey_time", "rekey_bytes", "rekey_packets", "dpd_action", "close_action", "local-ts", "remote-ts"]


def in_order(message, fields):
    """The keys are those of the list, in its order; those with '?' may be missing."""
    want = [f.rstrip("?") for f in fields]
    assert [k for k in message if k not in want] == []
    assert list(message) == [f for f in want if f in message]
    assert [f for f in fields if not f.endswith("?") and f not in message] == []


@pytest.fixture
def host(tmp_path):
    h = ViciHost(tmp_path, theirs())
    yield h
    h.close()


@pytest.fixture
def loaded(host):
    host.load(ours(extra="dpd_delay = 30s"))
    return host


def test_load_all(host):
    out = host.load(ours())
    assert "loaded ike secret 'ike-site'" in out
    assert "loaded connection 'site'" in out
    assert "successfully loaded 1 connections, 0 unloaded" in out
    # What is no longer in the file is unloaded, secrets too.
    out = host.load(ours().replace("  site {", "  other {").replace("ike-site", "ike-other"))
    assert "loaded connection 'other'" in out and "successfully loaded 1 connections, 1 unloaded" in out
    with host.vici() as v:
        assert v.request("get-conns") == {"conns": ["other"]}
        assert v.request("get-shared") == {"keys": ["ike-other"]}


def test_load_all_explains_refusals(host):
    code, out = host.swanctl.run("--load-conns", "--file", host.write("bad.conf", ours().replace("version = 1", "versoin = 1")))
    assert code != 0
    assert "loading connection 'site' failed: site.versoin: unknown key 'versoin' in a connection; did you mean 'version'?" in out
    code, out = host.swanctl.run("--load-conns", "--file", host.write("bad.conf", ours().replace("version = 1", "version = 2")))
    assert "version = 2 is not yet supported" in out


def test_list_conns(loaded):
    out = loaded.swanctl.ok("--list-conns")
    assert out.splitlines()[0] == "site: IKEv1, reauthentication every 14400s, dpd delay 30s"
    assert "  local:  10.77.0.1\n  remote: 10.77.0.2\n  local pre-shared key authentication:\n    id: moon\n" in out
    assert "  net: TUNNEL, rekeying every 3600s, dpd action is none\n    local:  10.1.0.0/16\n    remote: 10.2.0.0/16" in out


def test_initiate_and_list_sas(loaded):
    out = loaded.swanctl.ok("--initiate", "--child", "net")
    assert out.endswith("initiate completed successfully")
    assert "[IKE] initiating Main Mode IKE_SA site[1] to 10.77.0.2" in out
    assert "[IKE] IKE_SA site[1] established between 10.77.0.1[moon]...10.77.0.2[sun]" in out
    loaded.swanctl.ok("--initiate", "--child", "pfs")
    out = loaded.swanctl.ok("--list-sas")
    assert re.match(r"site: #1, ESTABLISHED, IKEv1, [0-9a-f]{16}_i\* [0-9a-f]{16}_r\n", out)
    assert "  local  'moon' @ 10.77.0.1[500]\n  remote 'sun' @ 10.77.0.2[500]\n" in out
    assert re.search(r"^  established \d+s ago, rekeying in \d+s$", out, re.M)
    assert re.search(r"^  net: #1, reqid 1, INSTALLED, TUNNEL, ESP:AES_GCM_16-\d+$", out, re.M)
    assert re.search(r"^  pfs: #2, reqid 2, INSTALLED, TUNNEL, ESP:AES_CBC-256/HMAC_SHA2_256_128/MODP_2048$", out, re.M)
    assert re.search(r"^    installed \d+s ago, rekeying in \d+s, expires in \d+s$", out, re.M)
    assert re.search(r"^    in  [0-9a-f]{8},  84000 bytes,  1000 packets,     0s ago$", out, re.M)
    assert re.search(r"^    local  10.1.0.0/16\n    remote 10.2.0.0/16$", out, re.M)


def test_field_order_is_strongswans(loaded):
    with loaded.vici() as v:
        v.request("initiate", {"child": "net", "timeout": "5000"})
        answer, sas = v.stream("list-sas", "list-sa")
        assert answer == {} and len(sas) == 1
        in_order(sas[0]["site"], IKE_FIELDS)
        assert list(sas[0]["site"]["child-sas"]) == ["net-1"]
        in_order(sas[0]["site"]["child-sas"]["net-1"], CHILD_FIELDS)
        _, conns = v.stream("list-conns", "list-conn")
        in_order(conns[0]["site"], CONN_FIELDS)
        in_order(conns[0]["site"]["children"]["net"], CONN_CHILD_FIELDS)
        assert conns[0]["site"]["local-1"] == {"id": "moon", "class": "pre-shared key", "groups": [], "cert_policy": [], "certs": [], "cacerts": []}
        # Filters.
        assert v.stream("list-sas", "list-sa", {"ike": "nix"})[1] == []
        assert v.stream("list-sas", "list-sa", {"ike-id": "2"})[1] == []
        assert len(v.stream("list-sas", "list-sa", {"ike-id": "1"})[1]) == 1
        assert v.stream("list-sas", "list-sa", {"child": "pfs"})[1][0]["site"]["child-sas"] == {}
        assert v.stream("list-conns", "list-conn", {"ike": "nix"})[1] == []


def test_rekey_and_terminate(loaded):
    s = loaded.swanctl
    s.ok("--initiate", "--child", "net")
    assert s.ok("--rekey", "--child", "net").endswith("rekey completed successfully")
    assert wait_until(lambda: re.search(r"net: #2, reqid 1, INSTALLED", s.ok("--list-sas")))
    assert s.ok("--rekey", "--ike", "site").endswith("rekey completed successfully")
    assert wait_until(lambda: re.search(r"site: #2, ESTABLISHED", s.ok("--list-sas")))
    out = s.ok("--terminate", "--child", "net")
    assert "closing CHILD_SA net{2}" in out and out.endswith("terminate completed successfully")
    assert "net: #" not in s.ok("--list-sas")
    assert s.ok("--terminate", "--ike", "site").endswith("terminate completed successfully")
    assert wait_until(lambda: s.ok("--list-sas") == "")


def test_by_ids_and_by_force(loaded):
    s = loaded.swanctl
    # Phase 1 alone, without a child.
    assert s.ok("--initiate", "--ike", "site").endswith("initiate completed successfully")
    out = s.ok("--list-sas", "--noblock")
    assert "site: #1, ESTABLISHED" in out and "INSTALLED" not in out
    s.ok("--initiate", "--child", "net", "--ike", "site")
    s.ok("--initiate", "--child", "pfs", "--timeout", "5", "--loglevel", "2")
    assert s.ok("--terminate", "--child-id", "2").endswith("terminate completed successfully")
    assert "pfs: #" not in s.ok("--list-sas") and "net: #1" in s.ok("--list-sas", "--ike-id", "1")
    assert s.ok("--rekey", "--child-id", "1").endswith("rekey completed successfully")
    loaded.deaf()
    assert s.ok("--terminate", "--ike-id", "1", "--force").endswith("terminate completed successfully")
    assert wait_until(lambda: s.ok("--list-sas") == "")


@pytest.mark.parametrize("args", [["--list-certs"], ["--list-authorities"], ["--list-pools"], ["--flush-certs"], ["--load-creds", "--clear", "--noprompt"],
                                  ["--load-pools"], ["--load-authorities"], ["--list-conns", "--raw"], ["--list-sas", "--pretty"], ["--stats", "--raw"]],
                         ids=" ".join)
def test_the_rest_of_swanctl(loaded, args):
    loaded.swanctl.ok(*args)


def test_reload_settings_tells_why_not(loaded):
    code, out = loaded.swanctl.run("--reload-settings")
    assert code != 0 and "the settings cannot be read again here" in out


def test_failures_as_strongswan_says_them(loaded):
    with loaded.vici() as v:
        for command, args, words in [
            ("initiate", {}, "missing configuration name"),
            ("initiate", {"child": "nix"}, "CHILD_SA config 'nix' not found"),
            ("initiate", {"ike": "nix"}, "IKE_SA config 'nix' not found"),
            ("initiate", {"child": "net", "ike": "nix"}, "CHILD_SA config 'net' not found"),
            ("terminate", {"timeout": "500"}, "missing terminate selector"),
            ("terminate", {"ike": "site"}, "no matching SAs to terminate found"),
            ("terminate", {"ike-id": "99"}, "no matching SAs to terminate found"),
            ("rekey", {}, "missing rekey selector"),
            ("rekey", {"child": "net"}, "no matching SAs to rekey found"),
            ("install", {"child": "nix"}, "configuration name not found"),
            ("uninstall", {"child": "nix"}, "policy 'nix' not found"),
            ("unload-conn", {"name": "nix"}, "unload: connection 'nix' not found"),
            ("unload-conn", {}, "unload: missing connection name"),
            ("load-shared", {"type": "ike"}, "shared key data missing"),
            ("unload-shared", {}, "unique identifier missing"),
        ]:
            with pytest.raises(Refused) as e:
                v.request(command, args)
            assert e.value.args[0] == words
        with pytest.raises(Unknown):
            v.request("nosuch")
        with pytest.raises(Unknown):
            v.register("nosuch")
        # Nothing of that ended the connection.
        assert v.request("version")["daemon"] == "sallyport"


def test_commands_that_come_later_are_refused_clearly(host):
    with host.vici() as v:
        with pytest.raises(Refused) as e:
            v.request("redirect", {"ike": "x"})
        assert e.value.args[0]


def test_credentials_are_refused_with_the_reason(host):
    with host.vici() as v:
        for command, args, words in [
            ("load-cert", {"type": "X509", "data": b"\x30\x00"}, "it is none in PEM or DER"),
            ("load-cert", {"type": "X509_CRL", "data": b"\x30\x00"}, "no revocation list"),
            ("load-cert", {"type": "X509_AC", "data": b"\x30\x00"}, "there are X509, X509_CRL and PUBKEY"),
            ("load-cert", {"type": "X509"}, "data missing"),
            ("load-cert", {"data": "x"}, "type missing"),
            ("load-key", {"type": "rsa", "data": "x"}, "it holds no private key"),
            ("unload-key", {"id": "00" * 20}, "not found"),
            ("unload-key", {"id": "nix"}, "not found"),
            ("load-token", {}, "tokens are not supported"),
            ("load-authority", {"x": {}}, "names no CA"),
            ("unload-authority", {"name": "x"}, "authority 'x' not found"),
        ]:
            with pytest.raises(Refused) as e:
                v.request(command, args)
            assert words in e.value.args[0]
        assert v.request("get-keys") == {"keys": []}
        assert v.request("get-authorities") == {"authorities": []}
        assert v.stream("list-certs", "list-cert") == ({}, [])
        assert v.stream("list-authorities", "list-authority") == ({}, [])
        assert v.request("flush-certs") == {"success": "yes"}


def test_timeouts(loaded):
    loaded.deaf()
    with loaded.vici() as v:
        start = time.monotonic()
        with pytest.raises(Refused) as e:
            v.request("initiate", {"child": "net", "timeout": "400"})
        assert 0.3 < time.monotonic() - start < 60 # the attempt itself goes on for 165 s
        assert e.value.args[0].startswith("CHILD_SA 'net' not established after 400ms")
        # -1: do not wait at all.
        start = time.monotonic()
        assert v.request("initiate", {"child": "pfs", "timeout": "-1"}) == {"success": "yes"}
        assert time.monotonic() - start < 60


def test_the_peers_silence_is_told(loaded):
    loaded.deaf()
    code, out = loaded.swanctl.run("--initiate", "--child", "net")
    assert code != 0
    assert "initiate failed: establishing CHILD_SA 'net' failed: the peer 10.77.0.2[500] does not answer" in out
    code, out = loaded.cli("up", "net")
    assert code == 1 and "UDP ports 500 and 4500" in out
    code, out = loaded.cli("status")
    assert code == 0 and re.search(r"last failure \d+s ago: .*does not answer", out)


def test_control_log_keeps_to_its_level_and_connection(loaded):
    with loaded.vici() as v:
        v.register("control-log")
        v.request("initiate", {"child": "net", "loglevel": "-1"})
        assert v.events == []
        v.request("terminate", {"ike": "site", "loglevel": "1"})
        logs = [m for n, m in v.events if n == "control-log"]
        assert logs and all(list(m)[:2] == ["group", "level"] and m["ikesa-name"] == "site" for m in logs)
        # Only while a command runs.
        v.events.clear()
        with loaded.vici() as w:
            w.request("initiate", {"child": "net"})
        assert v.request("version") and v.events == []


def events_until(ev, last):
    """All events as far as the one that is meant."""
    seen = []
    while not seen or not last(*seen[-1]):
        seen.append(ev.next_event())
    return seen


def test_events(loaded):
    with loaded.vici() as ev, loaded.vici() as v:
        for e in ("ike-updown", "child-updown", "child-rekey", "ike-rekey", "ike-update", "log"):
            ev.register(e)
        v.request("initiate", {"child": "net"})
        v.request("rekey", {"child": "net"})
        seen = events_until(ev, lambda n, m: n == "child-rekey")
        v.request("terminate", {"ike": "site"})
        seen += events_until(ev, lambda n, m: n == "ike-updown")
    logs = [m for n, m in seen if n == "log"]
    assert logs and all(list(m)[:3] == ["group", "level", "thread"] and list(m)[-1] == "msg" for m in logs)
    assert all(int(m["level"]) <= 1 for m in logs)
    changes = [(n, m) for n, m in seen if n != "log"]
    assert [n for n, _ in changes][:3] == ["ike-updown", "child-updown", "child-rekey"]
    up, child_up, rekey = changes[0][1], changes[1][1], changes[2][1]
    assert list(up) == ["up", "site"] and up["up"] == "yes" and "child-sas" not in up["site"]
    in_order(up["site"], IKE_FIELDS)
    assert child_up["up"] == "yes" and list(child_up["site"]["child-sas"]) == ["net-1"]
    assert list(rekey["site"]["child-sas"]["net"]) == ["old", "new"]
    assert rekey["site"]["child-sas"]["net"]["old"]["uniqueid"] == "1" and rekey["site"]["child-sas"]["net"]["new"]["uniqueid"] == "2"
    # Down: without "up", and still with all that was known of it.
    downs = [m for n, m in changes if n == "ike-updown" and "up" not in m]
    assert len(downs) == 1 and downs[0]["site"]["state"] == "DELETING" and downs[0]["site"]["remote-id"] == "sun"
    gone = [m["site"]["child-sas"] for n, m in changes if n == "child-updown" and "up" not in m]
    assert {c for m in gone for c in m} == {"net-1", "net-2"}
    for m in gone:
        in_order(list(m.values())[0], CHILD_FIELDS)


def test_monitor_and_log_of_swanctl(loaded):
    for option, said in (("--monitor-sa", "ike-updown|established"), ("--log", r"IKE_SA site\[\d+\] established between")):
        def once():
            loaded.swanctl.ok("--initiate", "--child", "net")
            loaded.swanctl.ok("--terminate", "--ike", "site")
        follow(loaded.swanctl.popen(option), said, once)


def follow(p, said, again):
    """Does it again until the process says it: when a process began to listen cannot be seen."""
    out = []
    threading.Thread(target=lambda: out.extend(iter(p.stdout.readline, "")), daemon=True).start()

    def heard():
        again()
        return wait_until(lambda: re.search(said, "".join(out), re.M), 1)
    assert wait_until(heard), "".join(out)
    p.send_signal(signal.SIGINT)
    assert p.wait(30) in (0, 130, -signal.SIGINT), "".join(out)


def test_stats_counters_algorithms(loaded):
    out = loaded.swanctl.ok("--stats")
    assert re.search(r"^uptime: \d+ seconds?, since \w{3} \d\d \d\d:\d\d:\d\d \d{4}$", out, re.M)
    assert re.search(r"^IKE_SAs: 0 total, 0 half-open$", out, re.M)
    loaded.swanctl.ok("--initiate", "--child", "net")
    assert re.search(r"^IKE_SAs: 1 total, 0 half-open$", loaded.swanctl.ok("--stats"), re.M)
    out = loaded.swanctl.ok("--list-algs")
    assert "AES_CBC[sallyport]" in out and "CURVE_25519[sallyport]" in out
    loaded.swanctl.ok("--rekey", "--child", "net")
    assert wait_until(lambda: re.search(r"^\s*child-rekey\s*:\s+1$", loaded.swanctl.ok("--counters"), re.M))
    loaded.swanctl.ok("--counters", "--reset")
    assert not re.search(r"^\s*child-rekey\s*:\s+1$", loaded.swanctl.ok("--counters"), re.M)


def test_traps(loaded):
    s = loaded.swanctl
    assert s.ok("--list-pols") == ""
    assert s.ok("--install", "--child", "net").endswith("install completed successfully")
    assert "site/net, TUNNEL\n  local:  10.1.0.0/16\n  remote: 10.2.0.0/16" in s.ok("--list-pols")
    assert s.ok("--uninstall", "--child", "net").endswith("uninstall completed successfully")
    assert s.ok("--list-pols") == ""


def test_traps_of_start_actions_last_until_down(host):
    host.load(ours(child_extra="trapped { local_ts = 10.1.0.0/16\n remote_ts = 10.4.0.0/16\n start_action = trap\n }\n"
                   "clear { mode = pass\n local_ts = 10.1.0.0/16\n remote_ts = 10.1.0.0/16\n start_action = trap\n }"))
    s = host.swanctl
    assert s.ok("--list-pols", "--trap").splitlines()[0] == "site/trapped, TUNNEL"
    assert s.ok("--list-pols", "--pass").splitlines()[0] == "site/clear, PASS"
    code, out = host.cli("down", "trapped")
    assert code == 0, out
    assert s.ok("--list-pols", "--trap") == ""


def test_secrets_over_vici(loaded):
    with loaded.vici() as v:
        v.request("load-shared", {"id": "b", "type": "IKE", "data": b"\x00\x01\xff", "owners": ["moon", "*.example"]})
        assert sorted(v.request("get-shared")["keys"]) == ["b", "ike-site"]
        v.request("unload-shared", {"id": "b"})
        assert v.request("get-shared")["keys"] == ["ike-site"]
        v.request("clear-creds")
        assert v.request("get-shared")["keys"] == []
        # Without a secret nothing can be negotiated, and the reason is told.
        with pytest.raises(Refused) as e:
            v.request("initiate", {"child": "net"})
        assert "secret" in e.value.args[0]
        with pytest.raises(Refused) as e:
            v.request("load-shared", {"type": "ike", "data": "x", "owners": ["C=CH, XX=x"]})
        assert e.value.args[0].startswith("owners: ")


def test_socket_is_private(host):
    mode = os.stat(host.socket).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


def cut(client):
    """Waits until the daemon has closed it; the deadline is the socket's."""
    try:
        return client.sock.recv(1) == b""
    except ConnectionError:
        return True


def served(host):
    """Whether a new client is, at once."""
    try:
        with host.vici() as v:
            return v.request("version")["daemon"] == "sallyport"
    except (EOFError, ConnectionError):
        return False


def test_many_clients_and_pipelined_requests(loaded):
    clients = [loaded.vici() for _ in range(60)]
    for c in clients:
        assert c.request("version")["daemon"] == "sallyport"
    # A client too many is cut at once; the others stay.
    extra = [loaded.vici() for _ in range(8)]
    assert cut(extra[-1])
    assert clients[0].request("version")
    for c in clients + extra:
        c.close()
    assert wait_until(lambda: served(loaded))
    with loaded.vici() as v:
        packet = bytes([CMD_REQUEST]) + b"\x07version"
        v.sock.sendall((struct.pack("!I", len(packet)) + packet) * 5000)
        for _ in range(5000):
            kind, _ = v.receive_packet()
            assert kind == 1


def test_hostile_clients(loaded):
    for raw in [struct.pack("!I", 0x7fffffff), struct.pack("!I", 512 * 1024 + 1) + b"x", struct.pack("!I", 1) + b"\x09", struct.pack("!I", 0),
                struct.pack("!I", 2) + b"\x00\x05", struct.pack("!I", 1) + b"\x01", struct.pack("!I", 1) + b"\x07"]:
        with loaded.vici(5) as v:
            v.sock.sendall(raw)
            with pytest.raises((EOFError, ConnectionError)):
                v.receive_packet()
    with loaded.vici() as v:
        for message, words in [(b"\x02", "is closed that was never opened"), (b"\x01\x01a", "is not closed"), (b"\x03\x01k\x00\x09v", "within an element"),
                               (b"\x01\x01a" * 40, "nested too deep"), (b"\x03\x01k\x00\x00" * 20001, "too many elements")]:
            v.send_packet(CMD_REQUEST, "load-conn", message)
            kind, raw = v.answer()
            assert kind == 1 and words.encode() in raw
        # A packet that never ends costs nothing and hinders nobody.
        with loaded.vici() as slow:
            slow.sock.sendall(struct.pack("!I", 400000) + b"\x00")
            assert v.request("version")


def test_a_client_that_leaves_during_its_command(loaded):
    loaded.deaf()
    v = loaded.vici()
    v.send_packet(CMD_REQUEST, "initiate", encode({"child": "net"}))
    with loaded.vici() as w:
        def under_way():
            return w.request("stats")["ikesas"]["total"] != "0"
        assert wait_until(under_way)
        v.close()
        w.request("terminate", {"ike": "site", "force": "yes"})   # so that the command ends, of which nobody is told
        assert wait_until(lambda: not under_way())
    assert served(loaded)


def test_a_slow_reader_is_cut_and_the_others_served(loaded):
    with loaded.vici() as slow, loaded.vici() as v:
        packet = bytes([CMD_REQUEST]) + b"\x05stats"
        slow.sock.settimeout(10)
        try:
            slow.sock.sendall((struct.pack("!I", len(packet)) + packet) * 40000)
        except OSError:
            pass
        assert v.request("version")
        answers = 0
        with pytest.raises((EOFError, ConnectionError)):
            while True:
                slow.receive_packet()
                answers += 1
        assert answers < 20000
        assert v.request("version")


def test_our_own_command(loaded):
    code, out = loaded.cli("up", "site")
    assert code == 0 and "site.net is up" in out and "site.pfs is up" in out
    assert "IKE initiating Main Mode IKE_SA site[1] to 10.77.0.2" in out
    code, out = loaded.cli("status")
    assert code == 0
    assert "1 Phase 1 SA, 2 Phase 2s" in out, out
    assert re.search(r"^site\[1\]  ESTABLISHED  IKEv1  10.77.0.1\[500\] moon --> 10.77.0.2\[500\] sun$", out, re.M)
    assert re.search(r"^    net\{1\}  +10.1.0.0/16 <=> 10.2.0.0/16  INSTALLED  AES_GCM_16-\d+ .* 84 kB, 1000 packets  1.2 MB, 2000 packets$", out, re.M)
    rows = [x for x in out.splitlines() if x.startswith("    PHASE 2") or "INSTALLED" in x]
    assert len(rows) == 3 and len({x.find("INSTALLED") for x in rows[1:]} | {rows[0].find("STATE")}) == 1, out
    assert "\033[" not in out
    code, out = loaded.cli("rekey", "site.net")
    assert code == 0
    code, out = loaded.cli("down", "pfs")
    assert code == 0 and "site.pfs is down" in out
    assert wait_until(lambda: re.search(r"^    pfs  10.1.0.0/16 <=> 10.3.0.0/16  not up$", loaded.cli("status")[1], re.M))
    code, out = loaded.cli("down", "site")
    assert code == 0
    _, out = loaded.cli("status")
    assert "site  down  to 10.77.0.2" in out
    for verb in "up", "status":
        code, out = loaded.cli(verb, "nix")
        assert code == 1 and "there is no connection or child 'nix'" in out and "site (net, pfs)" in out


@pytest.mark.parametrize("name", ["site", "pfs", "site.pfs", "site/pfs"])
def test_status_of_one(loaded, name):
    loaded.cli("up", "site")
    code, out = loaded.cli("status", name)
    assert code == 0 and out.startswith("site[1]  ESTABLISHED") and "pfs{" in out, out
    assert ("    net{" in out) == (name == "site"), "of a child, only its own row: " + out
    assert [sa["name"] for sa in json.loads(loaded.cli("status", name, "--json")[1])["ike-sas"]] == ["site"]
    loaded.cli("down", "pfs")
    assert wait_until(lambda: "not up" in loaded.cli("status", name)[1])
    assert loaded.cli("status", name)[1].startswith("site[1]  ESTABLISHED")
    loaded.cli("down", "site")
    code, out = loaded.cli("status", name)
    assert code == 0 and out.startswith("site  down  to 10.77.0.2"), out
    assert "    pfs  " in out and ("    net  " in out) == (name == "site"), out


def test_an_operators_rekey_is_not_called_due(loaded):
    loaded.cli("up", "net")
    code, out = loaded.cli("rekey", "site")
    assert code == 0 and "rekeying IKE_SA site[1]" in out and "due" not in out, out


def test_status_json(loaded):
    loaded.cli("up", "net")
    code, out = loaded.cli("status", "--json")
    s = json.loads(out)
    assert code == 0
    sa = s["ike-sas"][0]
    assert sa["name"] == "site" and sa["uniqueid"] == 1 and sa["state"] == "ESTABLISHED" and sa["initiator"] is True
    assert isinstance(sa["initiator-spi"], str)
    child = sa["child-sas"][0]
    assert child["name"] == "net" and child["bytes-in"] == 84000 and child["local-ts"] == ["10.1.0.0/16"]
    assert [c["name"] for c in s["connections"][0]["children"]] == ["net", "pfs"]


def test_log_follows(loaded):
    # Where the tests run in the background of a script they ignore Ctrl-C, and so would it.
    p = subprocess.Popen([os.path.join(BUILD, "sallyport"), "log", "-f", "--socket", loaded.socket], text=True, stdout=subprocess.PIPE,
                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def once():
        loaded.swanctl.ok("--initiate", "--child", "net")
        loaded.swanctl.ok("--terminate", "--ike", "site")
    follow(p, r"^\d\d:\d\d:\d\d \[IKE\] <site\|\d+> IKE_SA site\[\d+\] established", once)


def test_log_of_every_level(loaded):
    with loaded.vici() as ev:
        ev.register("log-all")
        loaded.swanctl.ok("--initiate", "--child", "net")
        ev.sock.settimeout(1)
        levels = set()
        try:
            while True:
                levels.add(ev.next_event()[1]["level"])
        except (TimeoutError, socket.timeout):
            pass
    assert {"0", "1"} & levels and any(int(x) > 1 for x in levels), levels


def test_version_0_only_answers(host):
    host.load(ours().replace("version = 1", "version = 0"))
    code, out = host.swanctl.run("--initiate", "--child", "net")
    assert code != 0 and "set version = 1" in out


def test_connections_of_the_file_are_not_vicis(tmp_path):
    h = ViciHost(tmp_path, theirs(), ours())
    try:
        with h.vici() as v:
            assert v.request("get-conns") == {"conns": []}
            assert v.request("get-shared") == {"keys": []}
            assert [list(m) for m in v.stream("list-conns", "list-conn")[1]] == [["site"]]
            assert v.request("initiate", {"child": "net"}) == {"success": "yes"}
        # swanctl --load-all with other connections leaves it alone.
        h.load(ours().replace("  site {", "  other {"))
        with h.vici() as v:
            assert sorted(list(m)[0] for m in v.stream("list-conns", "list-conn")[1]) == ["other", "site"]
    finally:
        h.close()
