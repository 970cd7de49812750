"""The stages by name, and one process of any of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvloop

from pipeline.adapters.kafka.codec import RecordCodec
from pipeline.adapters.kafka.schema_files import load_schemas
from pipeline.adapters.kafka.start_positions import GroupStarts
from pipeline.adapters.profile_files import read_profile_files
from pipeline.domain.tiers import DEFAULT_TIERS
from pipeline.domain.topology import Topology
from pipeline.resources import PROFILES_DIR, SCHEMAS_DIR
from pipeline.slots import Slot
from pipeline.stages.sender.recipient import SenderIdentity
from pipeline.wiring.connection import connection
from pipeline.wiring.recorder_stage import build_recorder
from pipeline.wiring.router_stage import build_router
from pipeline.wiring.scheduler_stage import build_scheduler
from pipeline.wiring.sender_stage import Recipients, build_sender
from pipeline.wiring.stage_process import BuiltStage, Parts, Surroundings, run_stage

if TYPE_CHECKING:
    from pipeline.settings import Settings

Build = Callable[[Parts], BuiltStage]
