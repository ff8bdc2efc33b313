"""What may be written of a comparison with before: a drop, a rise, a spike, a rate of change."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from watchdog.config.fields import Amount, Comparison, Threshold, amount
from watchdog.config.thresholds import limit_in
from watchdog.domain.condition import Condition, Op
from watchdog.domain.relative import Against, Move, Relative
from watchdog.domain.units import convert
from watchdog.plugins import Duration

MOVES = tuple(Move)
RATES = (Move.GROWS, Move.FALLS)
_WINDOW = 600.0
_MINUTE = 60.0


def _share(value: object) -> float:
    try:
        return convert(*amount(value), "ratio")
    except ValueError:
        raise ValueError("is no share; write it like 60%") from None


_SHARE_SCHEMA = WithJsonSchema({"type": ["number", "string"]})
_Share = Annotated[float, BeforeValidator(_share), Field(gt=0), _SHARE_SCHEMA]


class RelativeComparison(Comparison):
    """A comparison of the value, or of what became of it."""

    drop: Annotated[_Share, Field(le=1)] | None = Field(
        None, description="the value is lower than before by this share, such as 60%, or more"
    )
    rise: _Share | None = Field(
        None, description="the value is higher than before by this share, such as 50%, or more"
    )
    spike: Annotated[float, Field(gt=1)] | None = Field(
        None, description="the value is more than so many times what it was before"
    )
    grows: Threshold | None = Field(
        None, description="the value grows by this or more in the time that `per` says"
    )
    falls: Threshold | None = Field(
        None, description="the value falls by this or more in the time that `per` says"
    )
    over: Duration | None = Field(
        None, description="the window that is before, or that a rate is measured in; default 10m"
    )
    against: Literal["yesterday", "last-week", "before-change"] | None = Field(
        None, description="which before: without it, the window `over` up to now"
    )
    per: Duration | None = Field(None, description="the time that a rate is for; default 1m")

    @property
    def moves(self) -> list[Move]:
        """The relative conditions that are written here."""
        return [move for move in MOVES if getattr(self, move.value) is not None]

    @property
    def comparisons(self) -> list[tuple[Op, Amount]]:
        """Every comparison written here; of a relative one, how its limit is compared."""
        relative = [(_op(move), _limit(getattr(self, move.value))) for move in self.moves]
        return [*super().comparisons, *relative]

    @model_validator(mode="after")
    def _says_before_what(self) -> Self:
        moves = self.moves
        if not moves:
            beside = next((key for key in ("over", "against", "per") if self._has(key)), None)
            if beside is not None:
                raise ValueError(
                    f"`{beside}` is for a comparison with before: drop, rise, spike, grows or falls"
                )
            return self
        rate = moves[0] in RATES
        if self.per is not None and not rate:
            raise ValueError("`per` is for a rate: grows or falls")
        if self.against is not None and rate:
            raise ValueError("a rate is measured within `over`: leave `against` out")
        if self.against in ("yesterday", "last-week") and self.over is not None:
            raise ValueError(f"{self.against} compares with that whole hour: leave `over` out")
        if getattr(self, "clear", None) is not None:
            raise ValueError("`clear` compares a value with a limit, not with before: leave it out")
        return self

    @model_validator(mode="after")
    def _takes_some_time(self) -> Self:
        for key in ("over", "per"):
            if self._has(key) and not getattr(self, key) > 0:
                raise ValueError(f"`{key}` is longer than nothing")
        if any(getattr(self, move.value).number <= 0 for move in self.moves if move in RATES):
            raise ValueError("a rate of nothing is always there: write more than 0")
        return self

    def _has(self, key: str) -> bool:
        return getattr(self, key) is not None

    def relative(self, unit: str) -> tuple[Relative, Condition] | None:
        """What is measured instead of a value in `unit`, and its limit; None: the value itself."""
        if not self.moves:
            return None
        move = self.moves[0]
        relative = Relative(
            move=move,
            over=_WINDOW if self.over is None else self.over,
            against=Against(self.against) if self.against else Against.WINDOW,
            per=_MINUTE if self.per is None else self.per,
        )
        limit = _limit(getattr(self, move.value))
        number = limit_in(limit, unit) if move in RATES else limit.number
        return relative, Condition(_op(move), number)


def _op(move: Move) -> Op:
    return Op.ABOVE if move is Move.SPIKE else Op.AT_LEAST


def _limit(written: float | Amount) -> Amount:
    return written if isinstance(written, Amount) else Amount(written, "")
