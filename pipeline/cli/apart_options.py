"""The options of `pipeline run router` for past events."""

from __future__ import annotations

from pipeline.cli.endings import BadInput
from pipeline.cli.given_times import whole_time
from pipeline.domain.identifiers import InvalidIdentifier, check_chosen_id
from pipeline.domain.rfc3339 import InvalidTime, time_us_of
from pipeline.settings import Settings
from pipeline.wiring.routing_apart import InvalidGroup, RoutingApart, check_group

_US_PER_MS = 1_000


def routing_apart(
    stage: str, settings: Settings, *, group: str | None, since: str | None, endpoint: str | None
) -> RoutingApart | None:
    """None without the options. Raises BadInput: one is missing or wrong."""
    if group is None and since is None and endpoint is None:
        return None
    if group is None or since is None or endpoint is None or stage != "router":
        raise BadInput("--group, --from and --only-endpoint go together, with `run router` alone")
    try:
        check_group(group, prefix=settings.kafka.topic_prefix)
        check_chosen_id(endpoint, field="--only-endpoint")
        since_ms = time_us_of(whole_time(since)) // _US_PER_MS
    except InvalidGroup as exc:
        raise BadInput(f"--group {exc}") from exc
    except InvalidTime as exc:
        raise BadInput(f"--from: {exc}") from exc
    except InvalidIdentifier as exc:
        raise BadInput(str(exc)) from exc
    return RoutingApart(group, endpoint, max(since_ms, 0))
