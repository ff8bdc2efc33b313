from pathlib import Path

import pytest

from tests.config.small_plugins import MINIMAL, Files, SmallPlugins
from watchdog.config.loading import load_target
from watchdog.config.problems import ConfigProblems
from watchdog.config.settings import Defaults
from watchdog.domain.target import ChannelSpec, Limits

OTHER = MINIMAL.replace("checkout", "basket")


def test_the_file_sets_everything(files: Files) -> None:
    files.write(
        "d.yaml",
        """
        journal: {use: sqlite, path: state/j.db}
        socket: /run/w.sock
        listen: "[::1]:9095"
        targets: ["targets/*.yaml"]
        limits: {per_hour: 9}
        channels: {team: {use: webhook, url: "http://team"}}
        kill_file: stop
        log: {format: console}
        grace: 5s
        """,
    )
    files.write("targets/a.yaml", MINIMAL)
    files.write("targets/b.yaml", OTHER)

    loaded = files.load("d.yaml")

    daemon = loaded.daemon
    assert daemon.journal == str(files.folder / "state/j.db")
    assert daemon.socket == "/run/w.sock"
    assert daemon.listen == "[::1]:9095"
    assert daemon.kill_file == str(files.folder / "stop")
    assert (daemon.per_hour, daemon.log_format, daemon.grace) == (9, "console", 5.0)
    assert daemon.channels == {
        "team": ChannelSpec("team", "webhook", {"url": "http://team"}),
        "log": ChannelSpec("log", "log", {}),
    }
    assert [target.name for target in loaded.targets] == ["checkout", "basket"]
    assert [files.short(file) for file in loaded.files] == [
        "d.yaml",
        "targets/a.yaml",
        "targets/b.yaml",
    ]


def test_what_belongs_to_the_journal_stands_beside_it(files: Files) -> None:
    files.write("d.yaml", "journal: {path: /var/lib/w/j.db}")

    daemon = files.load("d.yaml").daemon

    assert (daemon.socket, daemon.kill_file) == ("/var/lib/w/j.sock", "/var/lib/w/KILL")


def test_systemd_says_where_state_belongs(files: Files) -> None:
    files.write("a.yaml", MINIMAL)

    daemon = files.load("a.yaml", environ={"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}).daemon

    assert daemon.journal == "/var/lib/one/journal.db"


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(files: Files) -> None:
    files.write("d.yaml", "limits: {per_hour: 9}\nlisten: 127.0.0.1:1\ndefaults: {every: 30s}")
    files.write("a.yaml", MINIMAL)
    environ = {
        "ROLLBACK_WATCHDOG_LISTEN": "127.0.0.1:2",
        "ROLLBACK_WATCHDOG_DEFAULTS__MIN_VOLUME": "7",
        "ROLLBACK_WATCHDOG_CHANNELS__TEAM__USE": "webhook",
        "ROLLBACK_WATCHDOG_CHANNELS__TEAM__URL": "http://team",
        "ROLLBACK_WATCHDOG_JOURNAL__PATH": "j.db",
    }

    loaded = files.load("d.yaml", "a.yaml", environ=environ)

    assert (loaded.daemon.listen, loaded.daemon.per_hour) == ("127.0.0.1:2", 9)
    assert loaded.daemon.journal == "j.db"
    assert loaded.daemon.channels["team"].options == {"url": "http://team"}
    assert loaded.targets[0].sources["metrics"].every == 30.0
    assert loaded.targets[0].signals["errors"].signal.min_volume == 7.0


def test_defaults_are_laid_under_every_target(files: Files) -> None:
    files.write(
        "d.yaml",
        """
        channels: {team: {use: webhook, url: "http://team"}}
        defaults:
          every: 30s
          min_volume: 5
          max_staleness: 2m
          keep_firing_for: 4m
          blind_after: 6m
          limits: {per_hour: 2, cooldown: 30m}
          notify: [{on: [failed], to: [team]}]
          report: {to: elsewhere}
        """,
    )
    files.write("a.yaml", MINIMAL)
    files.write(
        "b.yaml",
        OTHER.replace('9090"}', '9090", every: 1s}').replace("for: 5m", "for: 5m, blind_after: 1m"),
        "limits: {per_day: 9}",
        "notify: []",
        "report: {to: here}",
    )

    under, over = files.load("d.yaml", "a.yaml", "b.yaml").targets

    signal, trigger = under.signals["errors"].signal, under.triggers[0]
    assert (under.sources["metrics"].every, over.sources["metrics"].every) == (30.0, 1.0)
    assert (signal.min_volume, signal.max_staleness) == (5.0, 120.0)
    assert (trigger.keep_firing_for, trigger.blind_after) == (240.0, 360.0)
    assert over.triggers[0].blind_after == 60.0
    assert under.limits == Limits(per_hour=2, per_day=2, cooldown=1800.0)
    assert over.limits == Limits(per_hour=2, per_day=9, cooldown=1800.0)
    assert [rule.to for rule in under.notify] == [("log",), ("team",)]
    assert [rule.to for rule in over.notify] == [("log",)]
    assert (under.report_to, over.report_to) == ("elsewhere", "here")


def test_defaults_are_scaled_with_the_targets(files: Files) -> None:
    files.write("d.yaml", "defaults: {every: 30s, limits: {cooldown: 30m}}")
    files.write("a.yaml", MINIMAL)

    target = files.load("d.yaml", "a.yaml", speed=30).targets[0]

    assert target.sources["metrics"].every == 1.0
    assert target.limits.cooldown == 60.0
    assert target.triggers[0].blind_after == 10.0


def test_one_target_can_be_read_alone(files: Files) -> None:
    files.write("a.yaml", MINIMAL, "notify: [{to: [team]}]")
    defaults = Defaults.model_validate({"every": "30s"})

    target = load_target(
        files.folder / "a.yaml",
        SmallPlugins(),
        speed=10,
        defaults=defaults,
        channels=["log", "team"],
        environ={},
    )

    assert target.sources["metrics"].every == 3.0
    with pytest.raises(ConfigProblems, match="no channel 'team'"):
        load_target(files.folder / "a.yaml", SmallPlugins(), environ={})


def test_a_file_that_is_named_twice_is_read_once(files: Files) -> None:
    files.write("d.yaml", 'targets: ["*.target.yaml"]')
    files.write("a.target.yaml", MINIMAL)

    assert len(files.load("a.target.yaml", "d.yaml", "./a.target.yaml").targets) == 1


def test_everything_wrong_in_all_files_is_said_at_once(files: Files) -> None:
    files.write(
        "d.yaml",
        """
        targets: ["*.target.yaml", "none/*.yaml"]
        listen: nine
        channels: {team: {use: webhok}, other: {use: webhook}}
        defaults: {every: 5, notify: [{to: [teem]}]}
        kill_fil: x
        """,
    )
    files.write("a.target.yaml", MINIMAL)
    files.write("b.target.yaml", MINIMAL, "mode: atuo", "notify: [{to: [team]}]")
    files.write("c.yaml", "listen: ''")
    files.write("e.yaml", "something: else")
    files.write("f.yaml", "target: [a")

    assert files.refusal("d.yaml", "c.yaml", "e.yaml", "f.yaml") == [
        "c.yaml:1: is a second daemon's file beside d.yaml; name one of them",
        "d.yaml:2: listen: 'nine' is no address; write HOST:PORT, such as 127.0.0.1:9095",
        "d.yaml:4: defaults.every: a duration needs a unit; write it like 90s, 1h30m or 500ms",
        "d.yaml:5: kill_fil: unknown key; did you mean 'kill_file'?",
        "e.yaml:1: is neither: a target's file has `target: NAME`, the daemon's has `targets:`",
        (
            "f.yaml:1: not valid YAML: did not find expected ',' or ']'; "
            "compare the indentation, quotes and brackets here with the lines before"
        ),
    ]
    files.write("d.yaml", (files.folder / "d.yaml").read_text().replace("nine", "''"))
    mended = (files.folder / "d.yaml").read_text().replace("every: 5", "every: 5s")
    files.write("d.yaml", mended.replace("kill_fil", "kill_file"))
    assert files.refusal("d.yaml") == [
        (
            "b.target.yaml:1: target: 'checkout' is the target of a.target.yaml, too; "
            "give one another name"
        ),
        "b.target.yaml:16: mode: 'atuo' is not known here; write 'alert-only', 'approve' or 'auto'",
        "d.yaml:1: targets: no file matches 'none/*.yaml'; mend the pattern, or remove it",
        "d.yaml:3: channels.team.use: there is no 'webhok'; known: log, webhook",
        "d.yaml:3: channels.other.url: is missing; add it",
        "d.yaml:4: defaults.notify[0].to[0]: there is no channel 'teem'; did you mean 'team'?",
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LISTEN", "nine", "'nine' is no address; write HOST:PORT, such as 127.0.0.1:9095"),
        (
            "LISTEN",
            "host:99999",
            "'host:99999' is no address; write HOST:PORT, such as 127.0.0.1:9095",
        ),
        ("LIMITS__PER_HOUR", "x", "is 'x', but should be a whole number"),
        ("LIMITS__PER_HUOR", "1", "unknown key; did you mean 'per_hour'?"),
        ("TARGETS", "a.yaml", 'should be JSON, such as \'["a", "b"]\''),
        ("TARGETS", '["no/*.yaml"]', "no file matches 'no/*.yaml'; mend the pattern, or remove it"),
        ("GRACE", "1", "'1' is not a duration; write it like 90s, 1h30m or 500ms"),
        ("CHANNELS__TEAM__USE", "pigeon", "there is no 'pigeon'; known: log, webhook"),
    ],
)
def test_what_is_wrong_in_the_environment_is_said_of_its_variable(
    files: Files, name: str, value: str, said: str
) -> None:
    environ = {f"ROLLBACK_WATCHDOG_{name}": value}

    assert files.refusal(environ=environ) == [f"environment: ROLLBACK_WATCHDOG_{name}: {said}"]


def test_a_variable_that_is_nearly_ours_is_a_warning(files: Files) -> None:
    files.write("a.yaml", MINIMAL)
    # Kubernetes sets the second for a service of that name.
    environ = {"ROLLBACK_WATCHDOG_LISTN": "x", "ROLLBACK_WATCHDOG_PORT": "tcp://10.0.0.1:9095"}

    warnings = files.load("a.yaml", environ=environ).warnings

    assert [str(warning) for warning in warnings] == [
        (
            "environment: ROLLBACK_WATCHDOG_LISTN: means nothing; "
            "did you mean ROLLBACK_WATCHDOG_LISTEN?"
        )
    ]


def test_an_address_takes_variables_of_the_environment(files: Files) -> None:
    files.write("a.yaml", MINIMAL.replace("http://prometheus:9090", "${SCHEME}://${HOST}:9090"))

    target = files.load("a.yaml", environ={"SCHEME": "https", "HOST": "metrics"}).targets[0]

    assert target.sources["metrics"].options == {"url": "https://metrics:9090"}
    assert files.refusal("a.yaml", environ={"SCHEME": "https", "HOST": ""}) == [
        (
            "a.yaml:3: sources.metrics.url: the variable HOST is not set; "
            "set it in the environment, or write the address out"
        )
    ]


def test_no_problem_shows_a_secret(files: Files) -> None:
    said = files.problems(
        MINIMAL,
        """
        auth:
          one: {bearer: hunter2hunter2}
          two: {basic: {user: u, password: [hunter2hunter2]}}
          three: {header: {name: X, value: hunter2hunter2}}
        """,
    )

    plain = "a secret must not stand in a file; write {env: NAME} or {file: PATH}"
    assert said == [
        f"a.yaml:17: auth.one.bearer: {plain}",
        f"a.yaml:18: auth.two.basic.password: {plain}",
        f"a.yaml:19: auth.three.header.value: {plain}",
    ]


def test_nothing_is_needed_at_all(tmp_path: Path) -> None:
    assert Files(tmp_path).load().targets == ()
