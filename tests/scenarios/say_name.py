# SPDX-License-Identifier: Apache-2.0
"""Port 22 of a guest: says the name of its host to whoever connects, and hangs up."""
import socket
import sys

server = socket.create_server(("::", 22), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    client, _ = server.accept()
    client.sendall(sys.argv[1].encode() + b"\n")
    client.close()
