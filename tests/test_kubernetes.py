"""deploy/kubernetes.yaml: it fits the schemas of the API, runs nobody as root, and says what our commands understand.

It has never been run on a cluster; this is what can be told without one.
"""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

PATH = Path(__file__).parents[1] / "deploy" / "kubernetes.yaml"
VERSIONS = ("1.28.0", "1.31.0")  # of the API


def documents() -> list[dict[str, Any]]:
    yaml = YAML(typ="safe")
    return list(yaml.load_all(PATH.read_text()))


def pods() -> list[dict[str, Any]]:
    return [each["spec"]["template"]["spec"] for each in documents() if each["kind"] == "StatefulSet"]


def containers() -> list[dict[str, Any]]:
    return [each for pod in pods() for each in (*pod.get("initContainers", []), *pod["containers"])]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_fits_the_schema_of_its_kind_without_an_unknown_key(version: str) -> None:
    for document in documents():
        kubernetes_validate.validate(document, version, strict=True)


def test_the_check_knows_a_misspelt_key() -> None:
    wrong = next(each for each in documents() if each["kind"] == "StatefulSet")
    wrong["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_nobody_is_root_writes_into_the_image_or_may_become_more() -> None:
    assert len(pods()) == 2 and len(containers()) == 3
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] > 0
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in containers():
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"] is True and locked["allowPrivilegeEscalation"] is False
        assert locked["capabilities"] == {"drop": ["ALL"]} and "privileged" not in locked
        assert container["resources"]["limits"]["memory"]


def test_what_no_policy_names_is_closed_and_the_page_listens_within_its_pod_alone() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in documents() if each["kind"] == "NetworkPolicy"}
    assert policies["nothing-else"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    allowed = [port for spec in policies.values() for rule in spec.get("ingress", []) for port in rule["ports"]]
    assert {port["port"] for port in allowed} == {7400, 1024}
    assert all(rule["from"] for spec in policies.values() for rule in spec.get("ingress", []))
    assert "--listen=127.0.0.1:8360" in containers()[1]["args"]


def test_every_host_and_coordinator_is_probed_and_a_host_is_not_killed_for_its_coordinator_s_absence() -> None:
    for pod in pods():
        for container in pod["containers"]:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
            assert container["livenessProbe"]["exec"]["command"] == ["python", "-m", "coordinator.health"]


def test_the_mounted_token_is_one_that_a_host_takes() -> None:
    volume = next(each for each in pods()[1]["volumes"] if each["name"] == "token")
    mode = volume["secret"]["defaultMode"]
    assert mode & 0o027 == 0 and mode & stat.S_IRGRP, "its group reads it, others do not"


@pytest.mark.parametrize("container", containers(), ids=lambda container: container["name"])
def test_every_word_of_its_commands_is_an_option_that_there_is(container: dict[str, Any]) -> None:
    words = container["args"]
    command = words[:2] if words[0] == "keys" else words[:1]
    said = subprocess.run(
        [sys.executable, "-m", "coordinator.cli.main", *command, "--help"], capture_output=True, text=True, check=True
    ).stdout
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    assert options and [option for option in options if option not in said] == []
