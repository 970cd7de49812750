from __future__ import annotations

import json

from pipeline.api.console.pages.system import Process, processes_of
from pipeline.api.status import Standing
from pipeline.settings import Settings
from pipeline.wiring.shown_settings import shown_settings, shown_versions


def shown(**settings: object) -> dict[str, tuple[str, bool]]:
    found = Settings.model_validate(settings)
    return {name: (value, is_default) for name, value, is_default in shown_settings(found)}


def test_every_setting_is_shown_by_its_name_and_whether_it_was_set():
    found = shown(api={"port": 9090})
    assert found["PIPELINE_API__PORT"] == ("9090", False)
    assert found["PIPELINE_MAIL__FROM"] == ("webhooks@localhost", True)
    assert len(found) > 40


def test_nothing_secret_is_shown():
    found = shown(
        api={"operator_key": "op_SESAME"},
        secrets={"key": "SESAME", "older_keys": ["SESAME"]},
        mail={"url": "smtp://user:SESAME@mail.example"},
        store={"url": "postgresql+psycopg://user:SESAME@db.example/log"},
        sending={"proxy": "http://user:SESAME@proxy.example:3128"},
        telemetry={"otlp_endpoint": "https://user:SESAME@collector.example"},
        kafka={
            "options": {
                "sasl.username": "us",
                "sasl.password": "SESAME",
                "ssl.key.pem": "SESAME",
                "ssl.key.password": "SESAME",
                "sasl.oauthbearer.client.secret": "SESAME",
                "sasl.oauthbearer.config": "principal=us pass=SESAME",
                "http.proxy": "http://user:SESAME@proxy.example",
            }
        },
    )
    assert "SESAME" not in json.dumps(found)
    assert found["PIPELINE_STORE__URL"][0] == "postgresql+psycopg://***@db.example/log"
    assert "us" in found["PIPELINE_KAFKA__OPTIONS"][0]


def test_versions_name_what_runs_here():
    assert {"Python", "confluent-kafka", "webhook-pipeline"} <= dict(shown_versions()).keys()


def test_all_that_a_supervisor_runs_is_listed_and_without_one_this_process():
    stages = {"router-0": {"ready": True, "restarts": 2, "pid": 7}}
    broker = {"ready": False, "restarts": 0, "pid": 8}
    told = Standing(503, json.dumps({"stages": stages, "broker": broker}).encode())
    assert processes_of(told) == [Process("broker", False, 8, 0), Process("router-0", True, 7, 2)]
    assert processes_of(Standing(200, b'{"status": "ok"}')) == [Process("api", True, None, None)]
    assert processes_of(Standing(503, b"nobody")) == [Process("api", False, None, None)]
