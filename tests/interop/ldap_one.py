# SPDX-License-Identifier: Apache-2.0
"""An LDAP server (RFC 4511) for tests that knows one thing: whatever is searched for, the answer is one entry with one
attribute. Usage: ldap_one.py PORT ATTRIBUTE FILE"""
import socket
import sys


def tlv(tag, *parts):
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + length + body


def message(stream):
    """(message id as it came, operation) of the next request; None at the end."""
    head = stream.read(2)
    if len(head) < 2:
        return None
    n = int.from_bytes(stream.read(head[1] & 0x7F), "big") if head[1] & 0x80 else head[1]
    body = stream.read(n)
    return body[:2 + body[1]], body[2 + body[1]]


def result(message_id, operation):
    return tlv(0x30, message_id, tlv(operation, b"\x0a\x01\x00", b"\x04\x00", b"\x04\x00"))


def serve(client, attribute, value):
    stream = client.makefile("rb")
    while (m := message(stream)):
        message_id, operation = m
        if operation == 0x60:  # BindRequest
            client.sendall(result(message_id, 0x61))
        elif operation == 0x63:  # SearchRequest
            attributes = tlv(0x30, tlv(0x30, tlv(0x04, attribute), tlv(0x31, tlv(0x04, value))))
            client.sendall(tlv(0x30, message_id, tlv(0x64, tlv(0x04, b"cn=ca"), attributes)) + result(message_id, 0x65))
        else:  # UnbindRequest
            return


if __name__ == "__main__":
    with socket.create_server(("", int(sys.argv[1]))) as listening:
        while True:
            with listening.accept()[0] as one:
                serve(one, sys.argv[2].encode(), open(sys.argv[3], "rb").read())
