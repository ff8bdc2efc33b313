"""A system with hybrid model routing: what it is like, and what the admin calls do to it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

FLAGS = (
    "ENABLE_BEDROCK_SUPPORT_MODE",
    "ENABLE_DIRECT_BEDROCK_FALLBACK",
    "ENABLE_INTELLIGENT_ROUTING",
)
MCP_ONLY = "mcp_only"
SERVICES = ("ai-orchestrator", "mcp-router")
COMPONENTS = (*SERVICES, "direct-client")
BACKUP = "pre_hybrid_routing"
_HYBRID_SHARE = 40
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the system does: `error_ratio` from 0 to 1, `p95` in milliseconds, `health` its word."""

    error_ratio: float
    p95: float
    health: str = "healthy"


CALM = Conditions(error_ratio=0.006, p95=1100.0)


@dataclass(slots=True)
class HybridSystem:
    """Flags, routing, cache and cost controls; it recovers when the right calls came in order.

    `trouble` is what is wrong with it, None: nothing. A trouble that is not `curable` stays
    whatever is called. For `slow_health` seconds after it has recovered, its health is still
    what it was; `p95_answers` are what it says of its P95 first after both latency measures
    were taken, in milliseconds. `unhealthy` are the components that are; a restart after the
    backup was restored heals them, each after `looks_until_restarted` looks at it. `stability`
    are the error rates (per cent) and P95s (milliseconds) that it says of itself first after a
    restart. A `minute` of its own lasts that many seconds, as in the length of an override.
    """

    trouble: Conditions | None = None
    curable: bool = True
    cost_percent: float = 60.0
    cost_percent_after: float = 82.0
    slow_health: float = 0.0
    p95_answers: list[float] = field(default_factory=list)
    flags: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(FLAGS, True))
    routing: Body = field(default_factory=lambda: {"routing_mode": "hybrid"})
    cache: Body = field(default_factory=dict)
    complexity: str = "high"
    announced: list[Body] = field(default_factory=list)
    reported: list[Body] = field(default_factory=list)
    unhealthy: set[str] = field(default_factory=set)
    looks_until_restarted: dict[str, int] = field(default_factory=dict)
    stability: list[tuple[float, float]] = field(default_factory=list)
    minute: float = 60.0
    _override_ends: float | None = None
    _restored: bool = False
    _restarting: dict[str, int] = field(default_factory=dict)
    _isolated: bool = False
    _isolated_at: float = 0.0
    _eased: bool = False
    _savings: list[str] = field(default_factory=list)

    # -- what it is like

    @property
    def conditions(self) -> Conditions:
        """How it does at this moment."""
        if self.trouble is None:
            return CALM
        if not self.curable:
            return self.trouble
        if self._isolated:
            return CALM
        if self._eased:
            return Conditions(self.trouble.error_ratio, CALM.p95, self.trouble.health)
        return self.trouble

    @property
    def mcp_percent(self) -> int:
        """How much of the traffic takes the MCP route."""
        return 100 if self._isolated else _HYBRID_SHARE

    def health(self, now: float) -> str:
        """What it says of its health, at `now` elapsed seconds."""
        if self.trouble and self._isolated and now - self._isolated_at < self.slow_health:
            return self.trouble.health
        return self.conditions.health

    def p95(self) -> float:
        """What it says of its P95, in milliseconds."""
        if self._restored and self.stability:
            return self.stability.pop(0)[1]
        if self._eased and self.p95_answers:
            return self.p95_answers.pop(0)
        return self.conditions.p95

    @property
    def used_percent(self) -> float:
        """How much of the budget is used, as it projects it."""
        saved = self._savings == ["controls", "cache", "throttling"]
        return min(self.cost_percent, self.cost_percent_after) if saved else self.cost_percent

    def component(self, name: str) -> str:
        """What one component says of its health; each look at it brings a restart further."""
        left = self._restarting.get(name, 0)
        if left:
            self._restarting[name] = left - 1
            return "starting"
        return "unhealthy" if name in self.unhealthy else "healthy"

    def system_health(self) -> Body:
        """The word of the whole, and of each component."""
        words = {name: "unhealthy" if name in self.unhealthy else "healthy" for name in COMPONENTS}
        return {"status": self.conditions.health, "components": words}

    def error_percent(self) -> float:
        """The share of failures, in per cent; its next `stability` where one is left."""
        if self._restored and self.stability:
            return self.stability[0][0]
        return self.conditions.error_ratio * 100

    def distribution(self) -> Body:
        """What share of the traffic takes which route, in per cent."""
        return {"mcp": self.mcp_percent, "direct": 100 - self.mcp_percent, **self.routing}

    def error_summary(self) -> Body:
        """How many of a thousand requests failed, by status code."""
        return {"by_code": {"500": round(self.conditions.error_ratio * 1000)}, "requests": 1000}

    # -- what is done to it

    def disable_hybrid_routing(self, _: Body) -> None:
        self.flags = dict.fromkeys(FLAGS, False)

    def pass_time(self, now: float) -> None:
        """An override that was set for some minutes is over by itself."""
        if self._override_ends is not None and now >= self._override_ends:
            self._override_ends, self._isolated = None, False
            self.routing = {"routing_mode": "hybrid"}

    def switch_flag(self, body: Body) -> None:
        self.flags[str(body["flag"])] = bool(body["enabled"])

    def route(self, body: Body) -> None:
        self.routing = body
        simple = body.get("routing_mode") == "simple"
        self._isolated = simple and not self.flags["ENABLE_INTELLIGENT_ROUTING"]

    def restore(self, body: Body) -> None:
        self._restored = body.get("config") == BACKUP

    def restart(self, body: Body) -> None:
        for name in body["services"]:
            self._restarting[name] = self.looks_until_restarted.get(name, 0)
        if self._restored and not any(self.flags.values()):
            self.unhealthy -= set(body["services"])
            self._isolated = True

    def report(self, body: Body) -> None:
        self.reported.append(body)

    def override_routing(self, body: Body, now: float) -> None:
        self.routing = body
        minutes = body.get("duration_minutes")
        self._override_ends = None if minutes is None else now + minutes * self.minute
        wanted = MCP_ONLY in (body.get("routing_mode"), body.get("route_override"))
        # As long as the flag of the direct route is on, the router goes its own way.
        self._isolated = wanted and not self.flags["ENABLE_DIRECT_BEDROCK_FALLBACK"]
        self._isolated_at = now

    def optimize_cache(self, body: Body) -> None:
        self.cache = body

    def optimize_routing(self, body: Body) -> None:
        self.complexity = str(body.get("routing_complexity", self.complexity))
        self._eased = self.complexity == "low" and bool(self.cache.get("cache_aggressive_mode"))

    def control_costs(self, _: Body) -> None:
        self._savings.append("controls")

    def prefer_cache(self, _: Body) -> None:
        self._savings.append("cache")

    def throttle(self, _: Body) -> None:
        self._savings.append("throttling")

    def announce(self, body: Body) -> None:
        self.announced.append(body)


def missing(body: object, names: Iterable[str]) -> str:
    """Why `body` is not what a call needs; empty when it is."""
    if not isinstance(body, dict):
        return "the body is not a JSON object"
    absent = [name for name in names if name not in body]
    return f"the body lacks {', '.join(absent)}" if absent else ""
