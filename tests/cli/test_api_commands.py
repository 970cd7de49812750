"""Commands over the API, against a real process of it: what they make, show and refuse."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator

import pytest

from tests.cli.api_process import pipeline_with_api
from tests.cli.command import UNREACHABLE, Shell
from tests.kafka_broker import SessionBroker
from tests.running_pipeline import RunningPipeline, read_all

pytestmark = [pytest.mark.soak, pytest.mark.timeout(240)]  # each command is a process


@pytest.fixture(scope="module")
def pipeline(
    broker: SessionBroker, tmp_path_factory: pytest.TempPathFactory
) -> Generator[RunningPipeline]:
    with pipeline_with_api(broker.bootstrap_servers, tmp_path_factory.mktemp("api")) as running:
        yield running


def new_account(shell: Shell, **options: str) -> str:
    name = f"a{uuid.uuid4().hex[:12]}"
    given = [part for option, value in options.items() for part in (f"--{option}", value)]
    ended = shell.run("accounts", "create", name, *given)
    assert ended.status == 0, ended.err
    return name


def fields(out: str) -> dict[str, str]:
    """The lines of one thing, as people see them."""
    pairs = (line.split(None, 1) for line in out.splitlines() if line.strip())
    return {pair[0]: pair[1].strip() for pair in pairs}


def test_an_account_is_created_listed_changed_and_removed(shell: Shell):
    account = new_account(shell, name="The salon", profile="calenso", plan="basic")
    shown = shell.run("accounts", "show", account, "--json").json
    assert (shown["name"], shown["plan"], shown["webhooks_enabled"]) == (
        "The salon",
        "basic",
        False,
    )
    changed = shell.run("accounts", "update", account, "--enable", "--set", "plan=null", "--json")
    assert (changed.json["webhooks_enabled"], changed.json["plan"]) == (True, None)
    listed, listed_json = shell.run_together([("accounts", "list"), ("accounts", "list", "--json")])
    assert any(line.startswith(f"{account} ") and "calenso" in line for line in listed.lines)
    assert account in {one["id"] for one in listed_json.json["items"]}
    assert shell.run("accounts", "delete", account).status == 0
    gone = shell.run("accounts", "show", account)
    assert (gone.status, gone.out) == (2, "")
    assert "HTTP 404" in gone.err


def test_an_endpoint_is_created_with_its_secret_shown_once_and_changed_and_removed(shell: Shell):
    account, endpoint = new_account(shell), f"ep-{uuid.uuid4().hex[:12]}"
    made = shell.run(
        *("endpoints", "create", account, "--id", endpoint, "--url", "https://example.com/hook"),
        *("--event-type", "order.*", "--event-type", "*.created", "--set", "timeout=10s"),
    )
    assert made.status == 0, made.err
    found = fields(made.out)
    assert found["event_types"] == "order.*, *.created"
    assert found["timeout"] == "10s"
    secret = found["secret"]
    assert secret.startswith("whsec_")
    changed = shell.run(
        *("endpoints", "update", endpoint, "--url", "https://example.com/v2", "--json"),
        *("--set", 'rate_limit={"requests": 3, "per": "1s"}', "--set", "timeout=null"),
    )
    assert changed.json["url"] == "https://example.com/v2"
    assert changed.json["rate_limit"] == {"requests": 3, "per": "1s"}
    assert changed.json["event_types"] == ["order.*", "*.created"]
    shown, listed = shell.run_together(
        [("endpoints", "show", endpoint), ("endpoints", "list", account)]
    )
    assert fields(shown.out)["status"] == "active"
    assert any(line.startswith(f"{endpoint} ") for line in listed.lines)
    assert secret not in shown.out + listed.out + changed.out
    assert shell.run("endpoints", "delete", endpoint).status == 0
    assert shell.run("endpoints", "list", account).lines == ["no endpoints"]


def test_an_endpoint_is_switched_off_and_on_and_gets_another_secret(shell: Shell):
    account, endpoint = new_account(shell), f"ep-{uuid.uuid4().hex[:12]}"
    created = shell.run(
        *("endpoints", "create", account, "--id", endpoint, "--url", "https://example.com/"),
        "--json",
    )
    off = shell.run("endpoints", "deactivate", endpoint, "--reason", "moving", "--json").json
    assert (off["status"], off["status_reason"]) == ("inactive", "moving")
    on = shell.run("endpoints", "activate", endpoint, "--waiting", "drop", "--json").json
    assert on["status"] == "active"
    rotated = shell.run("endpoints", "rotate-secret", endpoint, "--overlap", "1h", "--json").json
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != created.json["secret"]
    sample = ("--type", "order.paid", "--data", '{"id": 1}', "--json")
    assert shell.run("endpoints", "test", endpoint, *sample).json["id"].startswith("dlv_")


def test_a_mistake_in_a_file_is_told_with_its_line(shell: Shell):
    account = new_account(shell)
    lines = ("url: https://example.com/", "retry:", "  jitter: 0.1", "  delays: [1s, soon]")
    name = shell.write("endpoint.yaml", "\n".join(lines))
    ended = shell.run("endpoints", "create", account, "--file", name)
    assert (ended.status, ended.out) == (2, "")
    (line,) = ended.error_lines
    assert line.startswith("endpoint.yaml:4: retry.delays.1: ")


def test_a_mistake_in_an_option_is_told_with_its_field(shell: Shell):
    commands = [
        ("accounts", "create", "a b"),
        ("endpoints", "update", "nothing", "--set", "timeout"),
        ("endpoints", "update", "nothing"),
        ("accounts", "show", ".."),
    ]
    for ended, said in zip(
        shell.run_together(commands),
        ("id: ", "--set timeout: write", "nothing is to be changed", "'..' is no id"),
        strict=True,
    ):
        assert (ended.status, ended.out) == (2, "")
        assert ended.error_lines[0].startswith(said)


def test_relations_and_their_data_are_kept_and_removed(shell: Shell):
    account = new_account(shell, profile="twelve-build")
    at = ("é 1", "--json")
    assert shell.run("relations", "set", account, *at, "--star", "gold").json["star"] == "gold"
    kept = shell.run("relations", "data", "add", account, at[0], "note", '{"rating": 5}', "--json")
    assert kept.json["data"] == {"note": {"rating": 5}}
    changed = shell.run(
        "relations", "data", "update", account, at[0], "note", "call back", "--json"
    )
    assert changed.json["data"] == {"note": "call back"}
    assert shell.run("relations", "data", "remove", account, at[0], "note").status == 0
    assert shell.run("relations", "set", account, *at, "--star", "none").json["star"] is None
    listed = shell.run("relations", "list", account, "--json").json["items"]
    assert listed == [{"company": "é 1", "star": None, "data": {}}]
    assert shell.run("relations", "remove", account, at[0]).status == 0
    assert shell.run("relations", "list", account).lines == ["no relations"]
    refused = shell.run("relations", "set", account, "1", "--star", "pink")
    assert refused.status == 2
    assert refused.error_lines[0].startswith("star: ")


def test_a_key_is_shown_once_sees_its_account_alone_and_can_be_revoked(shell: Shell):
    account, other = new_account(shell), new_account(shell)
    made = fields(shell.run("keys", "create", "its own", "--account", account).out)
    own = ("--key", made["key"])
    seen, hidden, forbidden = shell.run_together(
        [
            ("accounts", "show", account, *own),
            ("accounts", "show", other, *own),
            ("keys", "list", *own),
        ]
    )
    assert (seen.status, hidden.status, forbidden.status) == (0, 2, 2)
    assert "HTTP 404" in hidden.err
    assert "HTTP 403" in forbidden.err
    listed = shell.run("keys", "list", "--account", account)
    assert made["id"] in listed.out
    assert made["key"] not in listed.out
    assert shell.run("keys", "revoke", made["id"]).status == 0
    ended = shell.run("accounts", "show", account, *own)
    assert ended.status == 2
    assert "does not take this key" in ended.err


def test_event_types_and_profiles_are_put_twice_and_removed(shell: Shell):
    kind, name = f"order.{uuid.uuid4().hex[:8]}", f"p-{uuid.uuid4().hex[:8]}"
    described = shell.write("type.yaml", "description: Paid.\nsample: {id: 1}\n")
    profile = (
        f"name: {name}\nformats: {{bare: {{template: $.event.data}}}}\nretry: {{delays: [5s]}}\n"
    )
    defined = shell.write("profile.yaml", profile)
    for _ in range(2):
        put, put_profile = shell.run_together(
            [("event-types", "put", kind, described), ("profiles", "put", defined)]
        )
        assert (put.status, put_profile.status) == (0, 0), put.err + put_profile.err
    shown, listed, profiles = shell.run_together(
        [
            ("event-types", "show", kind, "--json"),
            ("event-types", "list"),
            ("profiles", "show", name, "--json"),
        ]
    )
    assert shown.json["sample"] == {"id": 1}
    assert kind in listed.out
    assert profiles.json["document"]["retry"] == {"delays": ["5s"]}
    for command in (("event-types", "delete", kind), ("profiles", "delete", name)):
        assert shell.run(*command).status == 0
    wrong = shell.write("wrong.yaml", f"name: {name}\nretry: {{delays: [soon]}}\n")
    refused = shell.run("profiles", "put", wrong)
    assert refused.status == 2
    assert refused.error_lines[0].startswith("wrong.yaml:")


def test_a_list_is_read_over_its_pages_and_cut_where_one_wants(shell: Shell):
    account = new_account(shell, profile="twelve-build")
    commands = [("relations", "set", account, str(number), "--star", "gold") for number in range(3)]
    assert {ended.status for ended in shell.run_together(commands)} == {0}
    cut = shell.run("relations", "list", account, "--limit", "2")
    assert len(cut.lines) == 3
    assert "--limit shows more" in cut.err


def test_events_are_published_through_the_api_in_their_order(
    shell: Shell, pipeline: RunningPipeline
):
    account = new_account(shell)
    events = [{"account": account, "type": "order.paid", "data": number} for number in range(20)]
    ended = shell.run("publish", "--api", "--json", stdin="\n".join(map(json.dumps, events)))
    assert ended.status == 0, ended.err
    ids = [json.loads(line)["id"] for line in ended.lines]
    topic = pipeline.topology.events
    records = read_all(pipeline.bootstrap_servers, topic)
    found = [value for _, _, value in records if account.encode() in value]
    assert len(ids) == len(set(ids)) == len(found) == 20
    refused = shell.run(
        "publish", "--api", stdin='{"account": "nobody", "type": "order.paid", "data": 1}'
    )
    assert (refused.status, refused.out) == (2, "")
    assert "there is no account nobody" in refused.err


def test_without_an_api_one_line_says_so(shell: Shell, bare_shell: Shell):
    ended = shell.run("accounts", "list", PIPELINE_API__PUBLIC_URL=f"http://{UNREACHABLE}")
    assert (ended.status, len(ended.error_lines)) == (1, 1)
    assert UNREACHABLE in ended.err
    keyless = bare_shell.run("accounts", "list")
    assert (keyless.status, len(keyless.error_lines)) == (2, 1)
    assert "PIPELINE_API__OPERATOR_KEY" in keyless.err


def test_the_key_of_the_data_folder_is_taken_where_none_is_set(
    shell: Shell, pipeline: RunningPipeline
):
    environment = dict(pipeline.environment)
    key = environment.pop("PIPELINE_API__OPERATOR_KEY")
    folder = shell.folder / "data"
    folder.mkdir()
    (folder / "operator.key").write_text(f"{key}\n")
    own = Shell(shell.folder, {**environment, "PIPELINE_DATA_DIR": str(folder)})
    assert own.run("accounts", "list").status == 0
