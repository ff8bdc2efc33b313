from collections.abc import Callable
from pathlib import Path

import pytest

from watchdog import catalog
from watchdog.config.loading import Loaded, load_files
from watchdog.config.problems import ConfigProblems
from watchdog.domain.doors import AlertmanagerDoor, Doors, SignalDoor, TlsFiles
from watchdog.domain.target import Veto

DAEMON = """
listen: 127.0.0.1:9095
tls: {certificate: tls.crt, key: tls.key, client_ca: ca.crt}
inbound:
  alertmanager:
    bearer: [{file: one}, {env: TWO}]
    client_certificate: true
    repeat_interval: 1h
    max_age: 5m
  signals:
    fraud: {secrets: [{env: SIGNING}], target: shop, valid_for: 10m}
  signature_header: X-Signature
"""
TARGET = """
target: shop
sources:
  said: {use: inbound}
  health: {use: http, url: "http://shop/health"}
signals:
  burning: {from: said, alert: ShopBurns, labels: {service: shop}}
  fraud: {from: said, name: fraud}
  healthy: {from: health}
  frozen: {from: health, expect: {body: frozen}}
plans:
  undo:
    steps: [{use: http, with: {url: "http://shop/undo"}, repeat: idempotent}]
    verify: [{signal: healthy, is: ok}]
  bare:
    steps: [{use: http, with: {url: "http://shop/undo"}, repeat: idempotent}]
"""
CONFIRMED = "all: [{signal: burning, is: failing}, {signal: healthy, is: failing}], plan: undo"
ONE_OF_TWO = (
    "count: {of: [{signal: burning, is: failing}, {signal: fraud, is: failing}], at_least: 1}, "
    "plan: undo"
)
ANY_OTHER = (
    "all: [{signal: burning, is: failing}, "
    "{any: [{signal: healthy, is: failing}, {signal: fraud, is: failing}]}], plan: undo"
)
ALONE = "an Alertmanager alone can start this plan"
Load = Callable[..., Loaded]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(daemon: str = "", trigger: str = CONFIRMED, more: str = "") -> Loaded:
        (tmp_path / "d.yaml").write_text(daemon or "kill_file: KILL")
        (tmp_path / "a.yaml").write_text(f"{TARGET}triggers:\n  one: {{{trigger}}}\n{more}")
        return load_files([tmp_path / "d.yaml", tmp_path / "a.yaml"], catalog, environ={})

    return load


def warnings(loaded: Loaded) -> list[str]:
    return [problem.text for problem in loaded.warnings]


def test_the_doors_are_what_the_file_says(load: Load, tmp_path: Path) -> None:
    daemon = load(DAEMON).daemon

    assert daemon.inbound == Doors(
        AlertmanagerDoor(
            ({"file": "one"}, {"env": "TWO"}),
            certificate=True,
            repeat_interval=3600.0,
            max_age=300.0,
        ),
        {"fraud": SignalDoor(({"env": "SIGNING"},), "shop", 600.0)},
        "X-Signature",
        "X-Watchdog-Timestamp",
    )
    assert daemon.tls == TlsFiles(
        *(str(tmp_path / name) for name in ("tls.crt", "tls.key", "ca.crt"))
    )


def test_nobody_is_let_in_unless_the_file_says_so(load: Load) -> None:
    daemon = load().daemon

    assert (daemon.inbound, daemon.tls) == (None, None)


@pytest.mark.parametrize(
    ("daemon", "text"),
    [
        ("inbound: {alertmanager: {bearer: [{env: A}]}}", "need an address: give `listen`"),
        ("listen: x:1\ninbound: {alertmanager: {}}", "anybody could send alerts"),
        ("listen: x:1\ninbound: {alertmanager: {bearer: []}}", "bearer"),
        (
            "listen: x:1\ninbound: {alertmanager: {bearer: [{env: A}, {env: B}, {env: C}]}}",
            "bearer",
        ),
        ("listen: x:1\ninbound: {alertmanager: {bearer: secret-4711}}", "must not stand in a file"),
        ("listen: x:1\ninbound: {signals: {a: {}}}", "secrets"),
        (
            "listen: x:1\ninbound: {alertmanager: {client_certificate: true}}",
            "`client_certificate` needs `tls` with a `client_ca`",
        ),
        ("listen: x:1\ninbound: {timestamp_header: 'a b'}", "is no header"),
        ("listen: x:1\ninbound: {webhooks: {}}", "webhooks"),
    ],
)
def test_what_cannot_be_meant_is_refused(load: Load, daemon: str, text: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        load(daemon)

    assert text in str(caught.value)


def test_what_others_say_is_looked_at_more_often(load: Load) -> None:
    sources = load().targets[0].sources

    assert (sources["said"].every, sources["health"].every) == (5.0, 15.0)


def test_a_signal_of_others_is_known_as_such(load: Load) -> None:
    signals = load().targets[0].signals

    assert {name for name, spec in signals.items() if spec.signal.hearsay} == {"burning", "fraud"}


def test_a_question_is_a_name_or_an_alert(load: Load) -> None:
    for wrong in ("name: x, alert: y", "", "name: x, labels: {a: b}"):
        signal = f"signals:\n  odd: {{from: said, {wrong}}}\n"
        with pytest.raises(ConfigProblems):
            load(trigger=CONFIRMED, more=signal)


@pytest.mark.parametrize(
    "trigger",
    [
        "signal: burning, fails: 2, plan: undo",
        "any: [{signal: burning, is: failing}, {signal: healthy, is: failing}], plan: undo",
        "all: [{signal: burning, is: failing}, {signal: burning, is: failing}], plan: undo",
        ONE_OF_TWO,
    ],
)
def test_a_plan_that_an_alertmanager_alone_could_start_is_worth_a_word(
    load: Load, trigger: str
) -> None:
    assert any(ALONE in text for text in warnings(load(trigger=trigger)))


@pytest.mark.parametrize(
    "trigger",
    [
        CONFIRMED,
        "signal: fraud, fails: 2, plan: undo",
        "signal: burning, fails: 2",
        ANY_OTHER,
    ],
)
def test_a_plan_that_needs_more_than_an_alert_is_not(load: Load, trigger: str) -> None:
    assert not any(ALONE in text for text in warnings(load(trigger=trigger)))


def test_a_plan_whose_help_nothing_could_show_is_worth_a_word(load: Load) -> None:
    bare = "signal: fraud, fails: 2, plan: bare"
    said = [text for text in warnings(load(trigger=bare)) if "nothing could show" in text]

    assert len(said) == 1
    assert not any(
        "nothing could show" in text
        for text in warnings(load(trigger=bare.replace("bare", "undo")))
    )


def test_a_veto_is_a_signal_that_there_is(load: Load) -> None:
    veto = "veto: [{signal: frozen}, {signal: healthy, on_unknown: ignore}]"
    loaded = load(more=veto)

    assert loaded.targets[0].vetoes == (Veto("frozen"), Veto("healthy", refuses_unknown=False))
    assert not any("frozen" in str(problem) for problem in loaded.warnings)
    with pytest.raises(ConfigProblems, match="there is no signal 'frost'; known: burning"):
        load(more="veto: [{signal: frost}]")
