"""How that stands which a step changes: read before the step is first sent, and gone by after."""

import asyncio
from collections.abc import Awaitable, Callable

from watchdog.domain.errors import TransientError, WatchdogError
from watchdog.domain.plan import Step
from watchdog.engine.defects import unexpected
from watchdog.ports import Bound, Executor, Hands

Pause = Callable[[int], Awaitable[bool]]


async def how_it_stands(hands: Hands, step: Step, pause: Pause) -> tuple[str, str]:
    """How it stands now, and why that is not known; both empty where the step does not go by it.

    `pause` waits before it is read again, and says whether that is still wanted.
    """
    refused, tries = "", 0
    try:
        executor = hands.executor(step)
        if not isinstance(executor, Bound):
            return "", ""
        async with asyncio.timeout(step.timeout):
            while True:
                tries += 1
                try:
                    return await executor.stands(), ""
                except TransientError as error:
                    refused = str(error)
                if tries > step.retries or not await pause(tries):
                    return "", f"{refused} (tried {tries} times)"
    except TimeoutError:
        return "", refused or f"nothing could be read within {step.timeout:g} s"
    except WatchdogError as error:
        return "", str(error)
    except Exception as error:  # noqa: BLE001 -- one plugin's defect must not end all lanes
        return "", unexpected(error)


async def carried_out(executor: Executor, key: str, stood: str) -> str:
    """What the other side answered; with `stood`, only what still stands so is changed."""
    if stood and isinstance(executor, Bound):
        return await executor.execute_if(key, stood)
    return await executor.execute(key)
