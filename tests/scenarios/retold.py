# SPDX-License-Identifier: Apache-2.0
"""Scenarios of strongSwan's that are told again for IKEv1, or with another setting: what its IKEv2 groups have and IKEv1
has as well. Each is a scenario of the data with substitutions in its files; the result stands in a folder of its own.
"""
import os
import re
import shutil
from dataclasses import dataclass, field

# IKEv2 hosts move to port 4500 without a NAT, too (RFC 4555), and its first Child SA needs no KE.
TO_IKE1 = [(r"(version\s*=\s*)2", r"\g<1>1")]
NO_NAT = [(r"(local|remote)-port=4500", r"\1-port=500")]


@dataclass
class Retelling:
    source: str                                   # group/scenario of the data
    name: str = ""                                # of the scenario; the source's if empty
    conf: list = field(default_factory=list)      # (pattern, replacement) in every swanctl.conf, or (host, pattern, replacement)
    checks: list = field(default_factory=list)    # (pattern, replacement) in evaltest.dat
    drop: str = ""                                # lines of evaltest.dat that speak of IKEv2 alone
    nat: bool = False

    @property
    def title(self):
        return self.name or self.source.split("/")[1].replace("-ikev2", "")


IKE_AUTH = r"IKE_AUTH|N\(IPCOMP_SUP\)"
DPD = [(r"giving up after.*retransmits", "DPD check timed out, enforcing DPD action"), (r"sleep 13", "sleep 20")]
# The second peer of transport mode behind one NAT has an alias here (RFC 3948 section 5.2), and takes nothing from the first.
ALIAS = [(r"(id=venus.*remote-ts=\\\[)PH_IP_MOON", r"\g<1>198.18.*")]
AGGRESSIVE = [(r"(version = 1)", r"\1\n      aggressive = yes")]
# Main Mode needs the key before it hears the name (RFC 2409 section 5.4): the address has to tell which.
PSK_BY_ADDRESS = [("moon", r"(ike-carol \{\s*id = )\S+", r"\g<1>192.168.0.100"), ("moon", r"(ike-dave \{\s*id = )\S+", r"\g<1>192.168.0.200")]
# Behind one NAT the address tells nobody apart either: all have one key.
ONE_KEY_BEHIND_NAT = [("sun", r"id = 10\.1\.0\.\d+\n", ""), (r"secret = \S+", "secret = 0sv+NkxY9LLZvwj4qCC2o/gGrWDF2d21jL")]
# RFC 2409 section 5.1 signs HASH_I and HASH_R without naming a hash.
NO_HASH_IN_SIGNATURES = [(r"RSA_EMSA_PKCS1_SHA2_\d+", "RSA_EMSA_PKCS1_NULL")]
# Phase 1 of IKEv1 has neither AES-CTR nor a PRF of AES-XCBC.
PHASE1 = {"conf": [(r"(\s)proposals = \S+", r"\1proposals = aes128-sha256-x25519")],
          "checks": [(r"encr-alg=\S+ encr-keysize=128 integ-alg=AES_XCBC_96 prf-alg=PRF_AES128_XCBC", "prf-alg=PRF_HMAC_SHA2_256")]}

RETOLD = [
    Retelling("ikev2/compress", drop=IKE_AUTH),
    Retelling("ikev1/config-payload", "config-payload-push", conf=[(r"(version = 1)", r"\1\n      pull = no")]),
    Retelling("ikev2/double-nat-net", nat=True),
    Retelling("ikev2/dpd-restart", conf=[(r"dpd_delay = 10", "dpd_delay = 5\n      dpd_timeout = 15")], checks=DPD, drop="retransmit"),
    Retelling("ikev2/force-udp-encap", nat=True),
    Retelling("ikev2/host2host-transport-nat", nat=True, checks=ALIAS, drop="^alice::ping.*NO$"),
    Retelling("ikev2/ip-pool"),
    Retelling("ikev2/nat-rw", nat=True),
    Retelling("ikev2/nat-rw-psk", nat=True, conf=ONE_KEY_BEHIND_NAT),
    Retelling("ikev2/net2net-ah"),
    Retelling("ikev2/net2net-cert-sha2", checks=NO_HASH_IN_SIGNATURES),
    Retelling("ikev2/net2net-esn", checks=[("keysize=128 esn=1", "keysize=128.*esn=1")]),
    Retelling("ikev2/net2net-start"),
    Retelling("ikev2/protoport-trap"),
    Retelling("ikev2/rw-psk-fqdn", conf=PSK_BY_ADDRESS),
    Retelling("ikev2/rw-psk-rsa-mixed", conf=PSK_BY_ADDRESS, drop="authentication of"),
    Retelling("ikev2/shunt-policies-nat-rw", nat=True),
    Retelling("ikev2/wildcards"),
    Retelling("ikev2/crl-revoked", checks=[("received AUTHENTICATION_FAILED notify error", "received [A-Z_]* error notify")]),
    Retelling("ikev1/rw-cert-aggressive", "rw-cert", conf=[(r"\s*aggressive = yes", "")], drop="Aggressive"),
    Retelling("ikev1/xauth-id-rsa-config", "xauth-id-rsa-aggressive", conf=AGGRESSIVE),
    Retelling("ikev1/xauth-psk", "xauth-rsa", conf=[(r"(?:auth = )psk", "auth = pubkey")]),
    Retelling("ikev1/xauth-rsa-eap-md5-radius", "xauth-rsa-radius", conf=[("xauth-eap", "xauth-radius")]),
    Retelling("ikev2-algs/alg-3des-md5"),
    Retelling("ikev2-algs/alg-aes-ctr", **PHASE1),
    Retelling("ikev2-algs/alg-aes-xcbc", **PHASE1),
    Retelling("ipv6/host2host-ikev2"),
    Retelling("ipv6/net2net-ikev2"),
    Retelling("ipv6/net2net-ip4-in-ip6-ikev2"),
    Retelling("ipv6/net2net-ip6-in-ip4-ikev2"),
    Retelling("ipv6/rw-compress-ikev2"),
    Retelling("ipv6/rw-ikev2"),
    Retelling("ipv6/rw-ip6-in-ip4-ikev2"),
    Retelling("ipv6/rw-psk-ikev2"),
]


def substitute(text, rules, host=None):
    for *whom, pattern, replacement in rules:
        if not whom or whom[0] == host:
            text = re.sub(pattern, replacement, text)
    return text


def rewrite(path, change):
    with open(path, errors="replace") as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(change(text))


def retell(r, data, into):
    """The folder of the scenario as it is told here."""
    shutil.copytree(os.path.join(data, r.source), into)
    for folder, _, files in os.walk(into):
        host = os.path.relpath(folder, into).split(os.sep)[0]
        for f in files:
            if f.startswith("swanctl"):
                rewrite(os.path.join(folder, f), lambda text: substitute(text, TO_IKE1 + r.conf, host))
    rules = TO_IKE1 + ([] if r.nat else NO_NAT) + r.checks
    rewrite(os.path.join(into, "evaltest.dat"), lambda text: "\n".join(
        substitute(x, rules) for x in text.splitlines() if not (r.drop and re.search(r.drop, x))) + "\n")
    return into


def retold_folders(data, root):
    """The folders of all whose source is there."""
    return [retell(r, data, os.path.join(root, "retold", r.title)) for r in RETOLD if os.path.isdir(os.path.join(data, r.source))]
