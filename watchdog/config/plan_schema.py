"""What may stand under `plans:`: steps, checks, and the watch afterwards."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    field_validator,
    model_validator,
)

from watchdog.config.approval_schema import AnyApproval, wrong_for_data
from watchdog.config.check_schema import CheckEntry
from watchdog.config.expiry_schema import ExpiresEntry
from watchdog.config.fields import Count, Entry, Name, Text, Whole
from watchdog.config.ladder_schema import LevelWord, OnFailureEntry
from watchdog.domain.change import VERSION_FORM, is_version
from watchdog.domain.expiry import OnExpiry
from watchdog.domain.plan import Level, OnError, Repeat, Return
from watchdog.plugins import Duration, Timeout

# A flag is no number, and a number no text.
Scalar = StrictBool | StrictInt | StrictFloat | StrictStr

# What a check has for being repeated; a step looks on until its `settle` is over.
_POLL: Final = ("samples", "tries", "pause", "within", "wait", "fails_after")
_NOT_OF_STEPS: Final = (*_POLL, "also")


class WhenEntry(Entry):
    """A condition on what an earlier check of the plan saved, or on how the run began."""

    saved: Name | None = Field(None, description="what a check of this plan saved")
    run: Literal["trigger", "severity", "cause", "from_version", "to_version"] | None = Field(
        None, description="what the run began with"
    )
    is_: Scalar | Annotated[list[Scalar], Field(min_length=1)] | None = Field(
        None, alias="is", description="it is this, or one of these"
    )
    is_not: Scalar | Annotated[list[Scalar], Field(min_length=1)] | None = Field(
        None, description="it is not this, or none of these"
    )

    @model_validator(mode="after")
    def _is_one_condition(self) -> Self:
        if (self.saved is None) is (self.run is None):
            raise ValueError("a condition is about one of `saved` and `run`")
        if (self.is_ is None) is (self.is_not is None):
            raise ValueError("a condition has one of `is` and `is_not`")
        return self


class ActEntry(Entry):
    """One change of the world, or what takes one back."""

    name: Text | None = Field(None, description="what people read; made up when missing")
    use: Text = Field(description="the kind of executor: http or command")
    with_: dict[str, Any] = Field(
        default={}, alias="with", description="the options of the executor"
    )
    timeout: Timeout = Field("30s", validate_default=True, description="how long it may take")
    done_when: CheckEntry | None = Field(
        None,
        description="how to see whether it happened; `settle` says how long that may take to show",
        json_schema_extra={
            "not": {"type": "object", "anyOf": [{"required": [k]} for k in _NOT_OF_STEPS]}
        },
    )
    if_: WhenEntry | list[WhenEntry] = Field(
        default=[], alias="if", description="it is skipped unless this (or all of these) holds"
    )
    repeat: Repeat | None = Field(
        None,
        description="what is known when the answer is lost: idempotent (again does no harm), "
        "observable (done_when tells, or the executor itself; the default where one does), once "
        "(only a person may go on; otherwise the default)",
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
        if check is not None and check.also:
            raise ValueError(
                "`also` means nothing in done_when, which is one look; write a look that shows "
                "all of it"
            )
        return check


class StepEntry(ActEntry):
    """One change of the world."""

    on_error: OnError = Field(
        OnError.ABORT,
        description="what its failure does to the rest: abort, continue, compensate (undo what "
        "was done, the newest first), undo_last (only the newest)",
    )
    look_first: bool = Field(
        default=False,
        description="where done_when shows that it is done already, nothing is sent; of an "
        "included plan always",
    )
    expires: ExpiresEntry | None = Field(
        None, description="when the change lapses by itself, and what is done about that"
    )
    undo: ActEntry | None = Field(
        None, description="what takes it back, where a later step fails or a person says so"
    )

    @model_validator(mode="after")
    def _can_be_looked_at(self) -> Self:
        if self.done_when is None and self.look_first:
            raise ValueError("`look_first` needs `done_when`: it says how to see it")
        renews = self.expires is not None and self.expires.on_expiry is OnExpiry.RENEW
        if self.done_when is None and renews and self.expires and self.expires.renewals:
            raise ValueError("a step that is renewed needs `done_when`, or `on_expiry: tell`")
        return self


class CheckStepEntry(Entry):
    """A check among the steps: the next step waits for it."""

    name: Text | None = Field(None, description="what people read; made up when missing")
    check: CheckEntry = Field(description="what must be seen before the plan goes on")
    on_error: OnError = Field(
        OnError.ABORT, description="what it does to the rest when it does not pass"
    )


class SaveStepEntry(Entry):
    """A value that is read for later steps: as `{{ saved.NAME }}`, and in their `if`."""

    save: Name = Field(description="the name of what is read")
    name: Text | None = Field(None, description="what people read; made up when missing")
    signal: Name | None = Field(None, description="a signal of this file: what it reads")
    get: Text | None = Field(None, description="an address to read")
    auth: Name | None = Field(None, description="the auth profile for `get`")
    value: Text | None = Field(None, description="the path of the value in the JSON answer")
    run: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="a program and its arguments; what it prints is the value"
    )
    timeout: Timeout | None = Field(None, description="how long `get` or `run` may take")
    within: Duration = Field(
        "30s", validate_default=True, description="how long it is tried before it has failed"
    )
    on_error: OnError = Field(
        OnError.ABORT, description="what it does to the rest when it cannot be read"
    )

    @model_validator(mode="after")
    def _is_one_look(self) -> Self:
        if sum(way is not None for way in (self.signal, self.get, self.run)) != 1:
            raise ValueError("a value is read from one of signal, get and run")
        if self.signal is not None and self.timeout is not None:
            raise ValueError("`timeout` belongs to get or run and means nothing here")
        if (self.get is None) is not (self.value is None):
            raise ValueError("`value` says where in the answer of `get` it stands: write both")
        if self.get is None and self.auth is not None:
            raise ValueError("`auth` belongs to get and means nothing here")
        return self


def _kind_of_member(value: object) -> str:
    if not isinstance(value, dict):
        return "a step"
    return next((f"a {key}" for key in ("check", "save") if key in value), "a step")


AnyStepEntry = Annotated[
    Annotated[StepEntry, Tag("a step")]
    | Annotated[CheckStepEntry, Tag("a check")]
    | Annotated[SaveStepEntry, Tag("a save")],
    Discriminator(_kind_of_member),
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


def _version(word: str) -> str:
    if not is_version(word):
        raise ValueError(f"{word[:80]!r} is no version; write {VERSION_FORM}")
    return word


class ItemEntry(Entry):
    """Something to be settled before the plan runs: by a look of the machine, or by a person."""

    name: Text = Field(description="what people read, and what `approve --item` names")
    check: CheckEntry | None = Field(None, description="what the machine must see")
    by: Name | None = Field(None, description="the role whose word settles it")

    @model_validator(mode="after")
    def _is_settled_in_one_way(self) -> Self:
        if (self.check is None) is (self.by is None):
            raise ValueError("an item is settled by one of `check` and `by`")
        return self


class PlanEntry(Entry):
    """An ordered rollback, and the proof that it helped."""

    title: Text | None = Field(None, description="what people read")
    level: LevelWord = Field(
        "flags",
        validate_default=True,
        description="how deep it reaches: flags (1), routing (2), application (3) or data (4)",
    )
    kind: Annotated[str, Field(max_length=60)] = Field("", description="a word for the report")
    within: Duration = Field(
        "5m", validate_default=True, description="from decision to verified; overrun pages"
    )
    resume_within: Duration = Field(
        "15m", validate_default=True, description="an older run is not taken up after a crash"
    )
    steps: list[AnyStepEntry] = Field(default=[], description="what is done, in order")
    includes: list[Name] = Field(
        default=[], description="plans whose steps come first, and whose proofs count as well"
    )
    reverses: Name | None = Field(
        None, description="the plan that it takes back, step by step; only a person starts it"
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
    approval: AnyApproval | None = Field(
        None,
        description="who must agree first: auto (nobody; the default), anyone, or a policy; of the "
        "data level and with `loses_data`, two people by default and never `auto`",
    )
    checklist: list[ItemEntry] = Field(
        default=[], description="what must be settled first, by the machine or by people"
    )
    loses_data: bool = Field(
        default=False, description="it may lose data: people must agree, whatever its level"
    )
    on_failure: OnFailureEntry = Field(
        OnFailureEntry(), description="what follows once a breach shows that it did not help"
    )
    watch: WatchEntry = Field(
        # Not an object: its durations are scaled with those of the file.
        {},
        validate_default=True,
        description="the time afterwards",
    )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.steps and not self.includes:
            raise ValueError("does nothing: give it `steps`, or name the plans that it `includes`")
        return self

    @model_validator(mode="after")
    def _is_proven(self) -> Self:
        if not self.verify and not self.verify_trigger and not self.includes:
            raise ValueError("nothing proves that it helped: give `verify` at least one check")
        return self

    @model_validator(mode="after")
    def _is_approved_as_it_must(self) -> Self:
        wrong = wrong_for_data(self.approval)
        if wrong and (self.loses_data or self.level >= Level.DATA):
            raise ValueError(wrong)
        names = [one.name for one in self.checklist]
        if len(set(names)) < len(names):
            raise ValueError("two items of the checklist have the same name")
        return self
