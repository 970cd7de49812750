"""The outbox that the README shows, as a service would run it, killed at the worst moment."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pipeline.client.event import Event
from tests.architecture.checkout import ROOT
from tests.architecture.test_documents import README, blocks
from tests.running_pipeline import RunningPipeline, read_all

SERVICE = '''
import os
import signal
import sys

from sqlalchemy import create_engine

import recipe
from pipeline.client.kafka import Encoding, kafka_publisher
from pipeline.client.outlet import Limits

url, servers, topic, what = sys.argv[1:]
engine = create_engine(url)


class DiesBeforeTheDeletion:
    """Publishes, and is killed before it can say so."""

    def __init__(self, publisher):
        self.publisher = publisher

    def publish_all(self, events):
        self.publisher.publish_all(events)
        os.kill(os.getpid(), signal.SIGKILL)


if what == "pay":
    recipe.tables.create_all(engine)
    for order_id in range(1, 21):
        recipe.pay(engine, order_id)
    sys.exit()
limits = Limits(give_up_seconds=float(os.environ.get("GIVE_UP_SECONDS", "30")))
with kafka_publisher(servers, topic=topic, encoding=Encoding.JSON, limits=limits) as publisher:
    if what == "die":
        recipe.relay_once(engine, DiesBeforeTheDeletion(publisher))
    else:
        while recipe.relay_once(engine, publisher):
            pass
'''


class Service:
    """A service with the recipe as it stands in the README, in processes of its own."""

    def __init__(self, folder: Path, pipeline: RunningPipeline) -> None:
        (program,) = (block for block in blocks(README, "python") if "def relay_once" in block)
        (folder / "recipe.py").write_text(program)
        (folder / "service.py").write_text(SERVICE)
        self._folder = folder
        self._pipeline = pipeline
        self.url = f"sqlite:///{folder / 'service.sqlite'}"
        self.topic = pipeline.topology.events

    def run(self, what: str, *, servers: str | None = None, give_up_seconds: float = 30) -> int:
        done = subprocess.run(
            [
                *(sys.executable, "service.py", self.url),
                *(servers or self._pipeline.bootstrap_servers, self.topic, what),
            ],
            cwd=self._folder,
            env={"PYTHONPATH": str(ROOT), "GIVE_UP_SECONDS": str(give_up_seconds)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    def column(self, query: str) -> list[str]:
        engine = create_engine(self.url)
        with engine.connect() as connection:
            found = [row[0] for row in connection.execute(text(query))]
        engine.dispose()
        return found

    def kept(self) -> list[Event]:
        return [
            Event.from_json(one) for one in self.column("SELECT event FROM outbox ORDER BY number")
        ]

    def published(self) -> list[Event]:
        found = read_all(self._pipeline.bootstrap_servers, self.topic)
        return [Event.from_json(value) for _, _, value in found]


@pytest.fixture
def service(pipeline: RunningPipeline, tmp_path: Path) -> Service:
    service = Service(tmp_path, pipeline)
    assert service.run("pay") == 0
    return service


def test_what_was_published_and_not_deleted_is_published_again_as_the_same_event(service: Service):
    kept = service.kept()
    assert len(kept) == 20
    assert service.run("die") == -signal.SIGKILL
    assert service.kept() == kept
    assert service.run("relay") == 0
    assert service.kept() == []
    assert Counter(event.id for event in service.published()) == {event.id: 2 for event in kept}
    by_id = {event.id: event for event in kept}
    assert all(event == by_id[event.id] for event in service.published())


def test_an_order_that_is_not_written_has_no_event(service: Service, tmp_path: Path):
    engine = create_engine(service.url)
    names: dict[str, object] = {}
    exec((tmp_path / "recipe.py").read_text(), names)  # noqa: S102 - a program of ours, as a reader would run it
    pay = names["pay"]
    assert callable(pay)
    with pytest.raises(Exception, match="UNIQUE"):
        pay(engine, 7)
    engine.dispose()
    assert len(service.kept()) == 20


def test_without_a_broker_everything_stays(service: Service):
    kept = service.kept()
    assert service.run("relay", servers="127.0.0.1:9", give_up_seconds=1) == 0
    assert service.kept() == kept
    assert service.published() == []


def test_what_is_refused_stays_with_its_reason_and_holds_nobody_up(
    service: Service, pipeline: RunningPipeline
):
    kept = service.kept()
    service.topic = f"{pipeline.prefix}has spaces"
    assert service.run("relay") == 0
    reasons = service.column("SELECT refused FROM outbox")
    assert len(reasons) == len(kept)
    assert all("has spaces" in reason for reason in reasons)
