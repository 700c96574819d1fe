# SPDX-License-Identifier: Apache-2.0
"""XAUTH after certificates, and hybrid authentication (the gateway by certificate, the client by its login), in Main and in
Aggressive Mode, with strongSwan as gateway and as client."""
import itertools
import os
import re

import pytest

from peers import Sallyport
from test_certificates import PROPOSALS, equip, folder, key_of
from test_road_warrior import PASSWORD, charon, reaches, text

from make_pki import Authority

CAROL = {"xauth": {"id": "carol", "secret": '"%s"' % PASSWORD}}
AGGRESSIVE = "charon { sallyport { aggressive_mode_without_pfs = yes } }\n"


def common(mode, kind, **kw):
    return dict(version=1, proposals=PROPOSALS[kind], aggressive="yes" if mode == "aggressive" else "no", send_cert="always", **kw)


def client(how, mode, kind="rsa", password=PASSWORD, **kw):
    conn = common(mode, kind, local_addrs="10.77.0.1", remote_addrs="10.77.0.2", vips="0.0.0.0", **kw)
    if how == "hybrid":
        conn["local"] = dict(auth="xauth", id="carol@example.org", xauth_id="carol")
    else:
        conn["local"] = dict(auth="pubkey", certs="own.pem", id="carol@example.org", round=1)
        conn["local-login"] = dict(auth="xauth", xauth_id="carol", round=2)
    conn["remote"] = dict(auth="pubkey", id="sun.example.org")
    conn["children"] = {"net": dict(local_ts="dynamic", remote_ts="10.2.0.0/16")}
    return text(connections={"home": conn}, secrets={"xauth": {"id": "carol", "secret": '"%s"' % password}})


def gateway(how, mode, kind="rsa", **kw):
    conn = common(mode, kind, local_addrs="10.77.0.2", pools="p", **kw)
    conn["local"] = dict(auth="pubkey", certs="own.pem", id="sun.example.org")
    if how == "hybrid":
        conn["remote"] = dict(auth="xauth", id="%any")
    else:
        conn["remote"] = dict(auth="pubkey", id="carol@example.org", round=1)
        conn["remote-login"] = dict(auth="xauth", round=2)
    conn["children"] = {"net": dict(local_ts="10.2.0.0/16", remote_ts="dynamic")}
    return text(connections={"rw": conn}, secrets=CAROL, pools={"p": dict(addrs="10.9.0.0/28")})


def certificates(sites, kind="rsa"):
    root = Authority()
    equip(sites.moon, root.issue("C=CH, O=Sallyport, CN=carol", ["carol@example.org"], key=key_of(kind)), [root])
    equip(sites.sun, root.issue("C=CH, O=Sallyport, CN=sun", ["sun.example.org"], key=key_of(kind)), [root])


@pytest.mark.parametrize("we_are", ["client", "gateway"])
@pytest.mark.parametrize("how,mode", itertools.product(["pubkey", "hybrid"], ["main", "aggressive"]))
def test_login(sites, how, mode, we_are):
    certificates(sites)
    if we_are == "client":
        theirs = charon(sites.sun, gateway(how, mode))
        ours = first = Sallyport(sites.moon, client(how, mode), extra=AGGRESSIVE)
    else:
        ours = Sallyport(sites.sun, gateway(how, mode), extra=AGGRESSIVE)
        theirs = first = charon(sites.moon, client(how, mode), "install_virtual_ip = yes")
    out = first.initiate("net", check=False)
    assert "completed successfully" in out, out + ours.log()
    sas = (theirs if we_are == "client" else ours).list_sas()
    assert re.search(r"(XAuth|EAP): 'carol' \[10.9.0.1\]", sas), sas
    reaches(sites, theirs, "10.9.0.1")


@pytest.mark.parametrize("we_are", ["client", "gateway"])
@pytest.mark.parametrize("how", ["pubkey", "hybrid"])
def test_wrong_password(sites, how, we_are):
    certificates(sites)
    if we_are == "client":
        charon(sites.sun, gateway(how, "main"))
        ours = first = Sallyport(sites.moon, client(how, "main", password="guess"))
    else:
        ours = Sallyport(sites.sun, gateway(how, "main"))
        first = charon(sites.moon, client(how, "main", password="guess"))
    assert "completed successfully" not in first.initiate("net", check=False, timeout=10)
    ours.wait_log("the user name or password is not accepted")
    assert "ESTABLISHED" not in ours.list_sas()


@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_a_client_without_a_key_asks_for_the_gateways_certificate(sites, mode):
    """It trusts a CA and has nothing to sign with: the gateway sends its certificate to who asks for it only."""
    certificates(sites)
    for own in ("x509/own.pem", "private/own.pem"):
        os.unlink(os.path.join(folder(sites.moon).path, own))
    theirs = charon(sites.sun, gateway("hybrid", mode).replace("send_cert = always", "send_cert = ifasked"))
    ours = Sallyport(sites.moon, client("hybrid", mode), extra=AGGRESSIVE)
    assert "completed successfully" in ours.initiate("net", check=False), ours.log()
    reaches(sites, theirs, "10.9.0.1")


@pytest.mark.parametrize("mode", ["main", "aggressive"])
def test_hybrid_needs_the_gateways_certificate(sites, mode):
    """The client tells its password to nobody whom no CA of its own vouches for."""
    certificates(sites)
    stranger = Authority("C=CH, O=Other, CN=Other CA")
    equip(sites.sun, stranger.issue("C=CH, O=Sallyport, CN=sun", ["sun.example.org"], key=key_of("rsa")), [stranger])
    theirs = charon(sites.sun, gateway("hybrid", mode))
    ours = Sallyport(sites.moon, client("hybrid", mode), extra=AGGRESSIVE)
    assert "completed successfully" not in ours.initiate("net", check=False, timeout=10)
    ours.wait_log("no-trusted-issuer|issuer is not known here")
    assert "CPRP(X_USER" not in theirs.log() and "XAuth authentication" not in theirs.log()
