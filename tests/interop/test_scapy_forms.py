# SPDX-License-Identifier: Apache-2.0
"""scapy as the judge of AH and of transport mode, packet by packet: IPv4 options, extension headers, what routers change."""
import subprocess
import warnings

import pytest

warnings.filterwarnings("ignore")
pytest.importorskip("scapy", reason="python3-scapy is not installed")

from scapy.layers.inet import IP, UDP, IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_Router_Alert, IPOption_Timestamp  # noqa: E402
from scapy.layers.inet6 import (HBHOptUnknown, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN,  # noqa: E402
                                RouterAlert)
from scapy.layers.ipsec import AH, ESP, IPSecIntegrityError, SecurityAssociation  # noqa: E402

from test_scapy_esp import ENDS, SPI, TOOL  # noqa: E402

ICVS = {"sha1": ("HMAC-SHA1-96", 2, 20), "sha256": ("SHA2-256-128", 12, 32), "sha384": ("SHA2-384-192", 13, 48),
        "sha512": ("SHA2-512-256", 14, 64), "aesxcbc": (None, 5, 16)}
GCM_KEY, AUTH_KEY = bytes(range(36)), bytes(range(100, 164))
DATA = bytes(range(256)) * 2


def ipv4(*options, **kw):
    src, dst = ENDS[4]
    return IP(src=src, dst=dst, id=4711, tos=0x2A, ttl=17, options=list(options), **kw) / UDP(sport=5, dport=7) / DATA[:33]


def ipv6(*extensions, size=33):
    src, dst = ENDS[6]
    p = IPv6(src=src, dst=dst, tc=0x2A, fl=0x12345, hlim=17)
    for e in extensions:
        p = p / e
    return p / UDP(sport=5, dport=7) / DATA[:size]


HOPS = IPv6ExtHdrHopByHop(options=[RouterAlert(value=2), PadN(optdata=b"\0" * 2)])
CHANGING = IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0x3E, optlen=4, optdata=b"abcd")])
KEPT = IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1E, optlen=4, optdata=b"wxyz")])
VISITED = IPv6ExtHdrRouting(type=0, segleft=0, addresses=["2001:db8::a", "2001:db8::b"])

PACKETS = {
    4: [ipv4(), ipv4(flags="DF"), ipv4(IPOption_Router_Alert(), IPOption_NOP()),
        ipv4(IPOption_RR(routers=["0.0.0.0"] * 3)), ipv4(IPOption_Timestamp(), IPOption_Router_Alert())],
    6: [ipv6(), ipv6(size=1300), ipv6(HOPS), ipv6(CHANGING), ipv6(KEPT), ipv6(HOPS, KEPT)],
}


def serialised(version, mode="transport"):
    # Destination options alone go into the protected part with us (RFC 4302 section 3.1.1 leaves it open), in front with scapy.
    return [bytes(p) for p in PACKETS[version] if mode != "both-agree" or not p.haslayer(IPv6ExtHdrDestOpt)]


def parse(octets):
    return IP(octets) if octets[0] >> 4 == 4 else IPv6(octets)


def tool(direction, version, mode, proto, lines, integ=None, seq=1, esn=False):
    number, octets = (ICVS[integ][1], ICVS[integ][2]) if integ else (0, 0)
    encr = ["0", "0"] if proto == "ah" else ["20", "256"]
    local, remote = ENDS[version] if direction == "seal" else reversed(ENDS[version])
    args = [TOOL, direction, "evp", *encr, number, "-" if proto == "ah" else GCM_KEY.hex(), AUTH_KEY[:octets].hex() or "-", hex(SPI),
            seq, int(esn), local, remote, 0, mode, proto]
    r = subprocess.run([str(a) for a in args], input="".join(x.hex() + "\n" for x in lines), capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    return [x if x.startswith("drop") else bytes.fromhex(x) for x in r.stdout.split("\n")[:-1]]


def association(proto, version, mode, integ=None, **kw):
    src, dst = ENDS[version]
    if mode == "tunnel":
        kw["tunnel_header"] = (IP if version == 4 else IPv6)(src=src, dst=dst)
    if integ:
        kw.update(auth_algo=ICVS[integ][0], auth_key=AUTH_KEY[:ICVS[integ][2]])
    else:
        kw.update(crypt_algo="AES-GCM", crypt_key=GCM_KEY)
    return SecurityAssociation(AH if proto == "ah" else ESP, spi=SPI, **kw)


def without_lengths(octets):
    """The packet as a router might deliver it to AH: fields that may change are changed."""
    p = bytearray(octets)
    if p[0] >> 4 == 4:
        p[1], p[8] = 0x40, p[8] - 3
    else:
        p[0], p[1], p[2], p[3], p[7] = 0x64, 0x0F, 0xFF, 0xFF, p[7] - 3
    return p


@pytest.mark.parametrize("integ", [i for i in sorted(ICVS) if ICVS[i][0]])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("mode", ["transport", "tunnel"])
def test_scapy_verifies_our_ah(mode, version, integ):
    inner = serialised(version)
    sa = association("ah", version, mode, integ)
    for want, octets in zip(inner, tool("seal", version, mode, "ah", inner, integ)):
        out = bytes(sa.decrypt(parse(bytes(without_lengths(octets)))))
        # What was covered is there: all of it in tunnel mode, what follows the header in transport mode.
        assert out.endswith(want if mode == "tunnel" else want[-41:])
        bad = bytearray(octets)
        bad[-1] ^= 1
        with pytest.raises(IPSecIntegrityError):
            sa.decrypt(parse(bytes(bad)))


@pytest.mark.parametrize("integ", [i for i in sorted(ICVS) if ICVS[i][0]])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("mode", ["transport", "tunnel"])
def test_we_verify_the_ah_of_scapy(mode, version, integ):
    inner = serialised(version)
    sa = association("ah", version, mode, integ)
    sealed = [bytes(sa.encrypt(parse(p), seq_num=100 + i)) for i, p in enumerate(inner)]
    assert len(sealed) == len(inner) > 4
    opened = tool("open", version, mode, "ah", sealed, integ, seq=99)
    assert [x[-41:] for x in opened] == [x[-41:] for x in inner]
    if mode == "tunnel" or version == 6:
        assert opened == inner
    routed = [bytes(without_lengths(p)) for p in sealed]
    assert [x[-41:] for x in tool("open", version, mode, "ah", routed, integ, seq=99)] == [x[-41:] for x in inner]
    for flip in (-1, 15 if version == 4 else 10):
        bad = [p[:flip] + bytes([p[flip] ^ 1]) + (p[flip + 1:] if flip != -1 else b"") for p in sealed]
        assert tool("open", version, mode, "ah", bad, integ, seq=99) == ["drop icv"] * len(inner)


def test_a_source_route_is_covered_as_it_arrives():
    """RFC 4302 section 3.3.3.1.2: the sender orders the fields as they will be at the receiver."""
    via, final = "2001:db8::a", ENDS[6][1]
    sent = IPv6(src=ENDS[6][0], dst=via) / IPv6ExtHdrRouting(type=0, segleft=1, addresses=[final]) / UDP(sport=5, dport=7) / DATA[:33]
    arrived = IPv6(src=ENDS[6][0], dst=final) / IPv6ExtHdrRouting(type=0, segleft=0, addresses=[via]) / UDP(sport=5, dport=7) / DATA[:33]
    sealed = bytes(association("ah", 6, "transport", "sha256").encrypt(sent, seq_num=100))
    # The router's work: the next address and the destination change places.
    at = sealed.index(bytes.fromhex("20010db8" + "00" * 11 + "02"))
    routed = bytearray(sealed)
    routed[24:40], routed[at:at + 16], routed[43] = sealed[at:at + 16], sealed[24:40], 0
    opened = tool("open", 6, "transport", "ah", [bytes(routed)], "sha256", seq=99)
    assert parse(opened[0])[UDP].payload == arrived[UDP].payload
    assert parse(opened[0]).dst == final
    ours = tool("seal", 6, "transport", "ah", [bytes(sent)], "sha256")[0]
    # scapy looks at what arrived without reordering it.
    at = ours.index(bytes.fromhex("20010db8" + "00" * 11 + "02"))
    routed = bytearray(ours)
    routed[24:40], routed[at:at + 16], routed[43] = ours[at:at + 16], ours[24:40], 0
    association("ah", 6, "transport", "sha256").decrypt(parse(bytes(routed)))


@pytest.mark.parametrize("version", [4, 6])
def test_transport_mode_esp_both_ways(version):
    inner = serialised(version, "both-agree")
    sa = association("esp", version, "transport")
    for want, octets in zip(inner, tool("seal", version, "transport", "esp", inner)):
        assert bytes(sa.decrypt(parse(octets)))[-41:] == want[-41:]
    sealed = [bytes(sa.encrypt(parse(p), seq_num=100 + i)) for i, p in enumerate(inner)]
    assert tool("open", version, "transport", "esp", sealed, seq=99) == inner
