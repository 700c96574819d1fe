# SPDX-License-Identifier: Apache-2.0
"""swanctl 5.9.8 is the judge of our parser: both read the same text, and what swanctl then loads must be what we read."""
import glob
import json
import os
import random
import subprocess

import pytest

from swanctl_tool import CONF_DUMP, Swanctl
from vici import Recorder

CASES = {
    "one line": "connections { a { version = 1 } }",
    "several words": 'connections { a { version = 1   2  # x\n local_addrs = 1.2.3.4,  5.6.7.8 , \n k = a = b\n l = a { b\n m = "x y" z\n } }',
    "escapes": 'connections { a { n = "x\\ny\\t\\"q\\" \\\\ \\z"\n o = "a\\\nb"\n p = "x\\ry\\0z\\qf"\n q = "multi\nline" \n r=""\n } }',
    "joined": 'connections { a { y=" lead"   "trail "  mid\n z=\ta\tb   c\n z2=a"b c"d\n z3="a""b"\n z4=a\\b\n x = a \\\n } }',
    "comments": "connections { a { v = http://x#y\n y = #5\n x = \"a\" # c\n z = \"#\" } # end\n}",
    "punctuation": "connections { a { w = a:b.c,d\n z8 = 'a b'\n z9 = a ;b [x] <y>\n x == 1\n y = =\n q = {1\n r = :\n k-4_x/y%z@ = 5\n k*5 = 6\n } }",
    "newlines": "connections\n{\n  a\n  { version\n = 1\n  }\n}",
    "carriage returns": 'connections {\r\n a {\r\n  x = 1 2\r\n y = "q\r\nr"\r\n }\r\n}\r\n',
    "include as a key": "connections { a { include = 3\n includex = 4\n } }",
    "empty": "connections { a { k = 1\n k =\n e =\n } b { } }",
    "merged": "connections { a { version = 1 } }\nconnections { a { version = 2\n x = 1 } }",
    "taken back": "connections { conn { x = 1 }\n conn { x = \n} }",
    "inherited": """connections {
 base { version = 1
   children { c { mode = tunnel
 updown = x } }
   local { auth = psk } }
 a : connections.base {
   remote_addrs = 9.9.9.9
   local { auth =
 }
   children { d : connections.base.children.c { mode = transport } } } }""",
    "later sections": "connections { b : connections.a { }  c : connections.d { x = 2 } a { k = 4 } d { k = 1\n x = 3 } }",
    "lists": """connections { a { local_addrs = 'a', "\\"b\\"", "\\tc\\t", " d ", f ' , "g'h", ''i'', , ,
 remote_addrs = "a,b", c d
 vips = 'a,b', 'c' d , e 'f,g' , 'h
 pools = ' x ' , "\\" y" , '',z
 proposals = "x\\ty" , "\\t" , "  "
 } }""",
    "several references": "b { k = 1\n k3 = b\n }\nc : b { k2 = 2\n k = 2\n k3 =\n }\nconnections { a : c, b { x = 1 }\n e : b , c { x = 1\n}\n g : connections.a { x = 3 } }",
    "chains": """connections { a { s { t { u = 1
 v = 1 } } } b : connections.a { s { t { v = 2 } } } c : connections.b { s { t { w = 3
 u =
 } } } d : connections.c.s { x = 1 } e : connections.c.s.t { y = 1 } }""",
    "circles": "connections { a : connections.b { x = 1 } b : connections.a { y = 1 } c : connections.c { z = 1 } }",
    "reference on a reference": "connections : x { a { x = 1 } } x { b { y = 1 } a { z = 1 } }",
    "included": "include d/*.conf\ninclude \"d/1.conf\"\nconnections { include in.conf\n x { include noeol.conf # c\n b = 2 } }",
    "bad: open section": "connections { a { x = 1\n",
    "bad: closed twice": "connections { a { x = 1 }\n}}",
    "bad: dot": "connections.a.y = 5",
    "bad: quoted name": 'connections { a { "k4" = 5\n } }',
    "bad: open string": 'connections { a { k3=a"b\n } }',
    "bad: no name": "= 3",
    "bad: two names": "connections { a b { x = 1 } }",
    "bad: empty reference": "connections { a : { x = 1 } }",
    "bad: nothing behind": "connections { a { x = 1\n include\n } }",
}


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("syntax")
    os.mkdir(folder / "d")
    (folder / "d" / "1.conf").write_text("connections { i1 { x = 1 } }\n")
    (folder / "d" / "2.conf").write_text("connections { i2 { x = 2 } }\n")
    (folder / "in.conf").write_text("i3 { x = 3 \n}\n")
    (folder / "noeol.conf").write_text("a=1")
    return folder


def swanctl_reads(folder, text):
    """{name: section} as swanctl sends it, or None where it refuses the file."""
    (folder / "swanctl.conf").write_bytes(text.encode())
    recorder = Recorder(str(folder / "v"))
    try:
        _, out = Swanctl(folder, str(folder / "v")).run("--load-conns", "--file", str(folder / "swanctl.conf"))
    finally:
        recorder.close()
    if "invalid config file" in out:
        return None
    return {k: v for command, m in recorder.requests if command == "load-conn" for k, v in m.items()}


def we_read(folder):
    p = subprocess.run([CONF_DUMP, str(folder / "swanctl.conf")], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode in (0, 1) and b"runtime error" not in p.stderr, p.stderr.decode()
    if p.returncode:
        assert b"swanctl.conf:" in p.stderr
        return None
    return json.loads(p.stdout).get("{connections", {})


def same(a, b):
    """Ours, a, with sections marked by '{', and theirs, b."""
    if isinstance(b, dict):
        mine = {k.lstrip("{"): v for k, v in a.items()}
        order = [k for k in b if isinstance(b[k], dict)]
        return set(mine) == set(b) and all(same(mine[k], b[k]) for k in b) and [k for k in mine if isinstance(mine[k], dict)] == order
    return a == b


def compare(folder, text):
    them, we = swanctl_reads(folder, text), we_read(folder)
    assert (them is None) == (we is None), "swanctl %s, we %s:\n%s" % ("refuses" if them is None else "accepts", "refuse" if we is None else "accept", text)
    if them is not None:
        assert same({k: v for k, v in we.items() if isinstance(v, dict)}, them), "%s\nswanctl: %s\nwe: %s" % (text, them, we)


@pytest.mark.parametrize("name", CASES)
def test_read_alike(judge, name):
    compare(judge, CASES[name])


def test_strongswan_scenarios_read_alike(judge):
    """Configurations of strongSwan's own tests, where they are at hand. swanctl stops at certificates that are not there."""
    files = glob.glob(os.path.join(os.environ.get("SALLYPORT_SHARED_DATA", "/nonexistent"), "scenarios", "**", "swanctl.conf"), recursive=True)
    if not files:
        pytest.skip("SALLYPORT_SHARED_DATA has no scenarios")
    psk = [f for f in sorted(files) if "psk" in open(f).read() and "certs" not in open(f).read() and "include" not in open(f).read()]
    assert len(psk) >= 20
    for path in psk:
        compare(judge, open(path).read())


def random_value(r):
    words = ["a", "1", ",", "','", "10.0.0.0/8", "x=y", "a:b", "{", "c,d", "'q'", "\\", "%any", "http://h", "-", '"q w"', '"\\n\\t\\"\\\\"', '"#{}="', '""', '"two\nlines"', '"jo\\\nin"']
    return r.choice([" ", "  ", "\t"]).join(r.choice(words) for _ in range(r.randrange(5)))


def random_section(r, depth, refer=True):
    out = []
    for _ in range(r.randrange(1, 5)):
        # A key and a section of one name would be one in a Python dict.
        what, name, sub = r.randrange(6), r.choice(["k", "l", "m", "local_addrs", "x-y"]), r.choice(["a", "b", "c", "d", "children"])
        if what < 3:
            out.append("%s%s=%s%s\n" % (name, r.choice(["", " ", "\n "]), r.choice(["", " "]), random_value(r)))
        elif what == 3 or depth > 3:
            out.append(r.choice(["# note { } \" =\n", "\n", "  \t\n"]))
        else:
            refs = [".".join(r.choice(["connections", "a", "b", "base", "base.a"]) for _ in range(r.randrange(1, 3))) for _ in range(r.randrange(3))]
            # swanctl takes a reference to nothing, or one that contains itself, in silence; we refuse: only those that are there.
            refs = [x for x in refs if refer and x in ("base", "base.a")]
            out.append("%s %s{%s%s}%s" % (sub, ": %s " % ", ".join(refs) if refs and r.random() < 0.5 else "", r.choice(["", "\n", " # c\n"]),
                                         random_section(r, depth + 1, refer), r.choice(["", "\n", " "])))
    return "".join(out)


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEEDS", 30))))
def test_random_texts_read_alike(judge, seed):
    r = random.Random(seed)
    text = "base {\n%s a { %s }\n}\n" % (random_section(r, 2, False), random_section(r, 3, False))
    text += "connections { %s one {\n%s} two : base {\n%s} }\n" % (r.choice(["", "#\n"]), random_section(r, 0), random_section(r, 0))
    if r.random() < 0.2:
        at = r.randrange(len(text))
        text = text[:at] + r.choice(list('{}"=:,.#\n')) + text[at + 1:]
    compare(judge, text)
