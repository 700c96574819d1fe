# SPDX-License-Identifier: Apache-2.0
"""Certificates with strongSwan 5.9.8 and libreswan at the other end, in both roles: chains, CAs, identities, revocation.
The certificates are made for each test; the judge of "established" is the peer's own byte counters."""
import os
import re
import signal
import subprocess
import sys

import pytest

from config import section
from net import run, wait_until
from peers import BUILD, PEERS, ROOT, Charon, Pluto, Sallyport

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from make_pki import Authority, Folder, der, key_bytes, make_key, p12, pem, public_bytes  # noqa: E402

MOON, SUN = "C=CH, O=Sallyport, CN=moon", "C=CH, O=Sallyport, CN=sun"
PROPOSALS = {"rsa": "aes128-sha256-modp2048", 256: "aes128-sha256-ecp256", 384: "aes256-sha384-ecp384", 521: "aes256-sha512-ecp521"}


def folder(host):
    """Beside swanctl.conf, before the daemon starts."""
    return Folder(os.path.join(host.net.tmp, host.name))


def key_of(kind):
    return make_key("rsa", 2048) if kind == "rsa" else make_key("ec", kind)


def equip(host, issued, cas, name="own"):
    f = folder(host)
    f.put("x509/%s.pem" % name, pem(issued.cert))
    f.put("private/%s.pem" % name, key_bytes(issued.key, "traditional"))
    for i, ca in enumerate(cas):
        f.put("x509ca/ca%d.pem" % i, pem(ca.cert))
    return f


def conf(ours, local=None, remote=None, more=None, extra="", **conn):
    """One connection from one end: ours is "moon" or "sun"."""
    here, there = ("10.77.0.1", "10.77.0.2") if ours == "moon" else ("10.77.0.2", "10.77.0.1")
    nets = ("10.1.0.0/16", "10.2.0.0/16") if ours == "moon" else ("10.2.0.0/16", "10.1.0.0/16")
    items = dict(version=1, local_addrs=here, remote_addrs=there, proposals=PROPOSALS[256], send_cert="always")
    items.update(conn)
    items["local"] = dict(dict(auth="pubkey", certs="own.pem"), **(local or {}))
    items["remote"] = dict(dict(auth="pubkey"), **(remote or {}))
    items["children"] = {"net": dict(local_ts=nets[0], remote_ts=nets[1])}
    connections = {"site": items}
    connections.update(more or {})
    return "\n".join(section("connections", connections)) + "\n" + extra


def root_with_hosts(sites, kind=256, **sun_more):
    """One CA, moon and sun under it."""
    root = Authority()
    moon = root.issue(MOON, ["moon.example.org"], key=key_of(kind))
    sun = root.issue(SUN, ["sun.example.org", "sun@example.org", "10.77.0.2"], key=key_of(kind), **sun_more)
    equip(sites.moon, moon, [root])
    equip(sites.sun, sun, [root])
    return root, moon, sun


def established(ours, theirs):
    assert wait_until(lambda: "INSTALLED" in ours.list_sas() and "INSTALLED" in theirs.list_sas()), ours.log()


def carried(sites, theirs):
    assert sites.alice.ping("10.2.0.10", 3, interval=0.2) == 3
    assert any(i >= 200 and o >= 200 for i, o in theirs.bytes()), theirs.list_sas()


def refused(ours, theirs, why, we_initiate=False):
    """The peer initiates; we say no, and why."""
    (ours if we_initiate else theirs).initiate("net", check=False, timeout=8)
    ours.wait_log(why)
    assert "ESTABLISHED" not in ours.list_sas()


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
@pytest.mark.parametrize("kind", ["rsa", 256, 384, 521])
def test_main_mode(sites, kind, we_initiate):
    root_with_hosts(sites, kind)
    ours = Sallyport(sites.moon, conf("moon", proposals=PROPOSALS[kind]))
    theirs = Charon(sites.sun, conf("sun", proposals=PROPOSALS[kind]))
    (ours if we_initiate else theirs).initiate("net")
    carried(sites, theirs)
    assert re.search("certificate C=CH, O=Sallyport, CN=sun, trusted through", ours.log())


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
@pytest.mark.parametrize("kind", ["rsa", 384])
def test_aggressive_mode(sites, kind, we_initiate):
    root_with_hosts(sites, kind)
    more = dict(proposals=PROPOSALS[kind], aggressive="yes")
    ours = Sallyport(sites.moon, conf("moon", **more), extra="charon { sallyport { aggressive_mode_without_pfs = yes } }\n")
    theirs = Charon(sites.sun, conf("sun", **more))
    (ours if we_initiate else theirs).initiate("net")
    carried(sites, theirs)


def test_the_example(sites):
    """examples/certificates.conf, with the files that its first lines name, brings a tunnel up."""
    root = Authority("C=CH, O=Example, CN=Example CA")
    moon = root.issue("C=CH, O=Example, CN=moon", ["moon.example.org"])
    equip(sites.sun, root.issue("C=CH, O=Example, CN=sun", ["sun.example.org"]), [root])
    f = folder(sites.moon)
    f.put("x509/moon.pem", pem(moon.cert))
    f.put("private/moon.pem", key_bytes(moon.key))
    f.put("x509ca/ca.pem", pem(root.cert))
    path = f.put("swanctl.conf", open(os.path.join(ROOT, "examples", "certificates.conf"), "rb").read())
    check = [os.path.join(BUILD, "sallyportd"), "--check-config", "--config", path]
    assert "warning" not in run(*check)
    key, away = os.path.join(f.path, "private", "moon.pem"), os.path.join(f.path, "moon.away")
    os.rename(key, away)
    assert "warning: connection 'sun' cannot authenticate itself: there is no private key" in run(*check)
    os.rename(away, key)
    with open(path) as example:
        ours = Sallyport(sites.moon, example.read().replace("remote_addrs = sun.example.org", "remote_addrs = 10.77.0.2"))
    theirs = Charon(sites.sun, conf("sun", dict(id="sun.example.org"), dict(id="moon.example.org"), proposals="aes256-sha256-ecp256"))
    ours.initiate("lan")
    carried(sites, theirs)


@pytest.mark.parametrize("sun_id,expected", [
    ("sun.example.org", "sun.example.org"),
    ("sun@example.org", "*@example.org"),
    ("10.77.0.2", "10.77.0.2"),
    ('"C=CH, O=Sallyport, CN=sun"', '"C=CH, O=Sallyport, CN=*"'),
    (None, '"C=*, O=Sallyport, CN=sun"'),
])
def test_identities(sites, sun_id, expected):
    root_with_hosts(sites)
    ours = Sallyport(sites.moon, conf("moon", dict(id="moon.example.org"), dict(id=expected)))
    theirs = Charon(sites.sun, conf("sun", dict(id=sun_id), dict(id="moon.example.org")))
    ours.initiate("net")
    carried(sites, theirs)


def test_an_identity_that_the_certificate_has_not(sites):
    root_with_hosts(sites)
    ours = Sallyport(sites.moon, conf("moon", remote=dict(id='"C=CH, O=Sallyport, CN=venus"')))
    theirs = Charon(sites.sun, conf("sun"))
    refused(ours, theirs, "C=CH, O=Sallyport, CN=sun")


@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_intermediate_cas_are_sent_and_taken(sites, we_initiate):
    root = Authority()
    research = Authority("C=CH, O=Sallyport, OU=Research, CN=Research CA", parent=root)
    sales = Authority("C=CH, O=Sallyport, OU=Sales, CN=Sales CA", parent=root)
    equip(sites.moon, research.issue(MOON, ["moon.example.org"]), [root, research])
    equip(sites.sun, sales.issue(SUN, ["sun.example.org"]), [root, sales])
    ours, theirs = Sallyport(sites.moon, conf("moon")), Charon(sites.sun, conf("sun"))
    (ours if we_initiate else theirs).initiate("net")
    carried(sites, theirs)
    assert "trusted through C=CH, O=Sallyport, CN=Sallyport Root CA" in ours.log()


def test_the_ca_decides_which_connection_it_is(sites):
    root = Authority()
    research = Authority("C=CH, O=Sallyport, OU=Research, CN=Research CA", parent=root)
    sales = Authority("C=CH, O=Sallyport, OU=Sales, CN=Sales CA", parent=root)
    equip(sites.moon, research.issue(MOON), [root, research, sales])
    equip(sites.sun, sales.issue(SUN), [root, sales])
    other = dict(version=1, local_addrs="10.77.0.1", remote_addrs="10.77.0.2", proposals=PROPOSALS[256], local=dict(certs="own.pem"),
                 remote=dict(cacerts="ca1.pem"), children={"research": dict(local_ts="10.1.0.0/16", remote_ts="10.2.0.0/16")})
    ours = Sallyport(sites.moon, conf("moon", remote=dict(cacerts="ca2.pem"), more={"research": other}))
    theirs = Charon(sites.sun, conf("sun"))
    theirs.initiate("net")
    carried(sites, theirs)
    assert re.search(r"^site: #\d+, ESTABLISHED", ours.list_sas(), re.M), ours.list_sas()


def test_a_ca_that_is_not_ours(sites):
    root, stranger = Authority(), Authority("C=CH, O=Elsewhere, CN=Elsewhere CA")
    equip(sites.moon, root.issue(MOON), [root])
    equip(sites.sun, stranger.issue(SUN), [stranger, root])
    refused(Sallyport(sites.moon, conf("moon")), Charon(sites.sun, conf("sun")), "no-trusted-issuer.*x509ca")


def test_an_expired_certificate(sites):
    root_with_hosts(sites, before=-20, after=-10)
    refused(Sallyport(sites.moon, conf("moon")), Charon(sites.sun, conf("sun")), r"certificate-expired.*it has expired: it ended at 20\d\d-")


def check_config(host, text):
    """What --check-config says of this configuration beside the folders of the host."""
    return run(os.path.join(BUILD, "sallyportd"), "--check-config", "--config", folder(host).put("swanctl.conf", text.encode()), check=False)


def test_what_check_config_says_of_our_own_certificate(sites):
    """An expired one, a key that belongs to another one, sections that fit no method: said before anybody tries."""
    root_with_hosts(sites, before=-20, after=-10)
    assert "warning" not in check_config(sites.moon, conf("moon"))
    assert re.search("warning: connection 'site': peers refuse our certificate .*CN=sun: it has expired: it ended at 20", check_config(sites.sun, conf("sun")))
    folder(sites.moon).put("private/own.pem", key_bytes(key_of(256), "traditional"))
    said = check_config(sites.moon, conf("moon"))
    assert "there is no private key for our certificate C=CH, O=Sallyport, CN=moon (those that are there belong to other ones): put" in said, said
    said = check_config(sites.moon, conf("moon", remote=dict(auth="psk")))
    assert "warning: connection site: IKEv1 has no method for what its local.auth and remote.auth say together" in said, said
    # draft-ietf-ipsec-isakmp-hybrid-auth-05 has numbers for RSA and DSS only.
    assert "warning: connection site: XAUTH goes with pre-shared keys and RSA keys only" in check_config(sites.sun, conf("sun", remote=dict(auth="xauth")))


def test_weak_keys_are_by_name_only(sites):
    root = Authority()
    equip(sites.moon, root.issue(MOON, key=key_of("rsa")), [root])
    equip(sites.sun, root.issue(SUN, key=make_key("rsa", 1024)), [root])
    theirs = Charon(sites.sun, conf("sun", proposals=PROPOSALS["rsa"]))
    ours = Sallyport(sites.moon, conf("moon", proposals=PROPOSALS["rsa"]))
    refused(ours, theirs, "RSA key is shorter than auth allows")
    ours.stop()
    ours = Sallyport(sites.moon, conf("moon", remote=dict(auth="rsa-1024-sha256"), proposals=PROPOSALS["rsa"]))
    ours.initiate("net")
    established(ours, theirs)


# ---- revocation

def serve(host, path, port):
    """A web server on a host; it goes with the network."""
    p = host.popen("/usr/bin/python3", "-m", "http.server", "--directory", path, str(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    host.net.undo.append(p.kill)
    assert wait_until(lambda: "LISTEN" in host.run("ss", "-ltnH", "sport = :%d" % port))


@pytest.mark.parametrize("revoked", [True, False])
def test_a_list_in_the_folder(sites, revoked):
    root, _, sun = root_with_hosts(sites)
    if revoked:
        root.revoke(sun)
    folder(sites.moon).put("x509crl/root.crl", der(root.crl()))
    ours, theirs = Sallyport(sites.moon, conf("moon", remote=dict(revocation="strict"))), Charon(sites.sun, conf("sun"))
    if revoked:
        refused(ours, theirs, "CN=sun has been revoked")
    else:
        theirs.initiate("net")
        carried(sites, theirs)


@pytest.mark.parametrize("policy,server,accepted", [
    ("strict", "good", True), ("strict", "revoked", False), ("strict", "none", False),
    ("ifuri", "none", False), ("relaxed", "none", True), ("relaxed", "revoked", False),
])
def test_a_list_by_http(sites, policy, server, accepted):
    root, _, sun = root_with_hosts(sites, crl_uris=["http://10.77.0.2:8080/root.crl"])
    if server != "none":
        if server == "revoked":
            root.revoke(sun)
        web = Folder(os.path.join(sites.sun.net.tmp, "web"))
        web.put("root.crl", der(root.crl()))
        serve(sites.sun, web.path, 8080)
    ours, theirs = Sallyport(sites.moon, conf("moon", remote=dict(revocation=policy))), Charon(sites.sun, conf("sun"))
    if accepted:
        ours.initiate("net")
        established(ours, theirs)
    else:
        refused(ours, theirs, "CN=sun (has been revoked|may have been revoked)")


@pytest.mark.parametrize("revoked", [True, False])
def test_a_list_by_ldap(sites, revoked):
    root, _, sun = root_with_hosts(sites, crl_uris=["ldap://10.77.0.2:3890/cn=Root CA, o=Example?certificateRevocationList"])
    if revoked:
        root.revoke(sun)
    path = Folder(os.path.join(sites.sun.net.tmp, "ldap")).put("root.crl", der(root.crl()))
    sites.sun.popen("/usr/bin/python3", os.path.join(ROOT, "tests", "interop", "ldap_one.py"), "3890", "certificateRevocationList;binary", path)
    assert wait_until(lambda: "LISTEN" in sites.sun.run("ss", "-ltnH", "sport = :3890"))
    ours, theirs = Sallyport(sites.moon, conf("moon", remote=dict(revocation="strict"))), Charon(sites.sun, conf("sun"))
    if revoked:
        refused(ours, theirs, "CN=sun has been revoked")
    else:
        theirs.initiate("net")
        established(ours, theirs)


@pytest.mark.parametrize("by", ["file", "swanctl"])
def test_a_fetched_list_is_kept_for_the_next_start(sites, by):
    root, _, sun = root_with_hosts(sites, crl_uris=["http://10.77.0.2:8080/root.crl"])
    web = Folder(os.path.join(sites.sun.net.tmp, "web"))
    web.put("root.crl", der(root.crl()))
    serve(sites.sun, web.path, 8080)
    kept = os.path.dirname(folder(sites.moon).put("x509crl/README.txt", b"lists"))
    text = conf("moon", remote=dict(revocation="strict"))

    def start(extra=""):
        d = Sallyport(sites.moon, text, extra=extra, load=by == "file", env={"SWANCTL_DIR": os.path.dirname(kept)})
        if by == "swanctl":
            d.swanctl("--load-all", "--file", os.path.join(d.dir, "swanctl.conf"))
        return d

    ours, theirs = start("charon { cache_crls = yes }\n"), Charon(sites.sun, conf("sun"))
    ours.initiate("net")
    established(ours, theirs)
    assert len(os.listdir(kept)) == 2
    ours.stop()
    os.unlink(os.path.join(web.path, "root.crl"))
    ours = start()
    ours.initiate("net")
    established(ours, theirs)


def test_nobody_is_asked_where_no_uri_is(sites):
    root_with_hosts(sites)
    ours, theirs = Sallyport(sites.moon, conf("moon", remote=dict(revocation="ifuri"))), Charon(sites.sun, conf("sun"))
    theirs.initiate("net")
    established(ours, theirs)


@pytest.mark.parametrize("revoked", [True, False])
def test_ocsp(sites, revoked):
    root, _, sun = root_with_hosts(sites)
    f = Folder(os.path.join(sites.sun.net.tmp, "ocsp"))
    responder = root.issue("C=CH, O=Sallyport, CN=Responder", eku=["1.3.6.1.5.5.7.3.9"])
    state = "R\t400101000000Z\t200101000000Z" if revoked else "V\t400101000000Z\t"
    index = f.put("index.txt", ("%s\t%02X\tunknown\t/C=CH/O=Sallyport/CN=sun\n" % (state, sun.cert.serial_number)).encode())
    p = sites.sun.popen("openssl", "ocsp", "-port", "8081", "-index", index, "-CA", f.put("ca.pem", pem(root.cert)), "-rsigner",
                        f.put("r.pem", pem(responder.cert)), "-rkey", f.put("r.key", key_bytes(responder.key)), "-nmin", "10",
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sites.sun.net.undo.append(p.kill)
    assert wait_until(lambda: "LISTEN" in sites.sun.run("ss", "-ltnH", "sport = :8081"))
    authorities = "\n".join(section("authorities", {"root": dict(cacert="ca0.pem", ocsp_uris="http://10.77.0.2:8081")})) + "\n"
    ours = Sallyport(sites.moon, conf("moon", remote=dict(revocation="strict"), extra=authorities))
    theirs = Charon(sites.sun, conf("sun"))
    if revoked:
        refused(ours, theirs, "CN=sun has been revoked")
    else:
        theirs.initiate("net")
        established(ours, theirs)
        assert "OCSP_RESPONSE" in ours.swanctl("--list-certs", "--type", "ocsp_response", "--raw")


# ---- keys

def test_locked_keys_and_containers(sites):
    root, moon, sun = root_with_hosts(sites, "rsa")
    f = folder(sites.moon)
    os.unlink(os.path.join(f.path, "private/own.pem"))
    f.put("private/locked.pem", key_bytes(moon.key, "pkcs8", "pem", b"open sesame"))
    secrets = "\n".join(section("secrets", {"private-own": dict(file="locked.pem", secret='"open sesame"')})) + "\n"
    ours = Sallyport(sites.moon, conf("moon", proposals=PROPOSALS["rsa"], extra=secrets))
    theirs = Charon(sites.sun, conf("sun", proposals=PROPOSALS["rsa"]))
    ours.initiate("net")
    established(ours, theirs)
    ours.stop()
    os.unlink(os.path.join(f.path, "private/locked.pem"))
    f.put("pkcs12/own.p12", p12(moon, b"open sesame", [root.cert]))
    secrets = "\n".join(section("secrets", {"pkcs12-own": dict(file="own.p12", secret='"open sesame"')})) + "\n"
    ours = Sallyport(sites.moon, conf("moon", proposals=PROPOSALS["rsa"], extra=secrets))
    ours.initiate("net")
    established(ours, theirs)


def test_a_key_that_comes_later(sites):
    root_with_hosts(sites)
    key = os.path.join(folder(sites.moon).path, "private/own.pem")
    os.rename(key, os.path.join(sites.moon.net.tmp, "key"))
    ours, theirs = Sallyport(sites.moon, conf("moon")), Charon(sites.sun, conf("sun"))
    assert "there is no private key for our certificate C=CH, O=Sallyport, CN=moon" in ours.initiate("net", check=False)
    os.rename(os.path.join(sites.moon.net.tmp, "key"), key)
    ours.signal(signal.SIGHUP)
    assert wait_until(lambda: ours.log().count("loaded 1 connection") == 2)
    ours.initiate("net")
    established(ours, theirs)
    # A check on demand does not count on private folders above.
    os.chmod(key, 0o644)
    out = run(os.path.join(BUILD, "sallyportd"), "--check-config", "--config", os.path.join(ours.dir, "swanctl.conf"), check=False)
    assert "own.pem: everybody on this machine can read this private key: chmod 600 it" in out


def test_raw_public_keys(sites):
    """Neither end has a certificate: each knows the other's key."""
    keys = {"moon": key_of("rsa"), "sun": key_of("rsa")}
    for host in sites.moon, sites.sun:
        f = folder(host)
        f.put("private/own.pem", key_bytes(keys[host.name], "traditional"))
        for name, key in keys.items():
            f.put("pubkey/%s.pem" % name, public_bytes(key))
    ends = {n: conf(n, dict(certs=None, pubkeys=n + ".pem", id=n), dict(pubkeys=o + ".pem", id=o), proposals=PROPOSALS["rsa"])
            for n, o in (("moon", "sun"), ("sun", "moon"))}
    ours, theirs = Sallyport(sites.moon, ends["moon"]), Charon(sites.sun, ends["sun"])
    ours.initiate("net")
    carried(sites, theirs)


# ---- swanctl

def test_swanctl_brings_everything(sites):
    root, moon, sun = root_with_hosts(sites)
    f = folder(sites.moon)
    f.put("x509crl/root.crl", der(root.crl()))
    authorities = "\n".join(section("authorities", {"root": dict(cacert="ca0.pem", crl_uris="http://10.77.0.2/root.crl")})) + "\n"
    ours = Sallyport(sites.moon, conf("moon", remote=dict(cacerts="ca0.pem"), extra=authorities), load=False)
    theirs = Charon(sites.sun, conf("sun"))
    out = ours.swanctl("--load-all", "--file", os.path.join(ours.dir, "swanctl.conf"))
    assert "loaded certificate from" in out and re.search("loaded (ECDSA|private) key from", out), out
    assert "loaded connection 'site'" in out and "loaded authority 'root'" in out, out
    ours.initiate("net")
    carried(sites, theirs)
    certs = ours.swanctl("--list-certs")
    assert "C=CH, O=Sallyport, CN=moon" in certs and "has private key" in certs, certs
    assert "List of X.509 CA Certificates" in certs and "List of X.509 CRLs" in certs, certs
    authority = ours.swanctl("--list-authorities")
    assert "cacert: C=CH, O=Sallyport, CN=Sallyport Root CA" in authority and "http://10.77.0.2/root.crl" in authority
    # What is no longer in the file goes.
    with open(os.path.join(ours.dir, "swanctl.conf"), "w") as file:
        file.write(ours.conf.replace(authorities, ""))
    out = ours.swanctl("--load-authorities", "--file", os.path.join(ours.dir, "swanctl.conf"))
    assert "root" not in ours.swanctl("--list-authorities"), out
    conns = ours.swanctl("--list-conns")
    assert "cacerts: C=CH, O=Sallyport, CN=Sallyport Root CA" in conns and "public key" in conns, conns
    ours.swanctl("--flush-certs")
    # The same again changes nothing; without the key, it is unloaded.
    os.unlink(os.path.join(f.path, "private/own.pem"))
    ours.swanctl("--load-creds", "--clear", "--noprompt")
    assert "has private key" not in ours.swanctl("--list-certs")


# ---- libreswan

@pytest.mark.parametrize("we_initiate", [True, False], ids=["initiator", "responder"])
def test_libreswan_main_rsa(sites, we_initiate):
    root = Authority(key=make_key("rsa", 2048))
    moon, sun = root.issue(MOON, ["moon.example.org"], key=key_of("rsa")), root.issue(SUN, ["sun.example.org"], key=key_of("rsa"))
    equip(sites.moon, moon, [root])
    f = folder(sites.sun)
    bundle, ca = f.put("sun.p12", p12(sun, b"x", [root.cert])), f.put("root.pem", pem(root.cert))
    text = """conn t
  left=10.77.0.2
  right=10.77.0.1
  leftid=@sun.example.org
  rightid=@moon.example.org
  leftcert=gateway
  rightca=%same
  authby=rsasig
  leftsubnet=10.2.0.0/16
  rightsubnet=10.1.0.0/16
  ikev2=no
  ike=aes128-sha2_256;modp2048
  esp=aes128-sha2_256
  pfs=no
  leftupdown=/bin/true
  auto=add
"""

    class Prepared(Pluto):
        def __init__(self, *args):
            real = sites.sun.popen

            def popen(*cmd, **kw):
                nss = "sql:%s/nss" % self.dir
                run(PEERS, "exec", "libreswan", "pk12util", "-i", bundle, "-d", nss, "-W", "x")
                run(PEERS, "exec", "libreswan", "certutil", "-A", "-n", "root", "-t", "CT,,", "-d", nss, "-i", ca)
                return real(*cmd, **kw)
            sites.sun.popen = popen
            super().__init__(*args)

    theirs = Prepared(sites.sun, text, "", os.path.join(BUILD, "tests", "support", "xfrm-stub.so"))
    ours = Sallyport(sites.moon, conf("moon", dict(id="moon.example.org"), dict(id="sun.example.org"), proposals=PROPOSALS["rsa"]))
    if we_initiate:
        ours.initiate("net")
    else:
        theirs.whack("--name", "t", "--initiate")
    theirs.wait_log("IPsec SA established")
    assert "ESTABLISHED" in ours.list_sas()
