"""Proofs without the time to be given."""

from tests.config.small_plugins import Files

FILE = """
target: checkout
sources: {metrics: {use: prometheus, url: "http://m", every: 60s}, health: {use: http, url: "http://h"}}
signals: {errors: {from: metrics, query: q}, healthy: {from: health}}
triggers:
  down: {signal: healthy, fails: 3, plan: undo}
  high: {signal: errors, above: 1%, for: 5m, plan: undo}
LIMITS
plans:
  undo:
    steps: [{use: command, with: {argv: [undo]}, repeat: once}]
    verify: [CHECK]
    PLAN
"""
GOOD = "{signal: errors, below: 1%, samples: 3}"


def warnings(files: Files, *, check: str = GOOD, plan: str = "", limits: str = "") -> list[str]:
    text = FILE.replace("CHECK", check).replace("PLAN", plan).replace("LIMITS", limits)
    return files.warnings(text)


def test_what_has_its_time_has_no_warning(files: Files) -> None:
    assert warnings(files) == []
    assert warnings(files, plan="verify_within: 2m", check="{signal: healthy, is: ok}") == []


def test_a_check_that_can_never_pass_is_named(files: Files) -> None:
    check = "{signal: errors, below: 1%, samples: 3, within: 119s}"

    (warning,) = warnings(files, check=check)

    assert warning.startswith("a.yaml:11: plans.undo.verify[0]: can never pass, as 3 looks 60 s")
    assert warning.endswith("longer than the 119 s it is given; give it a longer `within`")
    assert warnings(files, check=check.replace("119s", "120s")) == []


def test_the_proof_of_a_trigger_takes_three_of_its_looks(files: Files) -> None:
    check = "{signal: healthy, is: ok}"
    short = warnings(files, check=check, plan="verify_within: 119s")

    (warning,) = short
    assert warning.startswith("a.yaml:12: plans.undo.verify_within: 3 good looks of trigger 'high'")
    assert warning.endswith("longer than the 119 s it gives them; no run of it is ever proven")
    assert warnings(files, check=check, plan="verify_within: 119s\n    verify_trigger: false") == []


def test_a_rest_that_is_shorter_than_the_watch_is_named(files: Files) -> None:
    plan = "watch: {short: 15m, long: 1h}"

    (warning,) = warnings(files, plan=plan, limits="limits: {cooldown: 10m}")

    assert warning.startswith("a.yaml:7: limits.cooldown: ends before the watch after plan 'undo'")
    assert warning.endswith("does: 600 s and 900 s; rest longer than you watch")
    assert warnings(files, plan=plan, limits="limits: {cooldown: 15m}") == []
    assert warnings(files, plan=plan, limits="limits: {cooldown: 0s}") == []
