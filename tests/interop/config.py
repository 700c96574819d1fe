# SPDX-License-Identifier: Apache-2.0
"""swanctl.conf texts for tests, the same for every daemon."""

PSK = "swordfish"


def section(name, items, indent=0):
    pad = "  " * indent
    lines = [pad + name + " {"]
    for k, v in items.items():
        if isinstance(v, dict):
            lines += section(k, v, indent + 1)
        elif v is not None:
            lines.append("%s  %s = %s" % (pad, k, v))
    return lines + [pad + "}"]


def child(local_ts="10.1.0.0/16", remote_ts="10.2.0.0/16", **kw):
    return dict(local_ts=local_ts, remote_ts=remote_ts, **kw)


def mirrored(c):
    return dict(c, local_ts=c["remote_ts"], remote_ts=c["local_ts"])


def conf(local="10.77.0.1", remote="10.77.0.2", children=None, psk=PSK, local_id=None, remote_id=None, secrets=None, name="site", **conn):
    items = dict(version=1, local_addrs=local, remote_addrs=remote)
    items.update(conn)
    items["local"] = dict(auth="psk", id=local_id)
    items["remote"] = dict(auth="psk", id=remote_id)
    items["children"] = children or {"net": child()}
    out = section("connections", {name: items})
    out += section("secrets", secrets or {"ike": {"secret": '"%s"' % psk}})
    return "\n".join(out) + "\n"


def pair(local="10.77.0.1", remote="10.77.0.2", children=None, local_id=None, remote_id=None, ours=None, theirs=None, **kw):
    """The two configurations of one tunnel; ours and theirs are settings of one end only."""
    children = children or {"net": child()}
    a = conf(local, remote, children, local_id=local_id, remote_id=remote_id, **dict(kw, **(ours or {})))
    b = conf(remote, local, {k: mirrored(v) for k, v in children.items()}, local_id=remote_id, remote_id=local_id, **dict(kw, **(theirs or {})))
    return a, b
