"""A target with as many triggers as wanted, each a ratio with volume and freshness."""

from pathlib import Path

ROUTES = 50

_HEAD = """\
target: bench
sources:
  metrics: {{use: prometheus, url: "{url}", every: {every}, batch: {batch}}}
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
    path: Path, url: str, triggers: int, *, every: str = "5s", batch: int = 25
) -> Path:
    """A file with `triggers` triggers on the Prometheus at `url`."""
    numbers = range(1, triggers + 1)
    signals = "".join(_SIGNAL.format(n=n, route=n % ROUTES) for n in numbers)
    rules = "".join(_TRIGGER.format(n=n) for n in numbers)
    head = _HEAD.format(url=url, every=every, batch=batch)
    path.write_text(f"{head}{signals}triggers:\n{rules}{_TAIL}")
    return path
