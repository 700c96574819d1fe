# SPDX-License-Identifier: Apache-2.0
"""Throw-away certificates for tests: a CA, what it issues, lists of what it revoked. No key of it protects anything.

As a program: make_pki.py DIR writes the files that the unit tests of certificates read."""
import datetime
import ipaddress
import os
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.utcnow().replace(microsecond=0)
OIDS = {"C": NameOID.COUNTRY_NAME, "O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "CN": NameOID.COMMON_NAME,
        "ST": NameOID.STATE_OR_PROVINCE_NAME, "L": NameOID.LOCALITY_NAME}
CURVES = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}


def make_key(kind="ec", bits=256):
    return rsa.generate_private_key(65537, bits) if kind == "rsa" else ec.generate_private_key(CURVES[bits]())


def dn(text):
    """"C=CH, O=Sallyport, CN=moon" as a name, in that order."""
    return x509.Name([x509.NameAttribute(OIDS[k], v) for k, v in (rdn.split("=", 1) for rdn in text.split(", "))])


def alt_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.RFC822Name(text) if "@" in text else x509.DNSName(text)


def der(thing):
    return thing.public_bytes(serialization.Encoding.DER)


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM)


def key_bytes(key, form="pkcs8", encoding="pem", passphrase=None):
    enc = serialization.Encoding.PEM if encoding == "pem" else serialization.Encoding.DER
    fmt = serialization.PrivateFormat.PKCS8 if form == "pkcs8" else serialization.PrivateFormat.TraditionalOpenSSL
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(enc, fmt, lock)


def public_bytes(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


class Issued:
    """A certificate with its key."""

    def __init__(self, key, cert):
        self.key, self.cert = key, cert


class Authority(Issued):
    """A CA. Names are text; dates are days from now."""

    def __init__(self, name="C=CH, O=Sallyport, CN=Sallyport Root CA", key=None, parent=None, path_length=None, permitted=None, **more):
        key = key or make_key()
        self.name, self.serial, self.revoked = name, 1, []
        extensions = list(more.pop("extensions", []))
        if permitted:
            extensions.append((x509.NameConstraints([x509.DNSName(p) for p in permitted], None), True))
        signer = parent or Issued(key, None)
        self.issuer_name = parent.name if parent else name
        cert = build(signer.key, self.issuer_name, name, key, parent.cert if parent else None, parent.next_serial() if parent else 1,
                     ca=True, path_length=path_length, extensions=extensions, **more)
        super().__init__(key, cert)

    def next_serial(self):
        self.serial += 1
        return self.serial

    def issue(self, name, san=(), key=None, **more):
        key = key or make_key()
        return Issued(key, build(self.key, self.name, name, key, self.cert, self.next_serial(), san=san, **more))

    def revoke(self, issued):
        self.revoked.append(issued.cert.serial_number)

    def crl(self, before=-1, after=7, number=1, key=None):
        b = x509.CertificateRevocationListBuilder().issuer_name(self.cert.subject).last_update(NOW + before * DAY).next_update(NOW + after * DAY)
        b = b.add_extension(x509.CRLNumber(number), False)
        b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        for serial in self.revoked:
            b = b.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build())
        return b.sign(key or self.key, hashes.SHA256())

    def ocsp(self, issued, responder=None, before=-1, after=7, request=None):
        """A response about one certificate; signed by the CA itself, or by a responder."""
        revoked = issued.cert.serial_number in self.revoked
        responder = responder or self
        b = ocsp.OCSPResponseBuilder().add_response(
            cert=issued.cert, issuer=self.cert, algorithm=hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            this_update=NOW + before * DAY, next_update=NOW + after * DAY,
            revocation_time=NOW - DAY if revoked else None, revocation_reason=None)
        b = b.responder_id(ocsp.OCSPResponderEncoding.HASH, responder.cert)
        if responder is not self:
            b = b.certificates([responder.cert])
        if request is not None:
            for e in request.extensions:
                b = b.add_extension(e.value, False)
        return b.sign(responder.key, hashes.SHA256())


def build(sign_key, issuer, name, key, issuer_cert, serial, san=(), ca=False, path_length=None, before=-1, after=365, hash=hashes.SHA256,
          usage=True, eku=(), crl_uris=(), ocsp_uris=(), policies=(), extensions=()):
    b = x509.CertificateBuilder().subject_name(dn(name) if name else x509.Name([])).issuer_name(dn(issuer)).public_key(key.public_key())
    b = b.serial_number(serial).not_valid_before(NOW + before * DAY).not_valid_after(NOW + after * DAY)
    b = b.add_extension(x509.BasicConstraints(ca, path_length if ca else None), True)
    if usage:
        b = b.add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), True)
    if san:
        b = b.add_extension(x509.SubjectAlternativeName([alt_name(s) for s in san]), False)
    if eku:
        b = b.add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(o) for o in eku]), False)
    if crl_uris:
        b = b.add_extension(x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier(u)], None, None, None)
                                                        for u in crl_uris]), False)
    if ocsp_uris:
        b = b.add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.OCSP,
                                                                                    x509.UniformResourceIdentifier(u)) for u in ocsp_uris]), False)
    if policies:
        b = b.add_extension(x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(p), None) for p in policies]), False)
    b = b.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(sign_key.public_key()), False)
    for value, critical in extensions:
        b = b.add_extension(value, critical)
    return b.sign(sign_key, hash())


def with_serial(authority, name, san, digits, ocsp_uri):
    """As issue(), with a serial number that RFC 5280 does not allow, and cryptography does not write."""
    with tempfile.TemporaryDirectory() as folder:
        at = lambda file: os.path.join(folder, file)
        key = make_key()
        for file, octets in (("ca.crt", pem(authority.cert)), ("ca.key", key_bytes(authority.key)),
                             ("csr", pem(x509.CertificateSigningRequestBuilder().subject_name(dn(name)).sign(key, hashes.SHA256()))),
                             ("extensions", ("subjectAltName=DNS:%s\nauthorityInfoAccess=OCSP;URI:%s\n" % (san, ocsp_uri)).encode())):
            with open(at(file), "wb") as f:
                f.write(octets)
        made = subprocess.run(["openssl", "x509", "-req", "-in", at("csr"), "-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-set_serial", "0x" + digits,
                               "-days", "30", "-extfile", at("extensions"), "-outform", "DER"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        return key, made.stdout


def p12(issued, passphrase, cas):
    return pkcs12.serialize_key_and_certificates(b"gateway", issued.key, issued.cert, cas, serialization.BestAvailableEncryption(passphrase))


class Folder:
    """Writes things by name."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)

    def put(self, name, octets, mode=0o600):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(octets)
        os.chmod(path, mode)
        return path


def certificates_for_unit_tests(out):
    root = Authority()
    sub = Authority("C=CH, O=Sallyport, OU=Research, CN=Research CA", parent=root, path_length=0)
    deeper = Authority("C=CH, O=Sallyport, OU=Research, CN=Deeper CA", parent=sub)
    named = Authority("C=CH, O=Sallyport, CN=Named CA", parent=root, permitted=["example.org"])
    moon = root.issue("C=CH, O=Sallyport, CN=moon", ["moon.example.org", "moon@example.org", "192.0.2.1", "2001:db8::1"],
                      crl_uris=["http://127.0.0.1/root.crl"], ocsp_uris=["http://127.0.0.1:8888/"], policies=["1.3.6.1.4.1.99999.1"])
    gone = root.issue("C=CH, O=Sallyport, CN=gone", ["gone.example.org"])
    stranger = Authority(root.name)
    responder = root.issue("C=CH, O=Sallyport, CN=Responder", eku=[ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string])
    root.revoke(gone)
    leaves = {
        "moon": moon,
        "gone": gone,
        "sub-moon": sub.issue("C=CH, O=Sallyport, OU=Research, CN=moon", ["moon.example.org"]),
        "deep-moon": deeper.issue("C=CH, O=Sallyport, OU=Research, CN=deep", ["deep.example.org"]),
        "named-inside": named.issue("C=CH, O=Sallyport, CN=inside", ["a.example.org"]),
        "named-outside": named.issue("C=CH, O=Sallyport, CN=outside", ["a.example.com"]),
        "expired": root.issue("C=CH, O=Sallyport, CN=expired", before=-20, after=-10),
        "future": root.issue("C=CH, O=Sallyport, CN=future", before=10, after=20),
        "no-sign": root.issue("C=CH, O=Sallyport, CN=no-sign", usage=False,
                              extensions=[(x509.KeyUsage(False, False, True, False, False, False, False, False, False), True)]),
        "for-code": root.issue("C=CH, O=Sallyport, CN=code", eku=[ExtendedKeyUsageOID.CODE_SIGNING.dotted_string]),
        "for-ike": root.issue("C=CH, O=Sallyport, CN=ike", eku=["1.3.6.1.5.5.7.3.17"]),
        "by-leaf": Issued(make_key(), None),
        "rsa": root.issue("C=CH, O=Sallyport, CN=rsa", ["rsa.example.org"], key=make_key("rsa", 2048)),
        "ec384": root.issue("C=CH, O=Sallyport, CN=ec384", key=make_key("ec", 384)),
        "ec521": root.issue("C=CH, O=Sallyport, CN=ec521", key=make_key("ec", 521)),
        "sha1": root.issue("C=CH, O=Sallyport, CN=sha1", hash=hashes.SHA1),
        "critical": root.issue("C=CH, O=Sallyport, CN=critical",
                               extensions=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x05\x00"), True)]),
        "stranger": stranger.issue("C=CH, O=Sallyport, CN=moon", ["moon.example.org"]),
        "responder": responder,
        "long-name": root.issue("C=CH, O=Sallyport, OU=" + ", OU=".join("x" * 60 for _ in range(8)) + ", CN=long"),
    }
    leaves["by-leaf"].cert = build(moon.key, "C=CH, O=Sallyport, CN=moon", "C=CH, O=Sallyport, CN=by-leaf", leaves["by-leaf"].key, moon.cert, 99)
    for name, ca in ("root", root), ("sub", sub), ("deeper", deeper), ("named", named), ("stranger-root", stranger):
        out.put(name + ".crt", der(ca.cert))
    for name, leaf in leaves.items():
        out.put(name + ".crt", der(leaf.cert))
    out.put("root.pem", pem(root.cert))
    out.put("moon.pem", pem(moon.cert))
    out.put("moon.key", key_bytes(moon.key))
    serial_key, serial = with_serial(root, "C=CH, O=Sallyport, CN=serial", "serial.example.org", "7a" * 1100, "http://127.0.0.1:8888/")
    out.put("serial.crt", serial)
    out.put("serial.key", key_bytes(serial_key))
    keys_of_all_forms(out, leaves["rsa"].key, leaves["ec384"].key, leaves["ec521"].key)
    lists(out, root, stranger, moon, gone, responder)
    out.put("bundle.p7", pkcs7.serialize_certificates([moon.cert, sub.cert], serialization.Encoding.DER))
    out.put("moon.p12", p12(moon, b"swordfish", [root.cert]))


def keys_of_all_forms(out, rsa_key, ec384, ec521):
    for name, key in ("rsa", rsa_key), ("ec384", ec384):
        for form in "pkcs8", "traditional":
            for encoding in "pem", "der":
                out.put("%s-%s.%s" % (name, form, encoding), key_bytes(key, form, encoding))
        for encoding in "pem", "der":
            out.put("%s-encrypted.%s" % (name, encoding), key_bytes(key, "pkcs8", encoding, b"swordfish"))
        out.put("%s-encrypted-traditional.pem" % name, key_bytes(key, "traditional", "pem", b"swordfish"))
        out.put("%s.pub" % name, public_bytes(key))
    out.put("ec521-pkcs8.pem", key_bytes(ec521))


def lists(out, root, stranger, moon, gone, responder):
    out.put("root.crl", der(root.crl(number=2)))
    out.put("root.crl.pem", pem(root.crl(number=2)))
    out.put("old.crl", der(root.crl(before=-20, after=-10)))
    stranger.revoked = [moon.cert.serial_number]
    out.put("forged.crl", der(stranger.crl(number=9)))
    out.put("moon.ocsp", der(root.ocsp(moon)))
    out.put("gone.ocsp", der(root.ocsp(gone)))
    out.put("moon-delegated.ocsp", der(root.ocsp(moon, responder)))
    out.put("moon-by-a-leaf.ocsp", der(root.ocsp(moon, gone)))
    out.put("moon-forged.ocsp", der(root.ocsp(moon, stranger)))
    out.put("moon-old.ocsp", der(root.ocsp(moon, before=-20, after=-10)))


if __name__ == "__main__":
    certificates_for_unit_tests(Folder(sys.argv[1]))
