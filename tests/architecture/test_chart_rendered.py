"""What Helm makes of the chart: valid for Kubernetes, confined, and with settings that load.

`make chart` brings Helm and the schemas of Kubernetes, and runs this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli.loaded_settings import load_settings
from tests.architecture.chart_files import CHART, GIVEN, PARTS
from tests.architecture.test_documents import fault_of

HELM = os.environ.get("HELM") or shutil.which("helm")
PROMTOOL = shutil.which("promtool")
KUBERNETES = "1.37"
OLDEST_KUBERNETES = "1.30"
OF_OPERATORS = {"PodMonitor", "PrometheusRule", "ScaledObject"}
"""Kinds that Kubernetes itself does not know."""
SECRET = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="  # of zeros
Object = dict[str, Any]

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(HELM is None, reason="there is no helm; `make chart` builds one"),
]


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HELM), *map(str, arguments), "--kube-version", KUBERNETES],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def rendered(values: Path, *, release: str = "hooks") -> list[Object]:
    ran = helm("template", release, CHART, "--namespace", "webhooks", "--values", values)
    assert ran.returncode == 0, ran.stderr
    return [one for one in yaml.safe_load_all(ran.stdout) if one]


@pytest.fixture(scope="module", params=GIVEN, ids=lambda path: path.stem)
def given(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def objects(given: Path) -> list[Object]:
    return rendered(given)


def of_kind(objects: list[Object], *kinds: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] in kinds}


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """The part and the specification of every pod that is made."""
    for one in objects:
        template = one if one["kind"] == "Pod" else one.get("spec", {}).get("template")
        if template is not None:
            labels = template["metadata"]["labels"]
            yield labels["app.kubernetes.io/component"], template["spec"]


def containers(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    for part, pod in pods(objects):
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            yield part, container


def test_helm_finds_nothing_wrong(given: Path):
    ran = helm("lint", "--strict", CHART, "--values", given)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, KUBERNETES])
def test_kubernetes_takes_every_object(objects: list[Object], version: str):
    checks = pytest.importorskip("kubernetes_validate", reason="`make chart` installs it")
    for one in objects:
        if one["kind"] not in OF_OPERATORS:
            checks.validate(one, version, strict=True)


def test_no_two_objects_have_one_name(objects: list[Object]):
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))


def test_every_container_is_confined_and_has_bounds(objects: list[Object]):
    for _, pod in pods(objects):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for part, container in containers(objects):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"], part


def test_every_container_runs_a_command_of_ours(objects: list[Object]):
    ran = {(part, *one["args"]) for part, one in containers(objects) if "command" not in one}
    assert {part for part, *_ in ran if part != "setup"} == set(PARTS)
    assert [fault for _, *words in ran if (fault := fault_of(words))] == []


def test_probes_ask_where_a_stage_answers(objects: list[Object]):
    for part, container in containers(objects):
        if part not in PARTS:
            continue
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        given = {one["name"]: one.get("value") for one in container["env"]}
        assert str(ports["health"]) == given["PIPELINE_STAGE__HEALTH_PORT"]
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
        for probe in ("startupProbe", "livenessProbe"):
            assert container[probe]["httpGet"] == {"path": "/healthz", "port": "health"}
        if part == "api":
            assert str(ports["http"]) == given["PIPELINE_API__PORT"]


def test_the_settings_of_every_container_load(
    objects: list[Object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)  # away from anybody's .env
    for name in [name for name in os.environ if name.startswith("PIPELINE_")]:
        monkeypatch.delenv(name)
    for part, container in containers(objects):
        listed = container.get("env", [])
        names = [one["name"] for one in listed]
        assert len(names) == len(set(names)), part
        with monkeypatch.context() as environment:
            for one in listed:
                environment.setenv(one["name"], one.get("value") or secret_text(one["name"]))
            settings = load_settings()
        if part in PARTS:
            pod = next(pod for found, pod in pods(objects) if found == part)
            grace_seconds = pod["terminationGracePeriodSeconds"]
            assert grace_seconds >= settings.stage.drain_seconds + 20
            assert (settings.secrets.key is not None) == (part in {"sender", "api"})
            assert (settings.store.url is not None) == (part in {"recorder", "api"})


def secret_text(name: str) -> str:
    return {
        "PIPELINE_SECRETS__KEY": SECRET,
        "PIPELINE_SECRETS__OLDER_KEYS": f'["{SECRET}"]',
        "PIPELINE_MAIL__URL": "smtp://mail:25",
    }.get(name, "user:password")


def test_what_refers_to_pods_finds_them(objects: list[Object]):
    workloads = of_kind(objects, "StatefulSet", "Deployment")
    labels = {
        name: one["spec"]["template"]["metadata"]["labels"] for name, one in workloads.items()
    }
    selectors = [
        one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
        for one in of_kind(objects, "PodDisruptionBudget", "Service").values()
    ]
    selectors += [
        one["spec"]["podSelector"]["matchLabels"]
        for one in of_kind(objects, "NetworkPolicy").values()
        if not one["metadata"]["name"].endswith("-setup")
    ]
    for selector in selectors:
        assert any(selector.items() <= found.items() for found in labels.values()), selector
    scaled = of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject")
    for scaler in scaled.values():
        target = scaler["spec"]["scaleTargetRef"]
        assert workloads[target["name"]]["kind"] == target["kind"]
    for name, workload in workloads.items():
        assert ("replicas" in workload["spec"]) == (name not in scaled)
    accounts = of_kind(objects, "ServiceAccount")
    assert all(
        pod.get("serviceAccountName", "none") in {*accounts, "none"} for _, pod in pods(objects)
    )


def test_only_those_who_call_receivers_reach_beyond_what_they_are_given(objects: list[Object]):
    policies = of_kind(objects, "NetworkPolicy")
    open_to_all = {
        policy["metadata"]["labels"]["app.kubernetes.io/component"]
        for policy in policies.values()
        for rule in policy["spec"]["egress"]
        if not rule.get("ports") and any("ipBlock" in peer for peer in rule["to"])
    }
    assert open_to_all == ({"sender", "api"} if policies else set())


def test_names_of_pods_fit_where_the_release_has_a_long_one():
    long = "a-release-whose-name-is-as-long-as-helm-allows-it-53c"
    for name in of_kind(rendered(GIVEN[0], release=long), "StatefulSet"):
        assert len(name) <= 52  # a revision's hash, or `-` and a number, must fit into 63


def test_prometheus_takes_the_rules(tmp_path: Path):
    (path,) = (path for path in GIVEN if path.stem.startswith("production"))
    (rules,) = of_kind(rendered(path), "PrometheusRule").values()
    if PROMTOOL is None:
        pytest.skip("promtool is not there: it is in Debian's package prometheus")
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rules["spec"]))
    ran = subprocess.run(
        [PROMTOOL, "check", "rules", str(file)], capture_output=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((), "kafka.bootstrapServers"),
        (("kafka.bootstrapServers=kafka:9092",), "secrets.values.PIPELINE_SECRETS__KEY"),
        (("stages.sender.replica=3",), "replica"),
    ],
)
def test_what_is_missing_or_misspelt_is_named(given: tuple[str, ...], named: str):
    options = [word for one in given for word in ("--set", one)]
    ran = helm("template", "hooks", CHART, *options)
    assert ran.returncode != 0
    assert named in ran.stderr


def test_the_packed_chart_is_whole(tmp_path: Path):
    packed = subprocess.run(
        [str(HELM), "package", str(CHART), "--destination", str(tmp_path)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert packed.returncode == 0, packed.stderr
    (archive,) = tmp_path.glob("*.tgz")
    values = next(path for path in GIVEN if path.stem.startswith("production"))
    ran = helm("template", "hooks", archive, "--values", values)
    assert ran.returncode == 0, ran.stderr
    assert "DeadLetters" in ran.stdout
