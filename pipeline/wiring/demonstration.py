"""The demo, put together: everything that `up` runs, a receiver, and the sample events."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from pipeline.adapters.endpoint_file import EndpointFileError, read_endpoint_file
from pipeline.adapters.kafka.publishing import EventPublisher
from pipeline.adapters.kafka.reading import reading
from pipeline.demo.contracts import HAS_VERIFIER
from pipeline.demo.judge import Judge
from pipeline.demo.keys import demo_keys
from pipeline.demo.performance import Performance, Props, Result, Screen
from pipeline.demo.receiver import DemoReceiver
from pipeline.demo.scenario import PublishedEvent, Scenario, endpoints_document, read_scenario
from pipeline.demo.tail import Tail
from pipeline.domain.audit import Author
from pipeline.domain.event_document import event_key
from pipeline.domain.relation import Relation
from pipeline.flow import Partition
from pipeline.ports import StoreFailed
from pipeline.settings import ApiSettings, KafkaSettings, SendingSettings, Settings
from pipeline.supervisor.ending import Ending
from pipeline.supervisor.notices import Say
from pipeline.wiring.endpoint_changes import (
    ChangeContext,
    NotPublished,
    Unsettled,
    apply_changes,
    change_context,
)
from pipeline.wiring.everything import CannotRun, Programme, run_everything
from pipeline.wiring.reach import Reach, reach
from pipeline.wiring.table_reading import TablesUnread

LOOPBACK: Final = "127.0.0.0/8"
PACKAGE_DIR: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Show:
    """How the demo is seen, and for how long."""

    say: Say
    screen: Callable[[], AbstractContextManager[Screen]]
    play: Callable[[Performance], Result]


def run_demo(settings: Settings, show: Show, ending: Ending) -> Result | None:
    """Run until the show is over or `ending` is asked for; None where it did not come to the show.

    Raises:
        CannotRun: it cannot be started.
    """
    if not HAS_VERIFIER:
        raise CannotRun(
            "the demo verifies with the package standardwebhooks, which is not installed: "
            "pip install 'webhook-pipeline[embedded]'"
        )
    settings = demo_settings(settings)
    demonstration = _Demonstration(show, ending)
    with ThreadPoolExecutor(1, thread_name_prefix="demo") as worker, demonstration.receiver:
        shown: list[Future[Result]] = []

        def when_ready() -> None:
            shown.append(worker.submit(demonstration.perform))
            shown[0].add_done_callback(lambda _: ending.ask())

        programme = Programme(
            say=show.say,
            environment=_environment(settings),
            folder=settings.data_dir,
            before_stages=demonstration.prepare,
            when_ready=when_ready,
        )
        run_everything(settings, programme, ending)
    return shown[0].result() if shown else None


def demo_settings(settings: Settings) -> Settings:
    """A folder of its own, and nothing of what is set for the real one but the ports."""
    return settings.model_copy(
        update={
            "data_dir": settings.data_dir.absolute() / "demo",
            "kafka": KafkaSettings(embedded_port=settings.kafka.embedded_port),
            "sending": SendingSettings(allowed_networks=(LOOPBACK,)),
            "api": ApiSettings(host=settings.api.host, port=settings.api.port),
            **{
                name: type(getattr(settings, name))()
                for name in ("store", "secrets", "mail", "stage")
            },
        }
    )


def _environment(settings: Settings) -> dict[str, str]:
    """Empties what is set for the real one; `.env` is not read where the stages run."""
    emptied = {name: "" for name in os.environ if name.startswith("PIPELINE_")}
    # They run elsewhere, so a checkout that is not installed has to be named to them.
    found = [str(PACKAGE_DIR.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **emptied,
        "PIPELINE_SENDING__ALLOWED_NETWORKS": msgspec.json.encode(
            settings.sending.allowed_networks
        ).decode(),
        "PYTHONPATH": os.pathsep.join(found),
    }


class _Demonstration:
    """What is shared between its steps."""

    def __init__(self, show: Show, ending: Ending) -> None:
        run = f"r{uuid.uuid4().hex[:12]}"
        self._show = show
        self._ending = ending
        self._keys = demo_keys()
        self._scenario: Scenario = read_scenario(run)
        self._judge = Judge(self._scenario, self._keys, run=run)
        self._reach: Reach | None = None
        self.receiver = DemoReceiver(self._judge.answer)

    def prepare(self, settings: Settings) -> None:
        """Apply the endpoints, as `pipeline endpoints apply` does.

        Raises:
            CannotRun: they cannot be applied.
        """
        self._reach = reach(settings)
        path = settings.data_dir / "endpoints.yaml"
        path.write_bytes(endpoints_document(self._names()))
        try:
            context = change_context(settings)
            with closing(context.store):
                self._keep_relations(context)
                asyncio.run(apply_changes(read_endpoint_file(path), context))
        except (EndpointFileError, NotPublished, StoreFailed, TablesUnread, Unsettled) as exc:
            raise CannotRun(f"the demo's endpoints cannot be applied: {exc}") from exc
        self._show.say(f"endpoints {path}")

    def _keep_relations(self, context: ChangeContext) -> None:
        """Published with the endpoints."""
        with context.store.registry.writing(Author("demo", "command")) as writer:
            for each in self._scenario.relations:
                relation = Relation(each.account, each.company, each.star)
                if writer.relation(each.account, each.company) != relation:
                    writer.put_relation(relation)
                    writer.publish(context.sides.records.of_relation(relation))

    def _names(self) -> dict[str, str]:
        return {
            "receiver": self.receiver.url,
            "nobody": self.receiver.nobody,
            "token": self._keys.token,
            "text_secret": self._keys.text_secret,
            "hmac_secret": self._keys.hmac_secret,
            "ed25519_key": self._keys.ed25519_key,
        }

    def perform(self) -> Result:
        """Publish and watch."""
        at = self._reach
        assert at is not None  # noqa: S101 - `prepare` came first
        topics = (at.topology.attempts, at.topology.dead_letter)
        counts = at.inquiry().topics()
        partitions = [
            Partition(topic, number) for topic in topics for number in range(counts[topic])
        ]
        ends = {
            partition: bounds.end for partition, bounds in at.inquiry().bounds(partitions).items()
        }
        with ExitStack() as closing:
            reader = closing.enter_context(reading(at.connection))
            props = Props(
                scenario=self._scenario,
                judge=self._judge,
                tail=Tail(reader, at.topology, at.codec(), starts=ends),
                publish=self._publish,
                screen=closing.enter_context(self._show.screen()),
                new_event_id=lambda: f"demo-{uuid.uuid4()}",
                is_over=lambda: self._ending.is_asked,
            )
            return self._show.play(Performance(props))

    def _publish(self, events: Sequence[tuple[str, PublishedEvent]]) -> None:
        at = self._reach
        assert at is not None  # noqa: S101 - `prepare` came first
        with EventPublisher(
            at.connection, at.topology.events, on_acknowledged=lambda _id, _place: None
        ) as publisher:
            for event_id, published in events:
                event = published.event
                document = {"id": event_id, **msgspec.to_builtins(event)}
                if event.subject is None:
                    del document["subject"]
                publisher.publish(
                    event_id, event_key(event.account, event.subject), msgspec.json.encode(document)
                )
