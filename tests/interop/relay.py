# SPDX-License-Identifier: Apache-2.0
"""
A NAT in user space that takes Vendor IDs out of Main Mode: `relay.py INSIDE OUTSIDE PEER HEX...` listens at INSIDE on UDP 500
and 4500, sends on to PEER from OUTSIDE, each from a port of its own, and cuts the named Vendor ID payloads out of what goes
by in clear. So two peers settle on what they have in common without them.
"""
import select
import socket
import struct
import sys

MARKER = {500: 0, 4500: 4}      # RFC 3948 section 2.2: four zero octets before IKE
ENCRYPTED, MAIN_MODE, VENDOR_ID = 1, 2, 13


def payloads(message):
    """(type, octets) of each payload behind the header: RFC 2408 section 3.2."""
    kind, at = message[16], 28
    while kind and at + 4 <= len(message):
        n = struct.unpack("!H", message[at + 2:at + 4])[0]
        if n < 4 or at + n > len(message):
            return
        yield kind, message[at:at + n]
        kind, at = message[at], at + n


def without(message, ids):
    """The message of Main Mode without these Vendor IDs; anything else as it is."""
    if len(message) < 28 or message[18] != MAIN_MODE or message[19] & ENCRYPTED:
        return message
    left = [(k, p) for k, p in payloads(message) if k != VENDOR_ID or p[4:] not in ids]
    types = [k for k, _ in left] + [0]
    body = b"".join(bytes([types[i + 1]]) + p[1:] for i, (_, p) in enumerate(left))
    return message[:16] + bytes([types[0]]) + message[17:24] + struct.pack("!I", 28 + len(body)) + body


def udp(address, port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    return s


def main(inside, outside, peer, *ids):
    ids = {bytes.fromhex(i) for i in ids}
    pairs, client = [(port, udp(inside, port), udp(outside)) for port in MARKER], {}
    print("ready", flush=True)
    while True:
        for s in select.select([x for _, a, b in pairs for x in (a, b)], [], [])[0]:
            octets, who = s.recvfrom(65535)
            port, inner, outer = next(p for p in pairs if s in p[1:])
            marker, message = octets[:MARKER[port]], octets[MARKER[port]:]
            # What has an SPI in place of the marker is ESP: a message of Main Mode is easily seen in its octets.
            cut = marker + without(message, ids) if not any(marker) else octets
            if s is inner:
                client[port] = who
                outer.sendto(cut, (peer, port))
            elif port in client:
                inner.sendto(cut, client[port])


if __name__ == "__main__":
    main(*sys.argv[1:])
