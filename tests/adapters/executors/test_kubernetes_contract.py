"""What every Kubernetes verb must pass, with the API server's audit log as the judge."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.bed.answer_loser import changes, losing_answers
from tests.bed.control_plane import ControlPlane
from tests.bed.deps import real_deps
from tests.bed.gitops import keeper
from tests.bed.kubernetes_verbs import KEY, VERBS, Sent, Verb
from tests.bed.wire import free_port
from tests.control_plane.audit import Call
from watchdog import catalog
from watchdog.domain.errors import InDoubtError, PermanentError
from watchdog.domain.events import Effect
from watchdog.plugins import AnyExecutorPlugin, Right
from watchdog.ports import Bound, Deps, Executor, Probe
from watchdog.testing.contracts_executor import refusals

CHANGED_BY_MANY = ("deployments", "statefulsets", "daemonsets", "services")
REVISION = "deployment.kubernetes.io/revision"
# Seconds. Far more than anything takes here.
PATIENCE = 30.0
ACTING = [verb for verb in VERBS if verb.sent]
# Those that change what somebody else changes, too, whenever they deploy.
BOUND = [verb for verb in ACTING if verb.sent[0].resource in CHANGED_BY_MANY]
each = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
each_that_acts = pytest.mark.parametrize("verb", ACTING, ids=lambda verb: verb.name)

each_bound = pytest.mark.parametrize("verb", BOUND, ids=lambda verb: verb.name)


@dataclass(frozen=True, slots=True)
class Bench:
    """A verb, its world, and an account that has the rights it says it needs and no others."""

    verb: Verb
    plane: ControlPlane
    namespace: str
    folder: Path
    deps: Deps
    began: int

    @property
    def plugin(self) -> AnyExecutorPlugin:
        return catalog.executor(self.verb.use)

    @property
    def rights(self) -> Sequence[Right]:
        assert self.plugin.rights is not None
        return self.plugin.rights(self.plugin.options.model_validate(self.verb.options))

    def with_rights(self, rights: Iterable[Right]) -> "Bench":
        """The same, as a new account of these rights."""
        token = self.plane.account(self.namespace, [_rule(one) for one in rights])
        return self.at(self.plane.api_server, token)

    def at(self, server: str, token: str | None = None, namespace: str | None = None) -> "Bench":
        """The same by another way, as the account of `token`."""
        file = self.plane.kubeconfig(self.folder, token, namespace or self.namespace, server=server)
        options = {**self.verb.options, "kubeconfig": str(file)}
        return replace(self, verb=replace(self.verb, options=options))

    def token(self) -> str:
        """Of an account with the rights that the verb says it needs."""
        return self.plane.account(self.namespace, [_rule(one) for one in self.rights])

    def probe(self) -> Probe:
        return self.plugin.probe(self.plugin.options.model_validate(self.verb.options), self.deps)

    def executor(self) -> Executor:
        return self.plugin.build(self.plugin.options.model_validate(self.verb.options), self.deps)

    def calls(self) -> list[Call]:
        """What was asked to change since the world was made, by whomever."""
        return self.plane.calls(self.namespace, self.began)

    def sent(self) -> list[Sent]:
        """The same, with what was sent instead of the part of it that is looked for."""
        return [
            Sent(call.verb, call.resource, call.name, json.dumps(call.body))
            for call in self.calls()
        ]

    def state(self) -> object:
        """All that a verb could have changed."""
        kinds = ("deployment", "statefulset", "daemonset", "service", "job")
        found = [(kind, one) for kind in kinds for one in self.plane.listed(kind, self.namespace)]
        found += [(kind, keeper(self.plane, kind, self.namespace)) for kind in self.verb.keepers]
        return {
            (kind, one["metadata"]["name"]): (one["spec"], _annotations(one)) for kind, one in found
        }


def _annotations(found: Mapping[str, Any]) -> Mapping[str, str]:
    """Without the one that its controller writes some time later."""
    written = found["metadata"].get("annotations", {})
    return {name: value for name, value in written.items() if name != REVISION}


def _rule(right: Right) -> Mapping[str, Any]:
    resource = f"{right.resource}/{right.part}" if right.part else right.resource
    named = {"resourceNames": [right.name]} if right.name else {}
    return {"apiGroups": [right.group], "resources": [resource], "verbs": [right.verb], **named}


@pytest.fixture
async def deps() -> AsyncIterator[Deps]:
    async with real_deps() as found:
        yield found


@pytest.fixture
async def bench(
    verb: Verb, control_plane: ControlPlane, namespace: str, tmp_path: Path, deps: Deps
) -> Bench:
    await verb.prepare(control_plane, namespace)
    bench = Bench(verb, control_plane, namespace, tmp_path, deps, control_plane.mark())
    return bench.with_rights(bench.rights)


@each
async def test_preflight_passes_with_the_rights_it_asks_for_and_changes_nothing(
    bench: Bench,
) -> None:
    findings = await bench.probe().preflight()

    assert findings
    assert refusals(findings) == []
    assert bench.calls() == []


@each
async def test_what_is_shown_is_what_the_api_server_receives(bench: Bench) -> None:
    assert bench.probe().render() == bench.verb.render

    assert await bench.executor().execute(KEY)

    assert_sent(bench.sent(), bench.verb.sent)


@each
async def test_after_a_step_a_look_shows_it_and_doing_it_again_sends_nothing(
    bench: Bench,
) -> None:
    # A crash before the answer was written down: all that is left is the world.
    await bench.executor().execute(KEY)
    sent, state = bench.sent(), bench.state()

    effect, why = await bench.probe().inspect(KEY)
    again = await bench.executor().execute(KEY)

    assert (effect, why.splitlines()) == (Effect.APPLIED, [why])
    assert again
    assert (bench.sent(), bench.state()) == (sent, state)


@each_that_acts
async def test_before_a_step_a_look_does_not_show_it(bench: Bench) -> None:
    effect, why = await bench.probe().inspect(KEY)

    assert (effect, why.splitlines()) == (Effect.NOT_APPLIED, [why])
    assert bench.calls() == []


@each_that_acts
async def test_a_step_whose_answer_is_lost_is_in_doubt_and_has_no_second_effect(
    bench: Bench,
) -> None:
    async with losing_answers(bench.plane) as way:
        lossy = bench.at(way.url, bench.token())
        way.loses = lambda request: changes(request) and not way.lost
        with pytest.raises(InDoubtError) as error:
            await lossy.executor().execute(KEY)
        assert str(error.value).splitlines() == [str(error.value)]

        # What a run does with such a step: it looks, again where nobody can tell yet.
        async with asyncio.timeout(PATIENCE):
            while (await lossy.probe().inspect(KEY))[0] is Effect.UNKNOWN:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await lossy.executor().execute(KEY)

    assert (await bench.probe().inspect(KEY))[0] is Effect.APPLIED
    assert_sent(bench.sent(), bench.verb.sent)


@each_bound
async def test_what_somebody_else_makes_of_it_while_a_step_is_in_doubt_is_left_alone(
    bench: Bench,
) -> None:
    stood = await _bound(bench).stands()
    _mended(bench)
    sent, state = bench.sent(), bench.state()

    # What a run does once a look has shown that the first attempt did not happen.
    with pytest.raises(PermanentError, match=r"somebody else .* meanwhile; not sent"):
        await _bound(bench).execute_if(KEY, stood)

    assert (bench.sent(), bench.state()) == (sent, state)


@each_bound
async def test_what_stands_as_it_stood_is_changed_once(bench: Bench) -> None:
    stood = await _bound(bench).stands()

    await _bound(bench).execute_if(KEY, stood)
    sent, state = bench.sent(), bench.state()
    await _bound(bench).execute_if(KEY, stood)

    assert (bench.sent(), bench.state()) == (sent, state)
    assert_sent(sent, bench.verb.sent)


def _bound(bench: Bench) -> Bound:
    executor = bench.executor()
    assert isinstance(executor, Bound)
    return executor


def _mended(bench: Bench) -> None:
    """Somebody deploys a fix, or sends traffic to it."""
    options = bench.verb.options
    if "service" in options:
        fix: Mapping[str, Any] = {"spec": {"selector": {"track": "fix"}}}
        bench.plane.patch(f"service/{options['service']}", bench.namespace, fix)
        return
    fix = {"spec": {"template": {"metadata": {"annotations": {"team/fix": "yes"}}}}}
    bench.plane.patch(options["workload"], bench.namespace, fix)


@each
async def test_each_right_that_is_missing_is_named_before_anything_is_changed(
    bench: Bench,
) -> None:
    for missing in bench.rights:
        lacking = bench.with_rights(one for one in bench.rights if one != missing)

        findings = await lacking.probe().preflight()

        # What only makes a finding poorer is named, too, and stops nothing.
        texts = [one.text for one in findings if not one.ok or "may not" in one.text]
        assert any(missing.verb in text and missing.resource in text for text in texts), missing
    assert bench.calls() == []


@each
async def test_the_wrong_cluster_is_seen_before_anything_is_changed(bench: Bench) -> None:
    nobody = bench.at(f"https://127.0.0.1:{await free_port()}")

    (text,) = refusals(await nobody.probe().preflight())

    assert "cannot be reached" in text
    assert bench.calls() == []


@each
async def test_the_wrong_namespace_is_seen_before_anything_is_changed(bench: Bench) -> None:
    elsewhere = bench.at(bench.plane.api_server, namespace="default")

    assert refusals(await elsewhere.probe().preflight())
    assert bench.calls() == []


@each
async def test_a_token_that_ended_is_seen_before_anything_is_changed(bench: Bench) -> None:
    late = bench.at(bench.plane.api_server, bench.plane.expired(bench.token()))

    (text,) = refusals(await late.probe().preflight())

    assert "the credentials were refused" in text
    assert bench.calls() == []


@each_that_acts
async def test_without_the_right_to_act_nothing_is_done(bench: Bench) -> None:
    reading = [one for one in bench.rights if one.verb in {"get", "list", "watch"}]
    before = bench.state()

    with pytest.raises(PermanentError) as error:
        await bench.with_rights(reading).executor().execute(KEY)

    assert "give the account this right" in str(error.value)
    assert bench.state() == before


@each
def test_a_lost_answer_needs_nothing_written_down_to_be_looked_for(verb: Verb) -> None:
    assert catalog.executor(verb.use).inspects


def assert_sent(received: Sequence[Sent], wanted: Sequence[Sent]) -> None:
    """That exactly this was sent, in this order."""
    assert [one[:3] for one in received] == [one[:3] for one in wanted]
    for one, expected in zip(received, wanted, strict=True):
        assert expected.part in one.part
