"""Whether the recorder can write its store."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.adapters.storage.errors import StoreUnavailable, StoreUnusable
from pipeline.adapters.storage.inspection import StoreState, inspected
from pipeline.settings import Settings
from pipeline.wiring.configuration import store_url
from pipeline.wiring.doctor.finding import Finding, error, ok, warning

_CHECK = "store"


def store_findings(settings: Settings) -> Iterator[Finding]:
    """Nothing is made and nothing migrated."""
    if settings.store.url is None and not settings.data_dir.exists():
        yield ok(_CHECK, _TEXTS[StoreState.ABSENT])
        return
    try:
        state = inspected(store_url(settings))
    except StoreUnavailable as exc:
        yield warning(
            _CHECK, str(exc), "deliveries go on without it; the recorder catches up when it is back"
        )
    except StoreUnusable as exc:
        yield error(_CHECK, str(exc), "see PIPELINE_STORE__URL")
    except OSError as exc:
        yield error(
            _CHECK,
            f"{exc.filename}: {exc.strerror}",
            "set PIPELINE_DATA_DIR to a folder that can be written",
        )
    else:
        yield ok(_CHECK, _TEXTS[state])


_TEXTS = {
    StoreState.ABSENT: "not there yet; the recorder makes it at its first start",
    StoreState.OLD: "opens, can be written; the recorder will bring its schema up to date",
    StoreState.CURRENT: "opens, can be written, and its schema is this version's",
}
