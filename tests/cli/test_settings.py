"""Settings that cannot be used are told by name, before anything else happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.endings import BadInput
from pipeline.cli.loaded_settings import load_settings
from pipeline.cli.setting_names import Given, problems_of, valid_names
from tests.cli.command import Shell


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without settings, in a folder without `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in valid_names():
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def lines_of(no_settings: pytest.MonkeyPatch, **environment: str) -> tuple[str, ...]:
    """What is wrong with an environment."""
    for name, value in environment.items():
        no_settings.setenv(name, value)
    with pytest.raises(BadInput) as refused:
        load_settings()
    return refused.value.lines


def test_a_command_ends_with_2_and_a_line_for_each_wrong_setting(bare_shell: Shell):
    ended = bare_shell.run(
        "lag", PIPELINE_API__PORT="eighty", PIPELINE_SENDING__IDLE_CONNECTIONS="0"
    )
    assert ended.status == 2
    assert [line.partition(":")[0] for line in ended.error_lines] == [
        "PIPELINE_SENDING__IDLE_CONNECTIONS",
        "PIPELINE_API__PORT",
    ]
    assert ended.out == ""


def test_an_unknown_setting_is_refused_with_the_nearest_one(no_settings: pytest.MonkeyPatch):
    one, other = lines_of(no_settings, PIPELINE_API_PORT="80", PIPELINE_STORE__URI="x:1")
    assert one == "PIPELINE_API_PORT: there is no such setting; did you mean PIPELINE_API__PORT?"
    assert other.endswith("did you mean PIPELINE_STORE__URL?")


def test_a_setting_in_a_file_is_judged_too_and_its_place_is_named(
    no_settings: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / ".env").write_text("PIPELINE_DATADIR=here\nUNRELATED=1\n")
    assert lines_of(no_settings) == (
        "PIPELINE_DATADIR (in .env): there is no such setting; did you mean PIPELINE_DATA_DIR?",
    )


def test_a_file_of_settings_is_read(no_settings: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / ".env").write_text("PIPELINE_API__PORT=1234\n")
    assert load_settings().api.port == 1234


def test_a_list_that_is_not_json_is_refused_with_an_example(no_settings: pytest.MonkeyPatch):
    assert lines_of(no_settings, PIPELINE_SENDING__ALLOWED_NETWORKS="127.0.0.0/8") == (
        'PIPELINE_SENDING__ALLOWED_NETWORKS: not JSON; write it as ["127.0.0.0/8"]',
    )


def test_a_network_that_is_none_is_refused_with_the_reason(no_settings: pytest.MonkeyPatch):
    (line,) = lines_of(no_settings, PIPELINE_SENDING__ALLOWED_NETWORKS='["10.0.0/8"]')
    assert line.startswith("PIPELINE_SENDING__ALLOWED_NETWORKS: ")
    assert "10.0.0/8" in line


def test_an_unknown_member_of_a_group_in_json_is_refused(no_settings: pytest.MonkeyPatch):
    (line,) = lines_of(no_settings, PIPELINE_API='{"prot": 1}')
    assert line.startswith("PIPELINE_API__PROT: there is no such setting")


def test_a_secret_that_cannot_be_used_is_not_quoted(no_settings: pytest.MonkeyPatch):
    lines = lines_of(no_settings, PIPELINE_API='{"operator_key": {"hush": 1}}')
    assert lines
    assert "hush" not in str(lines)


def test_an_empty_setting_is_as_good_as_none(no_settings: pytest.MonkeyPatch):
    no_settings.setenv("PIPELINE_DATA_DIR", "")
    no_settings.setenv("PIPELINE_KAFKA__BOOTSTRAP_SERVERS", "")
    settings = load_settings()
    assert settings.data_dir == Path(".pipeline")
    assert settings.kafka.bootstrap_servers is None


def test_options_of_librdkafka_may_have_any_name(no_settings: pytest.MonkeyPatch):
    no_settings.setenv("PIPELINE_KAFKA__OPTIONS__sasl.mechanism", "PLAIN")
    assert load_settings().kafka.options == {"sasl.mechanism": "PLAIN"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIPELINE_API_SERVICE_HOST", "10.0.0.1"),
        ("PIPELINE_API_PORT", "tcp://10.0.0.1:80"),
        ("PIPELINE_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("PIPELINE_SERVICE_PORT_HTTP", "80"),
    ],
)
def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_setting(
    no_settings: pytest.MonkeyPatch, name: str, value: str
):
    no_settings.setenv(name, value)
    assert load_settings()


def test_every_setting_has_a_name_that_is_accepted():
    names = valid_names()
    assert {"PIPELINE_DATA_DIR", "PIPELINE_MAIL__FROM", "PIPELINE_STORE__URL"} <= set(names)
    assert list(problems_of(Given(name, "[]", "") for name in names)) == []
