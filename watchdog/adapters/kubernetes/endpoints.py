"""Where a Service sends its traffic: which pods it selects, and which of them answer."""

from collections.abc import Iterable, Mapping

from watchdog.adapters.kubernetes.api import KubeApi, Object
from watchdog.adapters.kubernetes.kinds import ENDPOINT_SLICE, POD
from watchdog.adapters.kubernetes.rollout import is_ready
from watchdog.adapters.kubernetes.workloads import metadata

# A label of what says where the traffic of a Service goes.
OF_SERVICE = "kubernetes.io/service-name"


async def ready_endpoints(api: KubeApi, service: str) -> int:
    """How many pods the Service sends traffic to."""
    slices = await api.listed(ENDPOINT_SLICE, labels={OF_SERVICE: service})
    return len(backends(slices.objects)[0])


def backends(slices: Iterable[Object]) -> tuple[frozenset[str], frozenset[str]]:
    """Who takes the traffic of a Service, and all who are there to take it."""
    listed = [endpoint for one in slices for endpoint in one.get("endpoints") or []]
    # Not said counts as ready: so the interface has it.
    taking = [one for one in listed if (one.get("conditions") or {}).get("ready") is not False]
    return frozenset(map(_identity, taking)), frozenset(map(_identity, listed))


async def ready_pods(api: KubeApi, selector: Mapping[str, str]) -> int:
    """How many pods there are that bear these labels and serve."""
    listed = await api.listed(POD, labels=selector)
    living = [one for one in listed.objects if not metadata(one).get("deletionTimestamp")]
    return sum(map(is_ready, living))


def _identity(endpoint: Mapping[str, object]) -> str:
    # With two families of addresses the same pod stands in two slices.
    pod = endpoint.get("targetRef")
    return str(pod.get("uid")) if isinstance(pod, Mapping) else str(endpoint.get("addresses"))
