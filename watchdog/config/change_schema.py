"""What may stand under `changes:`: who tells what changed on a target, and when."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from watchdog.config.fields import Entry, OpenEntry, SecretEntry, Text
from watchdog.plugins import Duration


class ChangeSourceEntry(OpenEntry):
    """Who tells of changes. Further keys are options of the kind."""

    use: Text = Field(description="the kind, such as file, http_json or kubernetes")
    every: Duration = Field("30s", validate_default=True, description="how often it is read")


class ChangeWebhookEntry(Entry):
    """CI tells of a change itself: POST /targets/NAME/changes."""

    token: SecretEntry = Field(description="where the token stands that CI must show")


class ChangesEntry(Entry):
    """Where news of changes comes from."""

    webhook: ChangeWebhookEntry | None = Field(
        None, description="CI tells of changes by HTTP; off when missing"
    )
    from_: Annotated[list[ChangeSourceEntry], Field(max_length=10)] = Field(
        default=[], alias="from", description="what is read for changes"
    )
    within: Annotated[Duration, Field(gt=0)] = Field(
        "2h", validate_default=True, description="how old a change may be to be undone"
    )
    bake: Annotated[Duration, Field(gt=0)] = Field(
        "30m",
        validate_default=True,
        description="how long a version must stay healthy, watched, to be returned to",
    )

    @model_validator(mode="after")
    def _is_told_by_somebody(self) -> Self:
        if self.webhook is None and not self.from_:
            raise ValueError("nobody tells of changes: give `webhook`, or `from` at least one")
        return self
