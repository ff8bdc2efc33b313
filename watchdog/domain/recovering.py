"""What a person may do with a run that stopped on the way, and the commands for that."""

from watchdog.domain.plan import Step
from watchdog.domain.progress import Outcome, Recovery, RunRecovered, Stage
from watchdog.domain.run import Run
from watchdog.domain.wording import clock


def objection(run: Run, how: Recovery, *, happened: bool | None = None) -> str:
    """Why `run` cannot be recovered so, for the person who asks; empty: it can be.

    `happened`: what they say of a step in doubt; None: nothing.
    """
    if run.stage is not Stage.ENDED:
        return f"run {run.id} is in its {run.stage.value} stage: `kill --on` stops it first"
    if run.outcome is Outcome.SUCCEEDED or run.outcome is None:
        word = run.outcome.value if run.outcome else "watched to its end"
        return f"run {run.id} ended {word}: there is nothing to recover"
    if run.abandoned:
        return f"run {run.id} was abandoned: start a plan anew"
    if how is Recovery.ABANDON:
        return ""
    if run.doubtful and happened is None:
        return (
            f"whether {in_doubt(run)} happened is in doubt: look, and say --done if it did, "
            "or --again if it did not"
        )
    if not run.doubtful and happened is not None:
        return f"no step of run {run.id} is in doubt: leave --done and --again out"
    undone = taken_back(run)
    if how is Recovery.RESUME and undone and run.halted and run.halted[0] is not Stage.UNDO:
        return (
            f"{undone} of run {run.id} was taken back, so that it cannot go on: start plan "
            f"{run.start.plan.name} anew"
        )
    also = run.halted[1] if run.halted and happened and run.halted[0] is Stage.STEPS else None
    can_undo = bool(run.undoable) or _has_undo(run, also)
    if how is Recovery.COMPENSATE and not can_undo and undone and not run.done:
        return f"all that run {run.id} did was taken back already: {undone}"
    if how is Recovery.COMPENSATE and not can_undo:
        return f"nothing that run {run.id} did has an `undo` in its plan: undo it by hand"
    return ""


def in_doubt(run: Run) -> str:
    """The step of which nobody knows, for a person; empty where there is none."""
    if not run.doubtful or run.halted is None:
        return ""
    stage, index = run.halted
    steps = run.start.plan.steps
    if stage is Stage.UNDO:
        number = run.undoing[index]
        return f"the undo of step {number + 1} ({steps[number].name})"
    return f"step {index + 1} ({steps[index].name})" if index < len(steps) else ""


def standing(run: Run) -> list[str]:
    """The steps that happened and were not taken back, in order, with since when."""
    steps = run.start.plan.steps
    return [
        f"step {index + 1} ({steps[index].name}), since {clock(at.wall)}"
        for index, at in sorted(run.done.items())
    ]


def taken_back(run: Run) -> str:
    """The steps that were taken back, for a person; empty where none was."""
    steps = run.start.plan.steps
    undone = sorted(set(run.undoing) - set(run.done))
    return ", ".join(f"step {index + 1} ({steps[index].name})" for index in undone)


def commands(run: Run) -> list[str]:
    """What a person may type, a line each: what it does, and the command."""
    if objection(run, Recovery.ABANDON):
        return []
    ask = f"rollback-watchdog recover {run.id}"
    word = " --done" if run.doubtful else ""
    other = f" (or --again instead of --done: {in_doubt(run)} did not happen)" if word else ""
    lines = []
    if not objection(run, Recovery.RESUME, happened=run.doubtful or None):
        lines.append(f"go on: `{ask} --resume{word} --by YOU --reason WHY`{other}")
    if not objection(run, Recovery.COMPENSATE, happened=run.doubtful or None):
        lines.append(f"take back what was done: `{ask} --compensate{word} --by YOU --reason WHY`")
    return [*lines, f"end it for good: `{ask} --abandon --by YOU --reason WHY`"]


def deed(event: RunRecovered) -> str:
    """What the person decided, in words."""
    word = {None: "", True: ", the step in doubt happened", False: ", the step in doubt did not"}
    done = {
        Recovery.RESUME: "goes on",
        Recovery.COMPENSATE: "takes back what it did",
        Recovery.ABANDON: "is abandoned",
    }
    return f"{done[event.how]}{word[event.happened]}"


def _has_undo(run: Run, index: int | None) -> bool:
    item = None if index is None else run.start.plan.steps[index]
    return isinstance(item, Step) and item.undo is not None
