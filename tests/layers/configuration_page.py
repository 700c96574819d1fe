# SPDX-License-Identifier: Apache-2.0
"""Each key, setting and vici command that is served is on the page that says so: configuration_page.py SOURCE_ROOT"""
import glob
import os
import re
import sys

ROOT = sys.argv[1]
# Rows of the tables that the readers go through: name and what takes it. A key that is only tolerated has no such function.
ROWS = {
    "vici command": (r'\{ "([a-z-]+)", \w+, (?:true|false) \}', "src/daemon/vici_*.c"),
    "setting": (r'\{ "(\w+)", set_\w+ \}', "src/daemon/settings*.c"),
    "key": (r'\{ "(\w+)", (?!NULL)\w+, (?:NULL|"[^"]*"), (?:true|false) \}', "src/daemon/config_*.c"),
}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


words = set(re.findall(r"[\w-]+", read(os.path.join(ROOT, "docs", "configuration.md"))))
wrong, n = [], {what: 0 for what in ROWS}
for what, (pattern, files) in ROWS.items():
    for path in sorted(glob.glob(os.path.join(ROOT, files))):
        for name in re.findall(pattern, read(path)):
            n[what] += 1
            if name not in words:
                wrong.append("%s: the %s '%s' is not in docs/configuration.md" % (os.path.relpath(path, ROOT), what, name))
print("\n".join(wrong) or ", ".join("%d %ss" % (count, what) for what, count in n.items()) + " are on the page")
sys.exit(bool(wrong) or min(n.values()) < 20)
