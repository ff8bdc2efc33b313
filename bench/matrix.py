"""Targets with as many triggers as wanted, each a ratio with volume and freshness."""

from pathlib import Path

ROUTES = 50
_BATCH = 50

_HEAD = """\
target: bench
sources:
  metrics:
    {{use: prometheus, url: "{url}", every: {every}, scrape_interval: 1s, batch: {batch}}}
signals:
"""
_SIGNAL = """\
  errors-{n}:
    from: metrics
    unit: ratio
    on_nodata: ok
    query: >-
      sum(rate(http_requests_total{{route="r{route}",code=~"5.."}}[30s]))
      / sum(rate(http_requests_total{{route="r{route}"}}[30s])) * {n} / {n}
    volume: sum(increase(http_requests_total{{route="r{route}"}}[30s]))
"""
_TRIGGER = "  t{n}: {{signal: errors-{n}, above: 50%, for: 1m, plan: undo}}\n"
_TAIL = """\
plans:
  undo:
    steps:
      - {use: http, name: undo, with: {url: "http://127.0.0.1:9/undo"}, repeat: idempotent}
    verify:
      - {signal: errors-1, below: 50%}
"""


def write_target(
    path: Path, url: str, triggers: int, *, every: str = "5s", batch: int = 50
) -> Path:
    """A file with `triggers` triggers on the Prometheus at `url`."""
    numbers = range(1, triggers + 1)
    signals = "".join(_SIGNAL.format(n=n, route=n % ROUTES) for n in numbers)
    rules = "".join(_TRIGGER.format(n=n) for n in numbers)
    head = _HEAD.format(url=url, every=every, batch=batch)
    path.write_text(f"{head}{signals}triggers:\n{rules}{_TAIL}")
    return path


# Its number is everybody's to set; it fires at the second look, and is over soon.
_CANARY_SIGNAL = "  load: {from: metrics, query: max(bench_load), unit: requests}\n"
_CANARY = "  canary: {signal: load, above: 5, keep_firing_for: 10s, plan: undo}\n"


def write_targets(
    folder: Path, url: str, triggers: int, *, per_target: int, every: str = "15s"
) -> list[Path]:
    """As many files as it takes for `triggers` triggers; one in each watches `bench_load`."""
    files = []
    for first in range(0, triggers, per_target):
        numbers = range(first + 1, min(first + per_target, triggers))
        signals = "".join(_SIGNAL.format(n=n, route=n % ROUTES) for n in numbers)
        rules = "".join(_TRIGGER.format(n=n) for n in numbers)
        head = _HEAD.format(url=url, every=every, batch=_BATCH)
        name = f"bench-{first // per_target:03d}"
        tail = _TAIL.replace("errors-1,", f"errors-{first + 1},")
        file = folder / f"{name}.yaml"
        file.write_text(
            f"{head}{signals}{_CANARY_SIGNAL}triggers:\n{rules}{_CANARY}{tail}".replace(
                "target: bench", f"target: {name}", 1
            )
        )
        files.append(file)
    return files
