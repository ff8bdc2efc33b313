"""Has a daemon look after itself: heartbeat, stuck detectors, loop lag, and its service manager."""

from functools import partial

from watchdog.adapters.dead_man import DeadMan
from watchdog.adapters.service_manager import ServiceManager
from watchdog.app.daemon import Daemon
from watchdog.engine.announcer import Announcer
from watchdog.engine.heart import Heart
from watchdog.engine.loop_lag import LoopLag
from watchdog.engine.self_watch import SelfWatch
from watchdog.engine.standing_by import stand_by


def watch_itself(daemon: Daemon, announcer: Announcer) -> None:
    """From the start of `daemon` on."""
    heart = _heart(daemon)
    lag = LoopLag(daemon.deps.clock)
    itself = SelfWatch(daemon.service, heart, announcer.waiting)
    daemon.background |= {"loop lag": lag.run, "self watch": itself.run}
    daemon.itself = lambda: itself.seen(lag.worst())


def _heart(daemon: Daemon) -> Heart | None:
    settings = daemon.loaded.daemon.heartbeat
    if settings is None:
        return None
    dead_man = DeadMan(settings, daemon.deps)
    heart = Heart(settings, daemon.service, daemon.ready.is_set, dead_man.beat)
    daemon.round_taken = heart.took
    daemon.background["heartbeat"] = heart.run
    return heart


def obey_manager(daemon: Daemon, manager: ServiceManager) -> None:
    """Have `manager` told how `daemon` is, where anybody listens."""
    if manager.listens:
        daemon.tell_manager = manager.tell
        stand = partial(stand_by, manager, daemon.service, daemon.ready)
        daemon.background["service manager"] = stand
