"""Everything a file can ask of a cluster, once each: to hold shipped Roles against it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.bed.control_plane import ControlPlane
from tests.bed.manifests import (
    READY_AFTER,
    Fails,
    daemon_set,
    deployment,
    job,
    service,
    stateful_set,
)
from watchdog import catalog
from watchdog.plugins import Right

NAME = "checkout"
WORKLOADS = ("deployment", "statefulset", "daemonset")
_MAKERS = {"deployment": deployment, "statefulset": stateful_set, "daemonset": daemon_set}
CRON_JOB = "checkout-migrate"


@dataclass(frozen=True, slots=True)
class Usage:
    """One use of an executor, of a question or of a source of changes. `role` grants its writes.

    `broken`: how the newest pods of the workload fail. `rolling`: they take a moment to start.
    """

    role: str
    family: str
    kind: str
    options: Mapping[str, Any]
    ask: Mapping[str, Any] | None = None
    workload: str = "deployment"
    broken: Fails = Fails.NO
    rolling: bool = False

    def __str__(self) -> str:
        what = next(iter(self.ask)) if self.ask else ""
        broken = self.broken.name.lower() if self.broken else ""
        return "-".join(filter(None, (self.kind, self.workload, what, broken)))

    def rights(self) -> tuple[Right, ...]:
        """As the plugin declares them."""
        if self.family == "executors":
            executor = catalog.executor(self.kind)
            assert executor.rights is not None
            return tuple(executor.rights(executor.options.model_validate(self.options)))
        if self.family == "changes":
            changes = catalog.changes(self.kind)
            assert changes.rights is not None
            return tuple(changes.rights(changes.options.model_validate(self.options)))
        source = catalog.source(self.kind)
        assert source.rights is not None
        options, ask = source.options.model_validate({}), source.ask.model_validate(self.ask)
        return tuple(source.rights(options, ask))

    async def prepare(self, plane: ControlPlane, namespace: str) -> None:
        """Make what it is used on: a workload of two revisions, its Service, a CronJob."""
        make, name = _MAKERS[self.workload], f"{self.workload}/{NAME}"
        plane.apply(make(NAME, "registry.test/checkout:v1"), namespace=namespace)
        plane.apply(service(NAME), _cron_job(), job("checkout-job"), namespace=namespace)
        await plane.until_rolled_out(name, namespace)
        slow = {READY_AFTER: "2s"} if self.rolling else {}
        newer = make(NAME, "registry.test/checkout:v2", annotations=slow, fails=self.broken)
        plane.apply(newer, namespace=namespace)
        if not self.broken and not self.rolling:
            await plane.until_rolled_out(name, namespace)


def usages() -> Iterator[Usage]:
    """One of each."""
    yield from _steps()
    for each in WORKLOADS:
        which = f"{each}/{NAME}"
        yield Usage("evaluator", "changes", "kubernetes", {"workload": which}, workload=each)
        # Why it is not, only the pods say.
        yield Usage(
            "evaluator", "sources", "kubernetes", {}, {"rolled_out": which}, each, Fails.IMAGE_PULL
        )
        for ask in (
            {"ready": which},
            {"ready_share": which},
            {"pods": which},
            {"restarts": which},
            {"image": which},
            {"version": which},
            {"field": {"of": which, "path": "metadata.name"}},
            {"log_lines": {"of": which, "matching": "ERROR"}},
        ):
            yield Usage("evaluator", "sources", "kubernetes", {}, ask, workload=each)
    for ask in (
        {"endpoints": NAME},
        {"field": {"of": f"service/{NAME}", "path": "metadata.name"}},
        {"field": {"of": "job/checkout-job", "path": "metadata.name"}},
    ):
        yield Usage("evaluator", "sources", "kubernetes", {}, ask)


def _steps() -> Iterator[Usage]:
    def step(role: str, kind: str, each: str = "deployment", **options: object) -> Usage:
        which = {"workload": f"{each}/{NAME}"} if kind not in _OF_NO_WORKLOAD else {}
        broken = Fails.IMAGE_PULL if kind == "kubernetes_undo" and each == "statefulset" else ""
        return Usage(
            role, "executors", kind, {**which, **options}, None, each, Fails(broken),
            rolling=kind == "kubernetes_rollout",
        )  # fmt: skip

    yield step("flags", "kubernetes_env", set={"NEW_CHECKOUT": "false"})
    yield step("routing", "kubernetes_selector", service=NAME, set={"app": "elsewhere"})
    for each in WORKLOADS:
        role = "stateful-sets" if each == "statefulset" else "application"
        yield step("evaluator", "kubernetes_rollout", each)
        yield step(role, "kubernetes_undo", each, to="v1")
        yield step(role, "kubernetes_image", each, tag="v0")
        if each != "daemonset":
            yield step(role, "kubernetes_scale", each, replicas=1)
    source = {"from": f"cronjob/{CRON_JOB}"}
    yield step("jobs", "kubernetes_job", name="migrate", **source)


_OF_NO_WORKLOAD = ("kubernetes_selector", "kubernetes_job")


def _cron_job() -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": CRON_JOB},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job("it")["spec"]}},
    }
