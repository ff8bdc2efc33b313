"""What may stand under `plans:`: steps, checks, and the watch afterwards."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from watchdog.config.fields import Comparison, Count, Entry, Name, Text, Whole
from watchdog.domain.change import VERSION_FORM, is_version
from watchdog.domain.plan import OnError, Repeat, Return
from watchdog.plugins import Duration, Timeout


class CheckEntry(Comparison):
    """A look that must show something: a signal, an address, or a program."""

    name: Text | None = Field(None, description="what people read; made up when missing")
    signal: Name | None = Field(None, description="a signal of this file")
    is_: Literal["ok"] | None = Field(None, alias="is", description="a yes/no signal says yes")
    get: Text | None = Field(None, description="an address to read")
    auth: Name | None = Field(None, description="the auth profile for `get`")
    timeout: Timeout | None = Field(None, description="how long `get` or `run` may take")
    status: int | list[int] | None = Field(None, description="the status `get` must answer")
    json_: dict[str, Any] | None = Field(
        None, alias="json", description="path: value, each of which must be in the answer"
    )
    body: Text | None = Field(None, description="text that the answer must contain")
    value: Text | None = Field(None, description="the path of a number in the JSON answer")
    unit: Annotated[str, Field(max_length=20)] | None = Field(
        None, description="the unit of `value`"
    )
    run: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="a program and its arguments; exit code 0 is yes"
    )
    samples: Count = Field(1, description="good looks in a row that it takes")
    tries: Count | None = Field(None, description="looks after which it has failed")
    pause: Duration = Field(
        "5s",
        validate_default=True,
        description="between two looks; of a signal, by default, as often as its source is asked",
    )
    within: Duration | None = Field(
        None, description="time after which it has failed; default 10m, or longer for `tries`"
    )

    @model_validator(mode="after")
    def _is_one_look(self) -> Self:
        if sum(way is not None for way in (self.signal, self.get, self.run)) != 1:
            raise ValueError("a check looks at one thing: signal, get or run")
        if self.get is None:
            self._forbid("get", "auth", "status", "json_", "body", "value", "unit")
        if self.signal is None:
            self._forbid("signal", "is_")
        if self.signal is not None:
            self._forbid("get or run", "timeout")
        if self.value is not None:
            self._forbid("a check without `value`", "status", "json_", "body")
        self._has_its_condition()
        if self.tries is not None and self.samples > self.tries:
            raise ValueError(f"{self.samples} samples cannot be seen in {self.tries} tries")
        if self.tries and self.within and (self.tries - 1) * self.pause > self.within:
            raise ValueError("`within` ends before the last of the `tries`")
        return self

    def _forbid(self, owner: str, *fields: str) -> None:
        for field in fields:
            if getattr(self, field) is not None:
                raise ValueError(f"`{field.rstrip('_')}` belongs to {owner} and means nothing here")

    def _has_its_condition(self) -> None:
        compared = len(self.comparisons)
        if self.signal is not None and compared + (self.is_ is not None) != 1:
            raise ValueError("a check of a signal has one of is, above, at_least, below or at_most")
        if self.get is not None and (self.value is not None) != (compared == 1):
            raise ValueError(
                "`value` goes with one of above, at_least, below or at_most, and they with it"
            )
        if self.get is None and self.signal is None and compared:
            raise ValueError("`run` is judged by its exit code: remove the comparison")


# What a check has for being repeated; a step looks on until its `settle` is over.
_POLL: Final = ("samples", "tries", "pause", "within")


class StepEntry(Entry):
    """One change of the world."""

    name: Text | None = Field(None, description="what people read; made up when missing")
    use: Text = Field(description="the kind of executor: http or command")
    with_: dict[str, Any] = Field(
        default={}, alias="with", description="the options of the executor"
    )
    timeout: Timeout = Field("30s", validate_default=True, description="how long it may take")
    done_when: CheckEntry | None = Field(
        None,
        description="how to see whether it happened; `settle` says how long that may take to show",
        json_schema_extra={"not": {"type": "object", "anyOf": [{"required": [k]} for k in _POLL]}},
    )
    on_error: OnError = Field(OnError.ABORT, description="what its failure does to the rest")
    repeat: Repeat | None = Field(
        None,
        description="what is known when the answer is lost: idempotent (again does no harm), "
        "observable (done_when tells; the default where there is one), once (only a person "
        "may go on; otherwise the default)",
    )
    retries: Annotated[Whole, Field(le=10)] = Field(
        2, description="further attempts, only when nothing can have happened"
    )
    settle: Timeout = Field(
        "5s",
        validate_default=True,
        description="how long after an answer, or its loss, `not done` is not yet believed; "
        "make it longer than the slowest effect",
    )

    @field_validator("done_when")
    @classmethod
    def _is_looked_at_until_it_settles(cls, check: CheckEntry | None) -> CheckEntry | None:
        written = [key for key in _POLL if check is not None and key in check.model_fields_set]
        if written:
            raise ValueError(
                f"`{written[0]}` means nothing in done_when; the `settle` of the step says how "
                "long the change may take to show"
            )
        return check


class CheckStepEntry(Entry):
    """A check among the steps: the next step waits for it."""

    name: Text | None = Field(None, description="what people read; made up when missing")
    check: CheckEntry = Field(description="what must be seen before the plan goes on")


def _step_or_check(value: object) -> str:
    return "a check" if isinstance(value, dict) and "check" in value else "a step"


AnyStepEntry = Annotated[
    Annotated[StepEntry, Tag("a step")] | Annotated[CheckStepEntry, Tag("a check")],
    Discriminator(_step_or_check),
]


class WatchEntry(Entry):
    """How long a verified rollback stays watched."""

    short: Duration = Field("15m", validate_default=True, description="the first, close watch")
    long: Duration = Field("4h", validate_default=True, description="the second watch")
    every: Duration | None = Field(None, description="between looks; default that of the source")
    relapse: Literal["page"] = Field(
        "page", description="a relapse latches and pages; there is no second automatic run"
    )
    relapse_after: Count = Field(2, description="bad looks in a row that are a relapse")
    coverage: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8, description="the share of looks that must be decided for a watch to pass"
    )


class OnFailureEntry(Entry):
    """What follows a rollback that did not prove that it helped."""

    then: Literal["stop_and_page"] = Field(
        "stop_and_page", description="stop, latch and page; nothing further runs by itself"
    )


def _version(word: str) -> str:
    if not is_version(word):
        raise ValueError(f"{word[:80]!r} is no version; write {VERSION_FORM}")
    return word


class PlanEntry(Entry):
    """An ordered rollback, and the proof that it helped."""

    title: Text | None = Field(None, description="what people read")
    level: Count = Field(1, description="how far it reaches; 1 is the least")
    kind: Annotated[str, Field(max_length=60)] = Field("", description="a word for the report")
    within: Duration = Field(
        "5m", validate_default=True, description="from decision to verified; overrun pages"
    )
    resume_within: Duration = Field(
        "15m", validate_default=True, description="an older run is not taken up after a crash"
    )
    steps: Annotated[list[AnyStepEntry], Field(min_length=1)] = Field(
        description="what is done, in order"
    )
    verify: list[CheckEntry] = Field(default=[], description="what must be seen afterwards")
    verify_trigger: bool = Field(
        default=True, description="the trigger's own signal must be good again, too"
    )
    verify_within: Duration = Field(
        "10m", validate_default=True, description="time for each check of the proof"
    )
    finally_: list[StepEntry] = Field(
        default=[],
        alias="finally",
        description="steps that run after success and failure, but not after a stop",
    )
    returns_to: Annotated[str, AfterValidator(_version)] = Field(
        Return.NOWHERE.value,
        description="the version it returns to: none, previous, last_good, or a version's name",
    )
    requires_change: bool = Field(
        default=False, description="only after a change, such as of a flag or a route"
    )
    approval: Literal["auto"] = Field("auto", description="nobody is asked")
    on_failure: OnFailureEntry = Field(
        OnFailureEntry(), description="what follows when it did not prove that it helped"
    )
    watch: WatchEntry = Field(
        # Not an object: its durations are scaled with those of the file.
        {},
        validate_default=True,
        description="the time afterwards",
    )

    @model_validator(mode="after")
    def _is_proven(self) -> Self:
        if not self.verify and not self.verify_trigger:
            raise ValueError("nothing proves that it helped: give `verify` at least one check")
        return self
