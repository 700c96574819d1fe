# SPDX-License-Identifier: Apache-2.0
"""Links in the documentation lead somewhere, files that it names exist, and all decisions are listed: docs.py SOURCE_ROOT"""
import os
import re
import sys

ROOT = sys.argv[1]
FOLDERS = ("src", "tests", "bench", "tools", "examples", "packaging", "docs", "include")
SOURCE = re.compile(r"`((?:[\w.-]+/)*[\w*-]+\.(?:c|h|py|sh|y|l))`")  # RFC-MAP.md, with its own rules: rfc_map.py


def pages():
    for folder in ("", "docs", "docs/adr", "tests/scenarios", "examples"):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith(".md"):
                yield os.path.join(folder, name)


def all_files():
    return ["/" + os.path.relpath(os.path.join(at, name), ROOT)
            for folder in FOLDERS for at, _, names in os.walk(os.path.join(ROOT, folder)) for name in names]


def anchors(text):
    """The fragments that headings make, as GitHub spells them."""
    return {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)}


def read(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        return f.read()


def bad_links(page, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.S)):
        path, _, fragment = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        to = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(os.path.join(ROOT, to)):
            yield "%s: the link to %s is dead" % (page, target)
        elif fragment and fragment not in anchors(read(to)):
            yield "%s: %s has no heading #%s" % (page, to, fragment)


def missing_files(page, text, files):
    for name in set(SOURCE.findall(text)):
        pattern = "/" + re.escape(name).replace(r"\*", "[^/]*") + "$"
        if not any(re.search(pattern, f) for f in files):
            yield "%s: there is no file %s" % (page, name)


def unlisted_decisions():
    index = read("docs/adr/README.md")
    for name in sorted(os.listdir(os.path.join(ROOT, "docs", "adr"))):
        if name[0].isdigit() and "(%s)" % name not in index:
            yield "docs/adr/README.md does not list %s" % name


FILES, wrong, n = all_files(), list(unlisted_decisions()), 0
for page in pages():
    text = read(page)
    n += len(SOURCE.findall(text))
    wrong += bad_links(page, text)
    if page != "docs/RFC-MAP.md":
        wrong += missing_files(page, text, FILES)
print("\n".join(wrong) or "%d names of files are right, and all links" % n)
sys.exit(bool(wrong) or n < 50)
