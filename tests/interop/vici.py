# SPDX-License-Identifier: Apache-2.0
"""A vici client (and, for judging parsers, a recording server) that is independent of every other implementation here."""
import os
import socket
import struct
import threading

CMD_REQUEST, CMD_RESPONSE, CMD_UNKNOWN, EVENT_REGISTER, EVENT_UNREGISTER, EVENT_CONFIRM, EVENT_UNKNOWN, EVENT = range(8)
SECTION_START, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END = range(1, 7)


def name(text):
    raw = text.encode()
    return bytes([len(raw)]) + raw


def value(v):
    raw = v if isinstance(v, bytes) else str(v).encode()
    return struct.pack("!H", len(raw)) + raw


def encode(message):
    """dict -> octets: a dict is a section, a list a list, everything else a value."""
    out = b""
    for k, v in message.items():
        if isinstance(v, dict):
            out += bytes([SECTION_START]) + name(k) + encode(v) + bytes([SECTION_END])
        elif isinstance(v, (list, tuple)):
            out += bytes([LIST_START]) + name(k) + b"".join(bytes([LIST_ITEM]) + value(i) for i in v) + bytes([LIST_END])
        else:
            out += bytes([KEY_VALUE]) + name(k) + value(v)
    return out


def decode(raw):
    """octets -> dict, in the order of the message. Values are text where they are text, else octets."""
    at = 0

    def take(n):
        nonlocal at
        assert at + n <= len(raw), "message ends within an element"
        at += n
        return raw[at - n:at]

    def take_name():
        return take(take(1)[0]).decode()

    def take_value():
        v = take(struct.unpack("!H", take(2))[0])
        try:
            return v.decode()
        except UnicodeDecodeError:
            return v

    def section(nested):
        out = {}
        while at < len(raw):
            kind = take(1)[0]
            if kind == SECTION_END:
                assert nested, "section end without a section"
                return out
            key = take_name()
            if kind == SECTION_START:
                out[key] = section(True)
            elif kind == KEY_VALUE:
                out[key] = take_value()
            elif kind == LIST_START:
                out[key] = []
                while True:
                    kind = take(1)[0]
                    if kind == LIST_END:
                        break
                    assert kind == LIST_ITEM, "element %d in a list" % kind
                    out[key].append(take_value())
            else:
                raise AssertionError("unknown element %d" % kind)
        assert not nested, "section without an end"
        return out

    return section(False)


class Refused(Exception):
    """The server said success = no; args[0] is errmsg."""


class Unknown(Exception):
    """The server does not know the command or event."""


class Vici:
    """One connection. Events that come meanwhile are kept in self.events as (name, message)."""

    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.events = []

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send_packet(self, kind, label, message=b""):
        raw = bytes([kind]) + (name(label) if label is not None else b"") + message
        self.sock.sendall(struct.pack("!I", len(raw)) + raw)

    def receive_exactly(self, n):
        out = b""
        while len(out) < n:
            more = self.sock.recv(n - len(out))
            if not more:
                raise EOFError("the server closed the connection")
            out += more
        return out

    def receive_packet(self):
        raw = self.receive_exactly(struct.unpack("!I", self.receive_exactly(4))[0])
        if raw[0] == EVENT:
            n = raw[1]
            return EVENT, (raw[2:2 + n].decode(), decode(raw[2 + n:]))
        return raw[0], raw[1:]

    def answer(self):
        while True:
            kind, what = self.receive_packet()
            if kind != EVENT:
                return kind, what
            self.events.append(what)

    def register(self, event, on=True):
        self.send_packet(EVENT_REGISTER if on else EVENT_UNREGISTER, event)
        kind, _ = self.answer()
        if kind == EVENT_UNKNOWN:
            raise Unknown(event)
        assert kind == EVENT_CONFIRM, kind

    def request(self, command, message=None):
        """The response; raises Refused where it says so."""
        self.send_packet(CMD_REQUEST, command, encode(message or {}))
        kind, raw = self.answer()
        if kind == CMD_UNKNOWN:
            raise Unknown(command)
        assert kind == CMD_RESPONSE, kind
        out = decode(raw)
        if out.get("success", "yes") != "yes":
            raise Refused(out.get("errmsg", ""))
        return out

    def stream(self, command, event, message=None):
        """(response, [event messages]) of a command that answers with events."""
        self.register(event)
        start = len(self.events)
        out = self.request(command, message)
        mine = [m for n, m in self.events[start:] if n == event]
        self.register(event, False)
        return out, mine

    def next_event(self):
        """The next event that comes, or waited in self.events."""
        if self.events:
            return self.events.pop(0)
        kind, what = self.receive_packet()
        assert kind == EVENT, kind
        return what


class Recorder(threading.Thread):
    """A server that says yes to everything and remembers what it was asked: shows what swanctl reads in a file."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.requests = path, []
        if os.path.exists(path):
            os.unlink(path)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen(4)
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            try:
                self.serve(c)
            except (EOFError, OSError):
                c.close()

    def serve(self, c):
        client = Vici.__new__(Vici)
        client.sock = c
        while True:
            raw = client.receive_exactly(struct.unpack("!I", client.receive_exactly(4))[0])
            if raw[0] == CMD_REQUEST:
                n = raw[1]
                self.requests.append((raw[2:2 + n].decode(), decode(raw[2 + n:])))
                client.send_packet(CMD_RESPONSE, None, encode({"success": "yes"}))
            else:
                client.send_packet(EVENT_CONFIRM, None)

    def close(self):
        self.sock.close()
