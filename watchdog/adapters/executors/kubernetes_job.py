"""Runs a Job to its end: one of a CronJob's, or one that is written out; once for each step."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from watchdog.adapters.kubernetes.access import Access, reached
from watchdog.adapters.kubernetes.api import ConflictError, KubeApi, MissingError, Object
from watchdog.adapters.kubernetes.changing import Operations
from watchdog.adapters.kubernetes.jobs import (
    JobState,
    State,
    job,
    job_name,
    last_words,
    pods_of,
    state,
    unfit,
    why_never,
)
from watchdog.adapters.kubernetes.kinds import CRON_JOB, JOB, POD
from watchdog.adapters.kubernetes.open_secrets import refers_to_a_secret, tells_a_secret
from watchdog.adapters.kubernetes.persisting import persistently
from watchdog.adapters.kubernetes.preflight import permitted
from watchdog.adapters.kubernetes.rights import to
from watchdog.adapters.kubernetes.workloads import (
    STEP_NOTE,
    annotations,
    images,
    spec,
    template,
    uid,
)
from watchdog.domain.errors import InDoubtError, PermanentError, TransientError, WatchdogError
from watchdog.domain.events import Effect
from watchdog.domain.variables import mentions_variables
from watchdog.plugins import ExecutorPlugin, Right, Timeout
from watchdog.ports import Deps, Finding

# Seconds between two looks at a Job that runs.
_PAUSE = 0.5
_CRON_JOB = "cronjob/"


def _is_cron_job(text: str) -> str:
    if not text.startswith(_CRON_JOB) or "/" in text[len(_CRON_JOB) :] or text == _CRON_JOB:
        raise ValueError(f"{text!r} is no CronJob; write {_CRON_JOB}NAME")
    return text


class Options(Access):
    """`from`: a CronJob whose Job it is. `template`: the spec of a Job, written out.

    `name` begins its name. `deadline`: how long it may run, that of its author when missing.
    `keep`: how long the cluster keeps it afterwards, so that after a crash it is found and not
    run again. `patience`: how long its pods may say that they cannot start.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$")]
    source: Annotated[str, AfterValidator(_is_cron_job)] | None = Field(None, alias="from")
    template: Mapping[str, JsonValue] | None = None
    deadline: Timeout | None = None
    keep: Annotated[Timeout, Field(ge=3600)] = 86400.0
    patience: Timeout = 10.0

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if (self.source is None) == (self.template is None):
            raise ValueError("say what it runs: by `from` or by `template`")
        if self.template is not None:
            problem = unfit({"spec": self.template}) or refers_to_a_secret(self.template)
            if problem:
                raise ValueError(problem)
        return self

    @property
    def cron_job(self) -> str:
        """The name of the CronJob; empty where it is written out."""
        return (self.source or "").removeprefix(_CRON_JOB)


class JobProbe:
    """Sees what would be run, and whether it was."""

    def __init__(self, options: Options, deps: Deps) -> None:
        self._options = options
        self._deps = deps

    async def preflight(self) -> Sequence[Finding]:
        try:
            async with reached(self._options) as api:
                seen = self._sees(api, await self._written(api))
                return [seen, *await permitted(api, _rights(self._options))]
        except WatchdogError as error:
            return [Finding(ok=False, text=str(error))]

    def _sees(self, api: KubeApi, written: Object) -> Finding:
        problem = unfit(written) or self._tells_a_secret()
        if problem:
            name = self._options.source or self._options.name
            return Finding(ok=False, text=f"{name}: {problem}")
        its_images = ", ".join(images(template(written)).values())
        origin = self._options.source or "the template"
        text = f"job/{self._options.name}-… of {origin}, with {its_images}"
        return Finding(ok=True, text=f"{text}, in {api.namespace} of {api.server}")

    def _tells_a_secret(self) -> str:
        """Why what is written out must not be sent; empty: nothing speaks against it."""
        return tells_a_secret(self._options.template or {}, self._deps.secrets)

    async def _written(self, api: KubeApi) -> Object:
        """What a Job is made from: its spec, perhaps with labels and annotations."""
        if self._options.template is not None:
            return {"spec": dict(self._options.template)}
        found = await api.get(CRON_JOB, self._options.cron_job)
        return dict(spec(found).get("jobTemplate") or {})

    def render(self) -> str:
        options = self._options
        what = options.source or json.dumps(options.template, ensure_ascii=False)
        return self._deps.secrets.redact(f"CREATE job/{options.name}-…{options.place}: {what}")

    async def inspect(self, key: str) -> tuple[Effect, str]:
        name = job_name(self._options.name, key)
        try:
            async with reached(self._options) as api:
                found = await persistently(lambda: api.get(JOB, name))
        except MissingError:
            return Effect.NOT_APPLIED, f"there is no job/{name}"
        except WatchdogError as error:
            return Effect.UNKNOWN, str(error)
        seen = state(found)
        text = f"job/{name} is {seen.text}"
        match seen.state:
            case State.COMPLETE:
                return Effect.APPLIED, text
            case State.RUNS:
                return Effect.UNKNOWN, text
            case _:
                return Effect.NOT_APPLIED, text


class JobExecutor(JobProbe):
    """Makes the Job unless this step has made it already, and waits until it has ended."""

    async def execute(self, key: str) -> str:
        """Raises PermanentError when it fails: it had its say, as a program has that ends so."""
        if mentions_variables(dict(self._options.template or {})):
            raise PermanentError(f"job {self._options.name}: a variable was never filled in")
        async with reached(self._options) as api:
            name = await self._made(api, key)
            started = self._deps.clock.now()
            ended, why = await self._ended(api, name)
            elapsed = self._deps.clock.now().since(started)
            words = why or await last_words(api, name, self._deps.secrets)
        text = f"job/{name} is {ended.text} after {elapsed:.1f} s{words}"
        if ended.state is not State.COMPLETE:
            raise PermanentError(" ".join(text.split()))
        return " ".join(text.split())

    async def _made(self, api: KubeApi, key: str) -> str:
        """The name of this step's Job, which is there now."""
        options = self._options
        name = job_name(options.name, key)
        try:
            found = await persistently(lambda: api.get(JOB, name))
        except MissingError:
            written = await persistently(lambda: self._written(api))
            problem = unfit(written) or self._tells_a_secret()
            if problem:
                what = options.source or f"job {options.name}"
                raise PermanentError(f"{what}: {problem}; not sent") from None
            body = job(options.name, key, written, deadline=options.deadline, kept=options.keep)
            try:
                found = await api.create(JOB, body)
            except ConflictError:
                found = await persistently(lambda: api.get(JOB, name))
        if annotations(found).get(STEP_NOTE) != key:
            raise PermanentError(f"job/{name} is somebody else's; delete it first")
        return name

    async def _ended(self, api: KubeApi, name: str) -> tuple[JobState, str]:
        """How it ended; and why, where it did not end by itself. The step's timeout limits it."""
        stuck_since: float | None = None
        while True:
            found = await _looked_at(api, name)
            if found is not None and state(found).state is not State.RUNS:
                return state(found), ""
            stuck = await _stuck(api, name) if found else ""
            now = self._deps.clock.now().elapsed
            stuck_since = (stuck_since or now) if stuck else None
            patience = self._options.patience
            tired = stuck_since is not None and now - stuck_since >= patience
            if tired and found and await _suspended(api, name, found):
                return JobState(State.SUSPENDED, "suspended, as it cannot start"), f"; {stuck}"
            await asyncio.sleep(_PAUSE)


async def _looked_at(api: KubeApi, name: str) -> Object | None:
    """The Job as it is; None while the API server does not answer."""
    try:
        return await api.get(JOB, name)
    except TransientError:
        return None
    except MissingError as error:
        text = f"job/{name} was deleted before its end; nobody knows what it did"
        raise PermanentError(text) from error
    except WatchdogError as error:
        raise InDoubtError(f"job/{name} was made, and cannot be watched: {error}") from error


async def _stuck(api: KubeApi, name: str) -> str:
    try:
        return why_never(await pods_of(api, name))
    except WatchdogError:
        return ""


async def _suspended(api: KubeApi, name: str, found: Object) -> bool:
    """Keep it from starting once nobody waits for it any more. False where that is not ours to do.

    It then ends at its own deadline.
    """
    operations: Operations = [
        {"op": "test", "path": "/metadata/uid", "value": uid(found)},
        {"op": "add", "path": "/spec/suspend", "value": True},
    ]
    try:
        await api.patch(JOB, name, operations)
    except WatchdogError:
        return False
    return True


def _rights(options: Options) -> Sequence[Right]:
    origin = to(CRON_JOB, "get", name=options.cron_job) if options.cron_job else ()
    of_pods = (*to(POD, "list"), *to(POD, "get", part="log"))
    return (*to(JOB, "create", "get", "patch"), *origin, *of_pods)


plugin = ExecutorPlugin(
    summary="Run a Kubernetes Job to its end.",
    options=Options,
    probe=JobProbe,
    build=JobExecutor,
    rights=_rights,
    inspects=True,
)
