"""Answers as a stage does: `answering_stage <run folder> <yes|no: alive> <yes|no: ready>`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from pipeline.slots import Slot
from pipeline.telemetry.health_server import Health, HealthServer

if __name__ == "__main__":
    is_alive, is_ready = (word == "yes" for word in sys.argv[2:4])
    server = HealthServer("127.0.0.1", 0, judge=lambda: Health(is_alive, is_ready))
    Slot(Path(sys.argv[1]), "router").publish(server.port)
    threading.Event().wait()
