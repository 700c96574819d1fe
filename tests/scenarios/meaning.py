# SPDX-License-Identifier: Apache-2.0
"""What lines of evaltest.dat mean where they cannot be asked literally: the log of another daemon, the SAs of a kernel
that has none, outer packets of a peer that always encapsulates in UDP."""
import re

# charon's log: the same fact in ours. A pattern that is not here fails the scenario: somebody has to decide.
LOG = [
    (r"updown approximates (local|remote) TS (\S+) by next larger subnet", r"updown script of .* for the \1 selector .*: the next larger subnet"),
    (r"initiating Aggressive Mode IKE_SA", r"initiating Aggressive Mode IKE_SA"),
    (r"sending DPD request", r"sending DPD request"),
    (r"DPD check timed out, enforcing DPD action", r"DPD check timed out, enforcing DPD action"),
    (r"establishing IKE_SA failed, peer not responding", r"establishing IKE_SA .* failed: .*does not answer"),
    (r"(IKE_SA \S+\\\[\d+\] established.*)", r"\1"),
    (r"authentication of(.*)with RSA\S* successful", r"IKE_SA .* established between\1"),
    (r"written crl file(.*)", r"written crl file\1"),
    (r"deleting duplicate IKE_SA for(.*)due to uniqueness policy", r"deleting duplicate IKE_SA for\1due to uniqueness policy"),
    (r"assigning virtual IP (\S+) to peer(.*)", r"assigning virtual IP \1 to\2"),
    (r"installing new virtual IP (\S+)", r"installing .*virtual IP \1"),
    (r"installing DNS server (\S+)", r"installing DNS server \1"),
    (r"XAuth authentication of(.*)(successful|failed)", r"XAuth authentication of\1\2"),
    (r"certificate was revoked", r"certificate .* has been revoked"),
    (r"received .*(error notify|notify error)", r"the peer refuses us"),
    (r"no trusted RSA public key found", r"the peer's certificate is not one that we trust"),
    (r"path length", r"pathLenConstraint"),
    (r"creating acquire job", r"a packet asks for CHILD_SA"),
    (r"sending keep alive", r"sending keep alive"),
    (r"faking NAT situation to enforce UDP encapsulation", r"faking a NAT, to enforce UDP encapsulation"),
    (r"traffic selectors (\S+) === (\S+) unacceptable", r"the peer wants \1 === \2"),
    (r"(CHILD_SA .*established.*)", r"\1"),
    # Ours hands NBNS servers to the updown script; only charon finds that nobody wants them.
    (r"handling INTERNAL_IP4_NBNS attribute failed", ""),
    # Said by the scenario's own script, which writes to the guest's log folder.
    (r"(inserted NAT rule mapping .*)", r"\1"),
]

# `ip xfrm state`: the same fact in `swanctl --list-sas --raw`.
XFRM = [
    (r"mode transport", "mode=TRANSPORT"),
    (r"mode tunnel", "mode=TUNNEL"),
    (r"mode beet", "mode=BEET"),
    (r"proto comp", "cpi-in="),
    (r"auth-trunc hmac\(md5\)", "integ-alg=HMAC_MD5"),
    (r"auth-trunc hmac\(sha1\)", "integ-alg=HMAC_SHA1"),
    (r"auth-trunc hmac\(sha256\)", "integ-alg=HMAC_SHA2_256"),
    (r"auth-trunc hmac\(sha384\)", "integ-alg=HMAC_SHA2_384"),
    (r"auth-trunc hmac\(sha512\)", "integ-alg=HMAC_SHA2_512"),
    (r"auth-trunc xcbc\(aes\)", "integ-alg=AES_XCBC_96"),
    (r"rfc3686\(ctr\(aes\)\)", "encr-alg=AES_CTR"),
    (r"rfc4543\(gcm\(aes\)\)", "encr-alg=NULL_AES_GMAC"),
    (r"rfc4106\(gcm\(aes\)\)", "encr-alg=AES_GCM"),
    (r"rfc4309\(ccm\(aes\)\)", "encr-alg=AES_CCM"),
    (r"ecb\(cipher_null\)", "encr-alg=NULL"),
    (r"cbc\(blowfish\).*\((\d+) bits\)", r"encr-alg=BLOWFISH_CBC encr-keysize=\1"),
    (r"cbc\(camellia\)", "encr-alg=CAMELLIA_CBC"),
    (r"cbc\(des3_ede\)", "encr-alg=3DES_CBC"),
    (r"cbc\(aes\)", "encr-alg=AES_CBC"),
    (r"flag.*esn|esn", "esn=1"),
]


def of_log(pattern):
    """Our words for what charon's log line says; None where nobody has decided."""
    for theirs, ours in LOG:
        m = re.search(theirs, pattern)
        if m:
            return m.expand(ours) if ours else ours
    return None


def of_xfrm(pattern):
    for theirs, sas in XFRM:
        m = re.search(theirs, pattern)
        if m:
            return m.expand(sas)
    return None


def of_pool(command, pattern):
    """`ipsec pool --status` and `--leases --filter`: the same pool in `swanctl --list-pools`."""
    m = re.search(r"addr=([\d.:a-f]+),id=(\S+)", command)
    if m:
        return "swanctl --list-pools --raw --leases 2> /dev/null", "address=%s identity=%s status=%s" % (*m.groups(), pattern)
    name, base, *_, online = pattern.split(".*")
    return "swanctl --list-pools --raw 2> /dev/null", r"%s.*base=%s.*online=%s\b" % (name, base, online)


def encapsulated(pattern):
    """kernel-libipsec never sends protocol 50: what is expected of native ESP, in UDP 4500."""
    pattern = re.sub(r"(local|remote)-port=500\b", r"\1-port=\\(500\\|4500\\)", pattern)
    pattern = re.sub(r"=yes nat-any", "=yes.* nat-any", pattern)    # it says to be behind a NAT, where it is not
    m = re.match(r"(IP6? )?(\S+) > (\S+): (ESP.*)$", pattern)
    return "%s%s[^ ]* > %s[^ ]*: .*%s" % (m.group(1) or "", m.group(2), m.group(3), m.group(4)) if m else pattern
