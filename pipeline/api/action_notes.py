"""What is done without a change in the store, such as a replay, written into the audit log."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.api.caller import Caller
from pipeline.api.store_work import in_thread
from pipeline.domain.audit import Action
from pipeline.registry import Registry


class ActionNotes:
    """Used on the event loop."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def note(
        self,
        caller: Caller,
        kind: str,
        *,
        subject: str,
        account: str | None,
        asked: Mapping[str, object] | None = None,
    ) -> None:
        """Once it was done. Raises Problem (503): it was done, and is not in the log."""
        await in_thread(self._note, caller, Action(kind, subject, account, asked or {}))

    def _note(self, caller: Caller, action: Action) -> None:
        with self._registry.writing(caller.author) as writer:
            writer.note_action(action)
