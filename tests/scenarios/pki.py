# SPDX-License-Identifier: Apache-2.0
"""A throw-away PKI with the names that strongSwan's scenarios use: a root CA, Research and Sales below it, and for each
guest a key and a certificate, RSA and ECDSA. Files are named as swanctl.conf names them: moonCert.pem, moonKey.pem.
"""
import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORG = "strongSwan Project"
CRL_HOST = "http://crl.strongswan.org/"
USERS = {"carol": "Research", "dave": "Accounting", "alice": "Sales", "bob": "Research"}   # the others are machines
BEGIN = datetime.datetime(2020, 1, 1)
END = datetime.datetime(2049, 1, 1)
# name: (file, organisational unit, common name, issuer, path length)
AUTHORITIES = {
    "root": ("strongswan", None, "strongSwan Root CA", "root", None),
    "research": ("research", "Research", "Research CA", "root", 0),
    "sales": ("sales", "Sales", "Sales CA", "root", 0),
    # Research may have no CA below it; the two others vouch for each other, and nobody for them.
    "duck": ("duck", "Research", "Duck Research CA", "research", None),
    "left": ("left", "Left", "Left CA", "right", None),
    "right": ("right", "Right", "Right CA", "left", None),
    "ecdsa": ("strongswan_ec", None, "strongSwan EC Root CA", "ecdsa", None),
}


def distinguished_name(cn, ou=None):
    parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORG)]
    if ou:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, ou))
    return x509.Name(parts + [x509.NameAttribute(NameOID.COMMON_NAME, cn)])


def identity(guest):
    return "%s@strongswan.org" % guest if guest in USERS else "%s.strongswan.org" % guest


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.RFC822Name(name) if "@" in name else x509.DNSName(name)


def pem(key):
    form = serialization.PrivateFormat.PKCS8 if isinstance(key, ec.EllipticCurvePrivateKey) else serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def chain(authority):
    """The CAs from this one up, without a root."""
    out = []
    while AUTHORITIES[authority][3] != authority and authority not in out:
        out.append(authority)
        authority = AUTHORITIES[authority][3]
    return out


class Pki:
    """Keys are made when they are first asked for, and kept in a folder: one of a session serves all scenarios."""

    def __init__(self, folder):
        self.dir = str(folder)
        os.makedirs(self.dir, exist_ok=True)
        self.serial = 0x1000

    def _store(self, name, data):
        # Several test processes may share the folder: the first one wins.
        path = os.path.join(self.dir, name)
        tmp = "%s.%d" % (path, os.getpid())
        with open(tmp, "wb") as f:
            f.write(data)
        os.chmod(tmp, 0o600)
        try:
            os.link(tmp, path)
        except FileExistsError:
            pass
        os.unlink(tmp)
        return self._read(name)

    def _read(self, name):
        with open(os.path.join(self.dir, name), "rb") as f:
            return f.read()

    def key(self, owner, kind="rsa"):
        """`rsa`, or `ecdsa` with the size of its curve."""
        name = "%s-%s.key" % (owner, kind)
        if not os.path.exists(os.path.join(self.dir, name)):
            curves = {"ecdsa256": ec.SECP256R1, "ecdsa384": ec.SECP384R1, "ecdsa521": ec.SECP521R1}
            self._store(name, pem(ec.generate_private_key(curves[kind]()) if kind in curves else rsa.generate_private_key(65537, 2048)))
        return serialization.load_pem_private_key(self._read(name), None)

    def _sign(self, name, subject, key, issuer, extensions, issuer_key):
        if os.path.exists(os.path.join(self.dir, name)):
            return self._read(name)
        self.serial += 1
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
             .serial_number(int.from_bytes(os.urandom(8), "big") >> 1).not_valid_before(BEGIN).not_valid_after(END)
             .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
             .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False))
        for extension, critical in extensions:
            b = b.add_extension(extension, critical)
        return self._store(name, b.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def authority(self, name):
        """(PEM certificate, key, subject)"""
        file, _, _, parent, length = AUTHORITIES[name]
        (key, subject), (issuer_key, issuer) = self.signer(name), self.signer(parent)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        extensions = [(x509.BasicConstraints(True, length), True), (usage, True)]
        if parent != name:
            extensions.append((self.crl_point(parent), False))
        return self._sign(file + "Cert.pem", subject, key, issuer, extensions, issuer_key), key, subject

    def signer(self, name):
        _, ou, cn, _, _ = AUTHORITIES[name]
        return self.key("ca-" + name, "ecdsa521" if name == "ecdsa" else "rsa"), distinguished_name(cn, ou)

    @staticmethod
    def crl_point(authority):
        uri = x509.UniformResourceIdentifier(CRL_HOST + AUTHORITIES[authority][0] + ".crl")
        return x509.CRLDistributionPoints([x509.DistributionPoint([uri], None, None, None)])

    def certificate(self, guest, issuer="root", kind="rsa", names=(), ou=None):
        """(PEM certificate, PEM key) of a guest."""
        issuer_key, issuer_name = self.signer(issuer)
        key, own = self.key(guest, kind), identity(guest)
        ou = ou or (AUTHORITIES[issuer][1] if chain(issuer) else USERS.get(guest))
        sans = [own] + [n for n in names if n and n != own]
        extensions = [(x509.BasicConstraints(False, None), False), (x509.SubjectAlternativeName([alternative(n) for n in sans]), False),
                      (self.crl_point(issuer), False)]
        if guest not in USERS:
            extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
        file = "%s-%s-%s-%s.crt" % (guest, issuer, kind, "_".join(sans).replace("/", "-").replace(":", "."))
        return self._sign(file, distinguished_name(own, ou), key, issuer_name, extensions, issuer_key), pem(key)

    def crl(self, authority, revoked=()):
        """DER; `revoked` are PEM certificates."""
        key, subject = self.signer(authority)
        now = datetime.datetime.utcnow()
        b = (x509.CertificateRevocationListBuilder().issuer_name(subject).last_update(now - datetime.timedelta(hours=1))
             .next_update(now + datetime.timedelta(days=30)).add_extension(x509.CRLNumber(1), False)
             .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False))
        for cert in revoked:
            b = b.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(x509.load_pem_x509_certificate(cert).serial_number)
                                          .revocation_date(now - datetime.timedelta(hours=2)).build())
        return b.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
