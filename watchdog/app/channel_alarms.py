"""Tells people through the channels of a file while there is no journal to tell them from."""

import asyncio
from collections.abc import Mapping

import structlog

from watchdog import catalog
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.opening import open_deps
from watchdog.domain.errors import WatchdogError
from watchdog.domain.target import ChannelSpec
from watchdog.engine.announcer import alarm_message
from watchdog.ports import Deps, Message

# Seconds that a channel may take.
LIMIT = 30.0


async def tell_channels(
    channels: Mapping[str, ChannelSpec], secrets: EnvAndFileSecrets, text: str
) -> None:
    """Each of them once; the log has those that could not be told."""
    async with open_deps(secrets) as deps:
        message = alarm_message(secrets.redact(text), deps.clock.now())
        async with asyncio.TaskGroup() as tasks:
            for spec in channels.values():
                tasks.create_task(_told(spec, message, deps))


async def _told(spec: ChannelSpec, message: Message, deps: Deps) -> None:
    try:
        async with asyncio.timeout(LIMIT):
            plugin = catalog.notifier(spec.use)
            notifier = plugin.build(plugin.options.model_validate(spec.options), deps)
            try:
                await notifier.send(message)
            finally:
                await notifier.close()
    except (WatchdogError, TimeoutError) as error:
        why = str(error) or f"no answer within {LIMIT:g} s"
        structlog.get_logger().warning("channel_not_told", channel=spec.name, why=why)
    # Supervises a plugin: its mistake ends there, and its text may hold a secret.
    except Exception as error:  # noqa: BLE001
        why = f"a mistake in the notifier: {type(error).__name__}"
        structlog.get_logger().warning("channel_not_told", channel=spec.name, why=why)
