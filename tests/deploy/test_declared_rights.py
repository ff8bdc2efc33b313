"""Each plugin asks the API server for what it declares: no more, no less, by the audit log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bed.control_plane import ControlPlane
from tests.bed.deps import now, real_deps
from tests.deploy.rendering import Object
from tests.deploy.rights import resource_of, rule_of
from tests.deploy.usages import Usage, usages
from watchdog import catalog
from watchdog.ports import Deps, Question

USAGES = list(usages())
# Only asked where pods cannot start, or a Job has failed, or while something goes on.
_SELDOM = {
    "kubernetes_job": {("patch", "jobs"), ("get", "pods/log")},
}


@pytest.mark.parametrize("usage", USAGES, ids=map(str, USAGES))
async def test_a_plugin_asks_for_what_it_declares(
    usage: Usage, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    await usage.prepare(control_plane, namespace)
    token = control_plane.account(namespace, [rule_of(one) for one in usage.rights()], "user")
    file = control_plane.kubeconfig(tmp_path, token, namespace)
    mark = control_plane.mark()

    async with real_deps() as deps:
        await _use(usage, str(file), deps)

    calls = list(_calls(control_plane, namespace, mark))
    assert [one for one in calls if one[2] == 403] == []
    asked = {(verb, resource) for verb, resource, _ in calls}
    declared = {(one.verb, resource_of(one)) for one in usage.rights()}
    assert asked | (_SELDOM.get(usage.kind, set()) & declared) == declared


async def _use(usage: Usage, kubeconfig: str, deps: Deps) -> None:
    options: Object = {**usage.options, "kubeconfig": kubeconfig}
    if usage.family == "executors":
        executor = catalog.executor(usage.kind)
        given = executor.options.model_validate(options)
        findings = await executor.probe(given, deps).preflight()
        assert [one.text for one in findings if not one.ok] == []
        built = executor.build(given, deps)
        await built.execute("run-1/step-1")
        await executor.probe(given, deps).inspect("run-1/step-1")
    elif usage.family == "changes":
        changes = catalog.changes(usage.kind)
        reader = changes.build(changes.options.model_validate(options), deps)
        await reader.news()
        await reader.close()
    else:
        plugin = catalog.source(usage.kind)
        source = plugin.build(plugin.options.model_validate(options), deps)
        ask = plugin.ask.model_validate(usage.ask)
        await source.observe([Question("it", ask)], now())
        await source.close()


def _calls(plane: ControlPlane, namespace: str, since: int) -> Iterator[tuple[str, str, int]]:
    plane.settle()
    user = f"system:serviceaccount:{namespace}:user"
    for call in plane.audit.calls(since):
        if call.user == user and not call.resource.startswith("selfsubject"):
            yield call.verb, call.resource, call.code
