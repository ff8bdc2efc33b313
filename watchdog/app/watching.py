"""Makes the watchers of a target: which sources are asked, and what."""

from collections.abc import Callable

from watchdog import catalog
from watchdog.app.eyes_and_hands import PluginEyes
from watchdog.domain.target import Target
from watchdog.engine.evaluator import Looked
from watchdog.engine.watcher import Watcher
from watchdog.ports import Clock, Question


def watchers_of(
    target: Target, eyes: PluginEyes, clock: Clock, post: Callable[[Looked], None]
) -> list[Watcher]:
    """One watcher for each source that a trigger or veto of `target` looks at, as written."""
    asked = {term.signal.source for trigger in target.triggers for term in trigger.terms}
    asked |= {target.signals[veto.signal].signal.source for veto in target.vetoes}
    return [_watcher(target, name, eyes, clock, post) for name in target.sources if name in asked]


def _watcher(
    target: Target,
    name: str,
    eyes: PluginEyes,
    clock: Clock,
    post: Callable[[Looked], None],
) -> Watcher:
    spec = target.sources[name]
    ask = catalog.source(spec.use).ask
    questions = [
        Question(signal, ask.model_validate(one.ask))
        for signal, one in target.signals.items()
        if one.signal.source == name
    ]
    source = eyes.source(spec.use, spec.options)
    return Watcher(name, spec.every, source, questions, clock, post)
