"""What may stand under `approval:` of a plan: who must agree before it runs."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from watchdog.config.fields import Count, Entry, Name
from watchdog.domain.approval import Approval, ChecklistItem, Member, OnTimeout
from watchdog.plugins import Duration

Causes = Annotated[list[Name], Field(min_length=1)]


class CausesEntry(Entry):
    """Some causes, as triggers name them."""

    causes: Causes = Field(description="what is wrong, as `cause` of a trigger says it")


class MemberEntry(Entry):
    """A role that is asked only where something particular is wrong."""

    role: Name = Field(description="the role that must agree")
    when: CausesEntry = Field(description="the causes for which it must")


def _role_or_member(value: object) -> str:
    return "a role" if isinstance(value, str) else "a member"


AnyMember = Annotated[
    Annotated[Name, Tag("a role")] | Annotated[MemberEntry, Tag("a member")],
    Discriminator(_role_or_member),
]


class ApprovalEntry(Entry):
    """Who must agree, by when, and what it means when they do not."""

    any_of: Annotated[list[Name], Field(min_length=1)] | None = Field(
        None, description="somebody who holds one of these roles"
    )
    all_of: Annotated[list[AnyMember], Field(min_length=1)] | None = Field(
        None, description="somebody for each of these roles"
    )
    people: Count | None = Field(
        None, description="how many different people; default 1, or one for each of `all_of`"
    )
    distinct: bool = Field(
        default=True, description="nobody stands for two of the roles of `all_of`"
    )
    except_: CausesEntry | None = Field(
        None, alias="except", description="causes for which nobody is asked; that is recorded"
    )
    ttl: Duration = Field(
        "15m", validate_default=True, description="how long a request may be answered and used"
    )
    on_timeout: OnTimeout = Field(
        OnTimeout.PAGE, description="what follows when too few answered; nothing is sent either way"
    )

    @model_validator(mode="after")
    def _asks_somebody(self) -> Self:
        if self.any_of is not None and self.all_of is not None:
            raise ValueError("write `any_of` or `all_of`, one of the two")
        if self.any_of is None and self.all_of is None and self.people is None:
            raise ValueError("says not who is asked: write any_of, all_of or people")
        if not self.distinct and self.all_of is None:
            raise ValueError("`distinct` belongs to `all_of` and means nothing here")
        if self.ttl <= 0:
            raise ValueError("people need some time: write `ttl` like 15m")
        return self

    @property
    def members(self) -> tuple[Member, ...]:
        """Those of `all_of`, in the order written."""
        return tuple(
            Member(one) if isinstance(one, str) else Member(one.role, tuple(one.when.causes))
            for one in self.all_of or ()
        )


def _word_or_policy(value: object) -> str:
    return "a word" if isinstance(value, str) else "a policy"


AnyApproval = Annotated[
    Annotated[Literal["auto", "anyone"], Tag("a word")] | Annotated[ApprovalEntry, Tag("a policy")],
    Discriminator(_word_or_policy),
]


def wrong_for_data(entry: AnyApproval | None) -> str:
    """Why `entry` lets a plan that may lose data begin too easily; empty where it does not."""
    if entry is None:
        return ""
    two = "leave `approval` out, and two people must agree; or name roles"
    if isinstance(entry, str):
        return f"`approval: {entry}` is not for a plan that may lose data: {two}"
    if entry.except_ is not None:
        return "`except` is not for a plan that may lose data: people are always asked about it"
    if entry.all_of is not None and all(one.causes for one in entry.members):
        return f"every member is asked for some causes only, and nobody otherwise: {two}"
    if entry.any_of is None and entry.all_of is None and entry.people == 1:
        return f"one person without a role is not enough for a plan that may lose data: {two}"
    return ""


def approval_of(entry: AnyApproval | None, checklist: Iterable[ChecklistItem]) -> Approval:
    """As the rest of the program works with it."""
    items = tuple(checklist)
    if entry is None or entry == "auto":
        return Approval(checklist=items)
    if isinstance(entry, str):
        return Approval(people=1, checklist=items)
    return Approval(
        any_of=tuple(entry.any_of or ()),
        all_of=entry.members,
        people=entry.people or 0,
        distinct=entry.distinct,
        checklist=items,
        exempt=tuple(entry.except_.causes) if entry.except_ else (),
        ttl=entry.ttl,
        on_timeout=entry.on_timeout,
    )
