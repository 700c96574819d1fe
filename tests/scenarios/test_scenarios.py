# SPDX-License-Identifier: Apache-2.0
"""strongSwan's own IKEv1 scenarios, and more in the same form: with us on every host, and with us on the initiating or
the answering hosts and strongSwan on the others. The configurations are read where they are (../shared/data/scenarios,
or SALLYPORT_SCENARIOS); without them only our own scenarios run."""
import pytest

from play import Play
from scenario import ike1_scenarios

# What strongSwan's userspace ESP (kernel-libipsec) cannot carry: such scenarios run between two of us.
NOT_IN_USERSPACE = {"ah", "transport", "beet", "ipcomp", "esn", "gmac"}
SCENARIOS = ike1_scenarios()


def roles(scenario, matrix):
    """name: the hosts that are ours."""
    everywhere = set(scenario.ipsec)
    if matrix == "strongswan":
        return {"strongswan": set()} if not scenario.needs & NOT_IN_USERSPACE else {}
    out = {"ours": everywhere}
    if not scenario.needs & NOT_IN_USERSPACE:
        out["initiators"] = scenario.initiators
        out["responders"] = everywhere - scenario.initiators
    return out


def pytest_generate_tests(metafunc):
    matrix = metafunc.config.getoption("--scenario-matrix")
    cases = [pytest.param(s, ours, id="%s-%s" % (s.name, name)) for s in SCENARIOS for name, ours in roles(s, matrix).items()]
    metafunc.parametrize("scenario,ours", cases)


def test_scenario(scenario, ours, tmp_path, pki):
    # Alone we take the file ourselves; beside strongSwan `swanctl --load-all` brings it, as strongSwan's service does.
    Play(scenario, ours, tmp_path, pki, by_swanctl=ours != set(scenario.ipsec)).run()
