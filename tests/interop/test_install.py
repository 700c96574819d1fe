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


@pytest.mark.parametrize("name", sorted(set(os.listdir(ROOT + "/examples")) - {"certificates.conf"}))
def test_each_example_loads_without_a_warning(installed, tmp_path, name):
    """As their user has them: readable by root only. That of certificates needs files, and has a test of its own."""
    path = shutil.copy(installed + "/usr/local/share/doc/sallyport/examples/" + name, tmp_path)
    os.chmod(path, 0o600)
    said = run(BUILD + "/sallyportd", "--check-config", "--config", path)
    assert "no mistakes" in said and "warning" not in said, said


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
