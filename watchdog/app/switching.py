"""Has a daemon obey the annotations of an object of the cluster. Needs an extra only where used."""

from contextlib import AsyncExitStack
from functools import partial

from watchdog.app.daemon import Daemon
from watchdog.domain.errors import ConfigError


async def obey_annotations(stack: AsyncExitStack, daemon: Daemon) -> None:
    """From the start of `daemon` on, where its file says so; sends nothing yet.

    Raises ConfigError where the cluster cannot be reached as the file says.
    """
    switches = daemon.loaded.daemon.switches
    if switches is None:
        return
    try:
        from watchdog.adapters.kubernetes.access import Access, reached  # noqa: PLC0415 -- an extra
        from watchdog.adapters.kubernetes.notes import follow, notes_of  # noqa: PLC0415 -- an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"switches: needs {error.name}; install rollback-watchdog[kubernetes]"
        ) from None
    board, redact = daemon.switches, daemon.deps.secrets.redact
    access = Access.model_validate(dict(switches.access))
    api = await stack.enter_async_context(reached(access))
    place = f"{switches.object} in {api.namespace}"
    follows = partial(
        follow,
        api,
        switches.object,
        lambda found: board.take(notes_of(found, place, redact)),
        lambda why: board.lost(redact(why)),
    )
    daemon.background |= {"switchboard": board.run, "annotations": follows}
