"""The doctor's look at what our account needs so that users of the cluster can be told apart."""

import asyncio

from watchdog.app.examined import Examined, Health
from watchdog.domain.doors import ApiDoor
from watchdog.domain.errors import WatchdogError

LIMIT = 30.0
_ABOUT = "api.kubernetes: rights"


async def rights_of_callers(api: ApiDoor | None) -> list[Examined]:
    """What is missing, and how to grant it; nothing where no cluster is asked who somebody is."""
    if api is None or api.cluster is None:
        return []
    try:
        from watchdog.adapters.kubernetes.access import Access  # noqa: PLC0415 -- an extra
        from watchdog.adapters.kubernetes.callers import NEEDED, lacking  # noqa: PLC0415
        from watchdog.adapters.kubernetes.rights import rules  # noqa: PLC0415 -- an extra
    except ImportError as error:
        text = f"{error.name} is not installed: install rollback-watchdog[kubernetes]"
        return [Examined(Health.WRONG, _ABOUT, text)]
    try:
        async with asyncio.timeout(LIMIT):
            found = await lacking(Access.model_validate(dict(api.cluster.access)))
    except TimeoutError:
        return [Examined(Health.WRONG, _ABOUT, f"no answer within {LIMIT:g} s")]
    except WatchdogError as error:
        return [Examined(Health.WRONG, _ABOUT, str(error))]
    about = f"{_ABOUT} in {found.where}"
    if not found.missing:
        return [Examined(Health.OK, about, f"all {len(NEEDED)} that the file needs")]
    said = ", ".join(f"{one.verb} {one.resource}.{one.group}" for one in found.missing)
    text = (
        f"may not {said}: nobody of the cluster is heard; bind the account to the ClusterRole "
        f"system:auth-delegator, which has these rules:\n{rules(found.missing)}"
    )
    return [Examined(Health.WRONG, about, text)]
