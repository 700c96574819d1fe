# SPDX-License-Identifier: Apache-2.0
"""strongSwan's own IKEv1 scenarios, and more in the same form: with us on every host, and with us on the initiating or
the answering hosts and strongSwan on the others. The configurations are read where they are (../shared/data/scenarios,
or SALLYPORT_SCENARIOS); without them only our own scenarios run."""
import pytest

from play import Play
from scenario import ike1_scenarios

# What strongSwan's userspace ESP (kernel-libipsec) cannot carry; hosts that need it are ours.
NOT_IN_USERSPACE = {"ah", "transport", "beet", "pass", "ipcomp", "esn", "gmac", "foreign local selector", "chacha20 in IKEv1", "a directory", "trap"}
# One of each kind, short: part of `make check` (pytest's mark `quick`).
QUICK = {
    "ikev1/net2net-psk-ours", "ikev1/net2net-cert-initiators", "ikev1/net2net-cert-responders", "ikev1/rw-psk-aggressive-ours",
    "ikev1/xauth-id-rsa-config-ours", "ikev1/xauth-psk-responders", "ikev1/host2host-ah-ours", "ipv6/transport-ikev1-ours",
    "road/hybrid-initiators", "site/ecdsa-ours", "site/wrong-psk-ours",
}
SCENARIOS = ike1_scenarios()


def roles(scenario, matrix):
    """name: the hosts that are ours."""
    everywhere = set(scenario.ipsec)
    wanted = {"strongswan": set()} if matrix == "strongswan" else {
        "ours": everywhere, "initiators": scenario.initiators, "responders": everywhere - scenario.initiators}
    return {name: ours for name, ours in wanted.items() if not scenario.needs(everywhere - ours) & NOT_IN_USERSPACE}


def case(name, scenario, ours):
    return pytest.param(scenario, ours, id=name, marks=[pytest.mark.quick] if name in QUICK else [])


def pytest_generate_tests(metafunc):
    matrix = metafunc.config.getoption("--scenario-matrix")
    cases = [case("%s-%s" % (s.name, name), s, ours) for s in SCENARIOS for name, ours in roles(s, matrix).items()]
    metafunc.parametrize("scenario,ours", cases)


def test_scenario(scenario, ours, tmp_path, pki):
    # Alone we take the file ourselves; beside strongSwan `swanctl --load-all` brings it, as strongSwan's service does.
    Play(scenario, ours, tmp_path, pki, by_swanctl=ours != set(scenario.ipsec)).run()
