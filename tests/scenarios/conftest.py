# SPDX-License-Identifier: Apache-2.0
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "interop")]
sys.dont_write_bytecode = True

from pki import Pki  # noqa: E402
from testnet import fetch_peers  # noqa: E402


@pytest.fixture(scope="session")
def pki(tmp_path_factory, worker_folder):
    """Shared by all processes of a session: keys cost seconds."""
    return Pki(os.path.join(worker_folder, "pki"))


@pytest.fixture(scope="session")
def worker_folder(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    return str(base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base)


def pytest_addoption(parser):
    parser.addoption("--scenario-matrix", choices=("default", "full", "strongswan"), default="default",
                     help="full: us against strongSwan at either end of every scenario; strongswan: strongSwan everywhere, to judge this harness")


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: the few scenarios that `make check` plays")


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the scenarios make network namespaces: run them as root, or under `unshare -Urnm`", returncode=3)
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        fetch_peers()
