"""One watchdog in each pod: what they share so that one of them acts, and the next goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sidecar:
    """`lease` and `journal` name objects of the cluster; empty where there is none.

    `access`: how the cluster is reached, as options of the adapter; empty: as the pod itself.
    """

    lease: str = ""
    journal: str = ""
    access: Mapping[str, str] = field(default_factory=dict)
