from __future__ import annotations

import pytest

from pipeline.domain.acknowledgement import Acknowledgement
from pipeline.domain.document import DocumentError
from pipeline.domain.endpoint import RetryPolicy
from pipeline.domain.profile import (
    Digest,
    Encoding,
    KeyForm,
    Scheme,
    Signature,
)
from pipeline.domain.profile_document import read_profile
from pipeline.domain.retry_schedule import DEFAULT_POLICY

MINUTE = 60_000


def a_document(**changes: object) -> dict[str, object]:
    return {"name": "own", "formats": {"nested": {"template": "$.event.data"}}, **changes}


def a_signature(**changes: object) -> dict[str, object]:
    return {
        "content": "{body}",
        "headers": {"X-Hub-Signature-256": "{signatures}"},
        "schemes": {"sha256": {"key": "text", "encoding": "hex", "prefix": "sha256="}},
        **changes,
    }


def test_a_profile_can_declare_the_signature_of_another_sender():
    signature = read_profile(a_document(signature=a_signature())).signature
    assert signature == Signature(
        schemes=(
            Scheme("sha256", Digest.HMAC_SHA256, KeyForm.TEXT, Encoding.HEX, prefix="sha256="),
        ),
        default_schemes=("sha256",),
        headers=(("X-Hub-Signature-256", "{signatures}"),),
        content_prefix="",
    )


def test_what_a_profile_leaves_out_has_the_pipelines_defaults():
    profile = read_profile(a_document())
    assert profile.acknowledgement == Acknowledgement()
    assert profile.retry == DEFAULT_POLICY
    assert (profile.webhooks_enabled, profile.self_service, profile.event_types_open) == (
        True,
        True,
        True,
    )


def test_statuses_are_written_one_by_one_as_ranges_or_as_classes():
    profile = read_profile(a_document(acknowledged=[200, "202-204"], final=["410-417", 404]))
    assert profile.acknowledgement.acknowledged == {200, 202, 203, 204}
    assert profile.acknowledgement.final == {404, *range(410, 418)}


def test_an_exponential_schedule_counts_the_first_attempt():
    profile = read_profile(
        a_document(retry={"first": "1m", "factor": 3, "cap": "5m", "attempts": 4, "jitter": 0.2})
    )
    assert profile.retry == RetryPolicy((MINUTE, 3 * MINUTE, 5 * MINUTE), jitter=0.2)


FORMAT = {"template": "$.event.data"}
SCHEME = {"key": "text", "encoding": "hex"}


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"formatz": {}}, "formatz", "did you mean formats"),
        ({"name": None}, "name", "missing"),
        ({"name": "Own"}, "name", "1 to 64"),
        ({"name": 5}, "name", "give a text"),
        ({"formats": {}}, "formats", "1 to 20"),
        ({"formats": [FORMAT]}, "formats", "give an object"),
        ({"formats": {"A": FORMAT}}, "formats.A", "1 to 64"),
        ({"formats": {"a": {}}}, "formats.a.template", "missing"),
        ({"formats": {"a": {"tempalte": 1}}}, "formats.a.tempalte", "did you mean template"),
        ({"formats": {"a": {"template": {"b": "$.evnt.id"}}}}, "formats.a.template.b", "event.id"),
        ({"formats": {"a": {**FORMAT, "flatten": "yes"}}}, "formats.a.flatten", "true or false"),
        ({"formats": {"a": {**FORMAT, "content_type": "json"}}}, "formats.a.content_type", "json"),
        (
            {"formats": {"a": {**FORMAT, "headers": {"ce-id": "$.event.di"}}}},
            "formats.a.headers.ce-id",
            "did you mean",
        ),
        (
            {"formats": {"a": {**FORMAT, "headers": {"ce-data": "$.event.data"}}}},
            "formats.a.headers.ce-data",
            "stands for nothing",
        ),
        ({"json_style": "javscript"}, "json_style", "did you mean javascript"),
        ({"headers": {"Host": "x"}}, "headers.Host", "set by the pipeline"),
        ({"headers": {"webhook-id": "x"}}, "headers.webhook-id", "set by the pipeline"),
        ({"headers": {"Transfer-Encoding": "x"}}, "headers.Transfer-Encoding", "connection"),
        ({"headers": {"a b": "x"}}, "headers.a b", "no header name"),
        ({"headers": {"a": "x\r\nb: y"}}, "headers.a", "line breaks"),
        ({"headers": {"a": "{orign}"}}, "headers.a", "did you mean origin"),
        ({"headers": {"a": "{"}}, "headers.a", "braces"),
        ({"headers": {"a": "{origin.__class__}"}}, "headers.a", "known: webhook_id, origin"),
        ({"headers": {"a": "x", "A": "y"}}, "headers.A", "twice"),
        ({"headers": {"a": 1}}, "headers.a", "give a text"),
        ({"token_header": {"name": "x y"}}, "token_header.name", "no header name"),
        ({"token_header": {"nmae": "x"}}, "token_header.nmae", "did you mean name"),
        ({"acknowledged": [302]}, "acknowledged", "200-299"),
        ({"acknowledged": []}, "acknowledged", "at least one"),
        ({"acknowledged": ["2x"]}, "acknowledged.0", "400-404 or 2xx"),
        ({"acknowledged": [True]}, "acknowledged.0", "400-404 or 2xx"),
        ({"acknowledged": 200}, "acknowledged", "give a list"),
        ({"final": [503]}, "final", "only 4xx"),
        ({"gone": "delete"}, "gone", "disable"),
        ({"timeout": "61s"}, "timeout", "1s to 60s"),
        ({"timeout": 5}, "timeout", "give a text"),
        ({"inactive_after": "3 days"}, "inactive_after", "such as 3d"),
        ({"retry": {"delays": ["5s"], "first": "1s"}}, "retry.first", "not both"),
        ({"retry": {"delays": ["5"]}}, "retry.delays.0", "such as 5s"),
        ({"retry": {"delays": ["500ms"]}}, "retry", "at least 1s"),
        ({"retry": {"first": "1s", "cap": "1m"}}, "retry.attempts", "missing"),
        ({"retry": {"delays": [], "jitter": 0.6}}, "retry", "0 to 0.5"),
        ({"retry": {"delays": [], "jitter": True}}, "retry.jitter", "give a number"),
        ({"retry": {"delay": []}}, "retry.delay", "did you mean delays"),
        ({"event_types": {"open": False}}, "event_types.open", "needs known types"),
        (
            {"event_types": {"known": [{"type": "a*"}]}},
            "event_types.known.0.type",
            "whole segments",
        ),
        ({"filters": [{"name": "x", "field": "dta.y"}]}, "filters.0.field", r"data\.\*"),
        ({"relations": {"subject_prefix": "c/", "limit": 0}}, "relations.limit", "at least 1"),
        (
            {"relations": {"subject_prefix": "c/", "limit": 1, "objects": ["A"], "stars": []}},
            "relations.stars",
            "at least one",
        ),
        ({"plans": {"basic": "one"}}, "plans.basic", "whole number"),
        ({"plans": {"basic": True}}, "plans.basic", "whole number"),
        ({"self_service": "no"}, "self_service", "true or false"),
        ({"email_attachment": "../{webhook_id}"}, "email_attachment", "file name"),
        ({"email_attachment": "{id}.json"}, "email_attachment", "webhook_id"),
        ({"signature": {"content": "{body}"}}, "signature.schemes", "1 to 8"),
        ({"signature": a_signature(content="{body}.")}, "signature.content", "end it with"),
        ({"signature": a_signature(content="{body}{body}")}, "signature.content", "once"),
        ({"signature": a_signature(content="{id}{body}")}, "signature.content", "webhook_id"),
        ({"signature": a_signature(headers={"a": "x"})}, "signature.headers", "{signatures}"),
        ({"signature": a_signature(default=["sha1"])}, "signature.default.0", "sha256"),
        ({"signature": a_signature(separator="\n")}, "signature.separator", "printable"),
        (
            {"signature": a_signature(schemes={"s": {"key": "whsk"}})},
            "signature.schemes.s.key",
            "no key for hmac-sha256",
        ),
        (
            {"signature": a_signature(schemes={"s": {**SCHEME, "digest": "ed25519"}})},
            "signature.schemes.s.key",
            "no key for ed25519",
        ),
        (
            {"signature": a_signature(schemes={"s": {**SCHEME, "beside": "t"}})},
            "signature.schemes.s.beside",
            "known",
        ),
        (
            {"signature": a_signature(schemes={"s": {**SCHEME, "beside": "s"}})},
            "signature.schemes.s.beside",
            "known",
        ),
        (
            {"signature": a_signature(schemes={"s": {**SCHEME, "prefix": "a\r\n"}})},
            "signature.schemes.s.prefix",
            "printable",
        ),
    ],
)
def test_a_wrong_field_is_refused_with_its_path_and_a_fix(
    changes: dict[str, object], path: str, says: str
):
    with pytest.raises(DocumentError, match=says) as caught:
        read_profile(a_document(**changes))
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.pointer == "/" + path.replace(".", "/")


@pytest.mark.parametrize("document", [None, [], "name", 5])
def test_a_profile_is_an_object(document: object):
    with pytest.raises(DocumentError, match="give an object"):
        read_profile(document)
