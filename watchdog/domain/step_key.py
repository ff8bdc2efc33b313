"""The key of a step: by it the other side recognises what it has done, and for which run."""

from watchdog.domain.progress import Stage


def step_key(run: str, stage: Stage, number: int) -> str:
    """Names one step of a run; of an undo, `number` is that of the step that it takes back."""
    return f"{run}/{stage.value}/{number}"


def run_of(key: str) -> str:
    """The run that the step of this key belongs to."""
    return key.partition("/")[0]


def takes_back(key: str) -> bool:
    """Whether it is the key of an undo, which takes back what its own run did."""
    return key.partition("/")[2].startswith(f"{Stage.UNDO.value}/")
