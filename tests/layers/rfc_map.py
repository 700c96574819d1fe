# SPDX-License-Identifier: Apache-2.0
"""Each file, function and test that docs/RFC-MAP.md names is there: rfc_map.py SOURCE_ROOT"""
import os
import re
import sys

ROOT = sys.argv[1]


def read(folder):
    """path below the root -> text, of all sources in the folder"""
    out = {}
    for at, _, names in os.walk(os.path.join(ROOT, folder)):
        for name in names:
            if name.endswith((".c", ".h", ".py", ".y", ".l", ".sh", ".build")):
                path = os.path.join(at, name)
                with open(path, encoding="utf-8", errors="replace") as f:
                    out[os.path.relpath(path, ROOT)] = f.read()
    return out


SRC, TESTS = read("src"), read("tests")
WORDS = {side: set(re.findall(r"\w+", " ".join(texts.values()))) for side, texts in (("src", SRC), ("tests", TESTS))}


def is_file(token, files):
    pattern = re.escape(token).replace(r"\*", "[^/]*")
    return any(re.search("(^|/)" + pattern + (r"(\.c|\.py)?" if "." not in token else "") + "$", path) for path in files)


def is_there(token, files, words):
    if token.endswith("/"):
        return any(("/" + path).find("/" + token) >= 0 for path in files)
    if re.fullmatch(r"\w+(\(\)|\[\])?", token):
        return re.match(r"\w+", token).group(0) in words
    return is_file(token, files)


def rows(page):
    for number, line in enumerate(page.splitlines(), 1):
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and not set(cells[0]) <= set("-") and cells[0] != "section":
            yield number, cells


with open(os.path.join(ROOT, "docs", "RFC-MAP.md"), encoding="utf-8") as f:
    PAGE = f.read()
wrong, n = [], 0
for number, (section, what, files, tests, notes) in rows(PAGE):
    for cell, texts, words in ((files, SRC, WORDS["src"]), (tests, {**TESTS, **SRC}, WORDS["tests"])):
        for token in re.findall(r"`([^`]+)`", cell):
            n += 1
            if not is_there(token, texts, words):
                wrong.append("docs/RFC-MAP.md:%d: section %s: `%s` is not there" % (number, section, token))
    if not files and not notes:
        wrong.append("docs/RFC-MAP.md:%d: section %s: neither a file nor a reason" % (number, section))
print("\n".join(wrong) or "%d files, functions and tests are there" % n)
sys.exit(bool(wrong) or n < 300)
