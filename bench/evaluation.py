"""Client CPU of an evaluated trigger: query, volume, freshness, verdict and state machine."""

import asyncio
import gc
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import against_limit, say
from bench.matrix import write_target
from watchdog import catalog
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.eyes_and_hands import PluginEyes
from watchdog.app.loading import Files
from watchdog.app.opening import open_deps
from watchdog.domain.moment import Moment
from watchdog.domain.signal import Verdict
from watchdog.engine.evaluator import Evaluator, Looked
from watchdog.engine.watcher import Watcher
from watchdog.ports import Deps, Question

LIMIT = 40.0
FEW, MANY = 20, 200
ROUNDS = 40
ALTERNATIONS = 3


async def measure(url: str) -> None:
    """Print the marginal cost of a trigger, batched and one query each."""
    batched, single = [], []
    for _ in range(ALTERNATIONS):
        batched.append(await _in_its_own_process(url, batch=50))
        single.append(await _in_its_own_process(url, batch=1))
    best, peer = sorted(batched)[1], sorted(single)[1]
    say(f"marginal client CPU of an evaluated trigger ({FEW} to {MANY} triggers, {ROUNDS} rounds):")
    against_limit("in batches of 50", best, LIMIT, "µs")
    say(f"  one query a trigger: {peer:.3g} µs, {peer / best:.1f} times as much")


async def _in_its_own_process(url: str, *, batch: int) -> float:
    """Apart from the page that is scraped, which costs CPU as well."""
    words = (sys.executable, "-m", "bench.evaluation", url, str(batch))
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    answer, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the measurement failed; its reason stands above")
    return float(answer)


async def _measured(url: str, batch: int) -> float:
    with TemporaryDirectory() as name:
        async with open_deps(EnvAndFileSecrets()) as deps:
            return await _marginal(Path(name), deps, url, batch=batch)


async def _marginal(folder: Path, deps: Deps, url: str, *, batch: int) -> float:
    few = await _cpu_of_a_round(folder, deps, url, FEW, batch)
    many = await _cpu_of_a_round(folder, deps, url, MANY, batch)
    return (many - few) / (MANY - FEW) * 1e6


async def _cpu_of_a_round(folder: Path, deps: Deps, url: str, triggers: int, batch: int) -> float:
    file = write_target(folder / "target.yaml", url, triggers, batch=batch)
    [target] = Files([file]).load().targets
    evaluator = Evaluator(target)
    spec = target.sources["metrics"]
    ask = catalog.source(spec.use).ask
    questions = [Question(n, ask.model_validate(s.ask)) for n, s in target.signals.items()]
    eyes = PluginEyes(deps)
    source = eyes.source(spec.use, spec.options)
    rounds: list[Looked] = []
    watcher = Watcher("metrics", spec.every, source, questions, deps.clock, rounds.append)
    started = 0.0
    for slot in range(-3, ROUNDS):
        if slot == 0:
            # As the daemon does once it has started.
            gc.collect()
            gc.freeze()
            started = time.process_time()
        now = deps.clock.now()
        at = Moment(slot * spec.every, now.wall)
        await watcher.tick(slot, at)
        evaluator.take(rounds.pop())
    used = time.process_time() - started
    gc.unfreeze()
    undecided = [n for n, j in evaluator.judgements.items() if j.verdict is Verdict.UNKNOWN]
    await eyes.close()
    if undecided:
        reason = evaluator.judgements[undecided[0]]
        raise RuntimeError(f"{len(undecided)} of {triggers} triggers undecided: {reason}")
    await asyncio.sleep(0)
    return used / ROUNDS


if __name__ == "__main__":
    say(str(asyncio.run(_measured(sys.argv[1], int(sys.argv[2])))))
