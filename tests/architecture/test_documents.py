"""The documents against the code: what they name exists, and what exists is named."""

import ast
import base64
import json
import re
import shlex
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import pytest
import typer.main
import yaml
from cryptography.exceptions import InvalidSignature
from typer.core import TyperGroup

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.cli.main import command_line
from pipeline.cli.setting_names import valid_names
from pipeline.domain.delivery import Reason
from pipeline.domain.endpoint import Credentials, SigningSecret
from pipeline.domain.endpoint_document import ENDPOINT_FIELDS
from pipeline.domain.signing import prepare_signer
from pipeline.domain.signing_secrets import public_key
from pipeline.flow import Partition, Record
from pipeline.resources import PROFILES_DIR, SCHEMAS_DIR
from tests.architecture.checkout import ROOT, python_files
from tests.architecture.metric_names import prometheus_names
from tests.domain.endpoint_files import World, shipped_profiles

DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
CALL = re.compile(r"(?:(?<=^)|(?<=[\s(]))(?:\.venv/bin/)?pipeline ([^\n|#]+)", re.MULTILINE)
MADE = re.compile(r"\bmake ([a-z-]+)((?: [A-Z]+=\S+)*)")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")
PATH = re.compile(r"\w[\w-]*/(?:[\w.-]+/)*(?:[\w-]+\.(?:py|yaml|avsc|md))?")
SETTING = re.compile(r"PIPELINE_[A-Z0-9_]+")
METRIC = re.compile(r"pipeline_[a-z_]+")


def blocks(text: str, language: str) -> list[str]:
    return [content for found, content in BLOCK.findall(text) if found == language]


def code_of(text: str) -> str:
    """All that is meant to be typed: shell blocks, and what stands in backquotes elsewhere."""
    shell = "\n".join(blocks(text, "sh")).replace("\\\n", " ")
    return "\n".join([shell, *SPAN.findall(BLOCK.sub("", text))])


def calls_in(text: str) -> list[list[str]]:
    """The words of every call of `pipeline`."""
    return [shlex.split(words) for words in CALL.findall(code_of(text))]


@cache
def whole_command() -> Any:
    return typer.main.get_command(command_line([]))


def fault_of(words: list[str]) -> str | None:
    """What is wrong with a call; None if the command line takes it."""
    node = whole_command()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            option = next((one for one in node.params if word in one.opts), None)
            if option is None:
                return f"{node.name} has no {word}"
            if not getattr(option, "is_flag", False):
                rest.pop(0)
        elif isinstance(node, TyperGroup):
            if word not in node.commands:
                return f"{node.name} has no {word}"
            node = node.commands[word]
        elif all(one.param_type_name != "argument" for one in node.params):
            return f"{node.name} takes no argument"
    return None


def leaves(node: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every command that does something."""
    if not isinstance(node, TyperGroup):
        return {path}
    return {leaf for name, one in node.commands.items() for leaf in leaves(one, (*path, name))}


def mapped_paths() -> list[str]:
    """The paths of the file map."""
    (found,) = (block for block in blocks(ARCHITECTURE, "") if "pipeline/cli/" in block)
    return [line.split()[0] for line in found.splitlines()]


def named_paths(text: str) -> set[str]:
    """Files and folders that a document names, but for those that only exist at run time."""
    prose = BLOCK.sub("", text)
    return {span for span in SPAN.findall(prose) if PATH.fullmatch(span)} | set(LINK.findall(prose))


def exists(path: str) -> bool:
    """From the top of the checkout, or in `pipeline/`."""
    return (ROOT / path).exists() or (ROOT / "pipeline" / path).exists()


@pytest.mark.parametrize("words", calls_in(README), ids=shlex.join)
def test_every_command_in_the_readme_is_one(words: list[str]):
    assert fault_of(words) is None


def test_every_command_is_in_the_readme():
    calls = [tuple(words) for words in calls_in(README)]
    commands = leaves(whole_command())
    assert ("up",) in commands
    assert (
        sorted(one for one in commands if not any(call[: len(one)] == one for call in calls)) == []
    )


@pytest.mark.parametrize(
    "call", ["hear", "topics drop", "tail --colour", "up now", "run sender --proceses 4"]
)
def test_a_command_that_does_not_exist_is_recognised(call: str):
    words = calls_in(f"```sh\n.venv/bin/pipeline {call}\n```")
    assert [shlex.join(one) for one in words] == [call]
    assert fault_of(words[0])


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_in_the_documents_is_one(document: str):
    made = MADE.findall(code_of((ROOT / document).read_text(encoding="utf-8")))
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    variables = set(re.findall(r"^([A-Z]+) \?=", MAKEFILE, flags=re.MULTILINE))
    assert [target for target, _ in made if target not in targets] == []
    given = {one.partition("=")[0] for _, settings in made for one in settings.split()}
    assert given <= variables
    assert document != "README.md" or {"install", "demo", "test"} <= {target for target, _ in made}


def test_the_readme_names_every_setting_and_no_other():
    assert set(SETTING.findall(README)) == set(valid_names())


def test_every_metric_in_the_readme_is_one():
    named = set(METRIC.findall(README))
    assert len(named) > 1
    assert named <= prometheus_names()


@pytest.mark.parametrize(
    "names",
    [
        list(Reason),
        [path.stem for path in PROFILES_DIR.glob("*.yaml")],
        [*ENDPOINT_FIELDS, "removed"],
    ],
    ids=["reasons", "profiles", "endpoint fields"],
)
def test_the_readme_has_a_row_for_each_of_what_one_chooses_from(names: list[str]):
    rows = [row.split("|")[1] for row in README.splitlines() if row.startswith("| `")]
    described = {name for row in rows for name in SPAN.findall(row)}
    assert names
    assert [name for name in names if name not in described] == []


@pytest.mark.parametrize("block", [one for one in blocks(README, "yaml") if "accounts:" in one])
def test_the_endpoint_files_in_the_readme_can_be_applied(block: str):
    assert World().apply(yaml.safe_load(block)).endpoints


def test_the_endpoint_file_of_the_first_five_minutes_can_be_applied():
    files = re.findall(
        r"cat > endpoints.yaml <<'END'\n(.*?)^END$", README, re.MULTILINE | re.DOTALL
    )
    (plan,) = (World().apply(yaml.safe_load(file)) for file in files)
    assert [record.endpoint.id for record in plan.endpoints] == ["shop-orders"]


@pytest.mark.parametrize(
    "block", blocks(README, "python"), ids=lambda block: block.split("\n\n")[0][:40]
)
def test_the_programs_in_the_readme_are_python(block: str):
    ast.parse(block)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str):
    paths = named_paths((ROOT / document).read_text(encoding="utf-8"))
    assert paths
    assert sorted(path for path in paths if not exists(path)) == []


@pytest.mark.parametrize("path", ["engine/lager.py", "tests/faults/test_nothing.py", "pipelines/"])
def test_a_file_that_does_not_exist_is_recognised(path: str):
    assert named_paths(f"see `{path}`") == {path}
    assert not exists(path)


def test_every_path_of_the_file_map_exists():
    assert sorted(path for path in mapped_paths() if not (ROOT / path).exists()) == []


def test_the_file_map_has_every_package_and_every_module_at_the_top_of_pipeline():
    modules = python_files("pipeline")
    folders = {path.parent for path in modules} - {ROOT / "pipeline"}
    there = {f"{folder.relative_to(ROOT)}/" for folder in folders}
    there |= {f"pipeline/{path.name}" for path in modules if path.parent == ROOT / "pipeline"}
    assert sorted(there - set(mapped_paths()) - {"pipeline/__init__.py"}) == []


def defined_in(block_with: str, *, before: str = "\0") -> Mapping[str, Callable[..., Any]]:
    """What a program of the README defines, up to the line that begins so."""
    (program,) = (block for block in blocks(README, "python") if block_with in block)
    names: dict[str, Any] = {}
    exec(program.partition(f"\n{before}")[0], names)  # noqa: S102 - a program of ours, as a reader would run it
    return names


def test_the_avro_of_the_readme_is_what_the_router_reads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    encoded = defined_in("schemaless_writer", before="producer =")["encoded"]
    value = encoded({"id": "e", "account": "shop", "type": "order.paid", "data": b'{"id":1}'})
    record = Record(Partition("events", 0), 0, None, cast("bytes", value), 1_772_000_000_000)
    event = RecordCodec(load_schemas(SCHEMAS_DIR)).decode_event(record)
    assert (event.id, event.account, event.type) == ("e", "shop", "order.paid")
    assert json.loads(event.data) == {"id": 1}


def test_the_readmes_check_of_twentys_signature_takes_ours_and_no_other():
    is_genuine = defined_in("hmac.compare_digest")["is_genuine"]
    headers = signed("twenty", Credentials(secrets=(SigningSecret("a secret"),)))
    given = [headers[f"X-Twenty-Webhook-{name}"] for name in ("Timestamp", "Signature")]
    assert is_genuine("a secret", *given, b"{}")
    assert not is_genuine("a secret", *given, b"{ }")


def test_the_readmes_check_of_an_ed25519_signature_takes_ours_and_no_other():
    verify = defined_in("Ed25519PublicKey")["verify_ed25519"]
    key = "whsk_" + base64.b64encode(bytes(range(32))).decode()
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    credentials = Credentials((SigningSecret(secret),), (SigningSecret(key),))
    headers = signed("standard-webhooks", credentials, schemes=("v1", "v1a"))
    verify(public_key(key), headers, b"{}")
    with pytest.raises(InvalidSignature):
        verify(public_key(key), headers, b"{ }")


def signed(
    profile: str, credentials: Credentials, *, schemes: tuple[str, ...] | None = None
) -> dict[str, str]:
    """The headers of a request with the body `{}`."""
    signature = shipped_profiles()[profile].signature
    assert signature is not None
    signer = prepare_signer(signature, schemes=schemes, credentials=credentials)
    return {
        "webhook-id": "msg_1",
        **dict(signer.headers("msg_1", now_ms=1_772_000_000_000, body=b"{}")),
    }
