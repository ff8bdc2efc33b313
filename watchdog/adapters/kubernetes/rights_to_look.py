"""What each question to a cluster takes to be answered."""

from watchdog.adapters.kubernetes.asks import QUESTIONS, Ask, readable
from watchdog.adapters.kubernetes.kinds import ENDPOINT_SLICE, POD, SERVICE
from watchdog.adapters.kubernetes.rights import to, to_see_pods
from watchdog.adapters.kubernetes.workloads import workload
from watchdog.plugins import Right

_OF_THE_OBJECT_ALONE = ("ready", "ready_share")


def rights_to_look(ask: Ask) -> tuple[Right, ...]:
    """The rights that the one question of `ask` takes."""
    name = next(name for name in QUESTIONS if getattr(ask, name) is not None)
    if ask.endpoints is not None:
        return (*to(SERVICE, "get", name=ask.endpoints), *to(ENDPOINT_SLICE, "list"))
    if ask.field is not None:
        kind, one = readable(ask.field.of)
        return to(kind, "get", name=one)
    asked = getattr(ask, name)
    which = workload(asked if isinstance(asked, str) else asked.of)
    if name in _OF_THE_OBJECT_ALONE:
        return to(which.kind, "get", name=which.name)
    logs = to(POD, "get", part="log") if ask.log_lines is not None else ()
    return (*to_see_pods(which), *logs)
