# SPDX-License-Identifier: Apache-2.0
"""What `make install` lays down, into a folder of the test's own."""
import os
import shutil

import pytest

from net import run
from peers import BUILD, ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    to = tmp_path_factory.mktemp("dest")
    run("env", "DESTDIR=%s" % to, "meson", "install", "-C", BUILD, "--no-rebuild")
    return str(to)


def test_programs_and_papers(installed):
    assert "sallyport" in run(installed + "/usr/local/bin/sallyport", "--help")
    assert run(installed + "/usr/local/sbin/sallyportd", "--version").startswith("sallyportd ")
    docs = os.listdir(installed + "/usr/local/share/doc/sallyport")
    assert {"README.md", "LICENSE", "configuration.md", "sallyport.8.md", "sallyportd.8.md", "examples"} <= set(docs)


def test_examples_are_those_of_the_source(installed):
    assert sorted(os.listdir(installed + "/usr/local/share/doc/sallyport/examples")) == sorted(os.listdir(ROOT + "/examples"))


def test_unit(installed):
    unit = installed + "/usr/local/lib/systemd/system/sallyportd.service"
    text = open(unit).read()
    assert "@" not in text
    assert "ExecStart=/usr/local/sbin/sallyportd --foreground --config /etc/sallyport/swanctl.conf" in text
    if shutil.which("systemd-analyze"):
        # It looks for the program under its final name, which a test has not.
        here = text.replace("/usr/local/sbin", installed + "/usr/local/sbin")
        with open(unit, "w") as f:
            f.write(here)
        said = run("systemd-analyze", "verify", "--man=no", unit)
        assert "sallyportd.service" not in said, said
