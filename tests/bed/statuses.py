"""The status of a process in memory, as it reads once it went through JSON."""

import json
from pathlib import Path
from typing import Any

from tests.process import Process
from watchdog.domain.recent import Recent
from watchdog.engine.service import Service
from watchdog.engine.status import Vitals, snapshot

VITALS = Vitals(version="1.0", pid=1, ready=True, journal="/j.db", kill_file="/KILL")


def service_of(process: Process) -> Service:
    async def reload() -> None:
        """Nothing changes here."""

    service = Service(process.shared, process.lanes, Path("/nowhere/KILL"), 1.0, reload)
    service.watchers = process.watchers
    return service


def status_of(
    process: Process, service: Service | None = None, vitals: Vitals = VITALS
) -> dict[str, Any]:
    recent = Recent().replay(process.journal.records)
    found: dict[str, Any] = json.loads(
        json.dumps(snapshot(service or service_of(process), recent, vitals), allow_nan=False)
    )
    return found
