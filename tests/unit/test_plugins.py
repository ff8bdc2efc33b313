import pytest
from pydantic import BaseModel, ValidationError

from watchdog.plugins import Duration, Timeout


class Times(BaseModel):
    window: Duration = 0.0
    timeout: Timeout = 5.0


def test_a_duration_is_divided_by_the_speed_and_a_timeout_is_not() -> None:
    written = {"window": "2m", "timeout": "6s"}

    assert Times.model_validate(written) == Times.model_construct(window=120, timeout=6)
    assert Times.model_validate(written, context={"speed": 60}) == Times.model_construct(
        window=2, timeout=6
    )


@pytest.mark.parametrize("number", [5, 1.5, True, None, "5", "5 minutes"])
def test_a_number_without_a_unit_is_refused(number: object) -> None:
    with pytest.raises(ValidationError, match="write it like 90s, 1h30m or 500ms"):
        Times.model_validate({"window": number})


def test_a_timeout_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        Times.model_validate({"timeout": "0s"})


def test_the_schema_of_a_duration_is_text() -> None:
    schema = Times.model_json_schema()["properties"]["window"]

    assert schema["type"] == "string"
