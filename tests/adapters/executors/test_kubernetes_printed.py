"""What `plan` prints of each Kubernetes verb is what the contract has the API server receive."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.bed.command_line import called
from tests.bed.kubernetes_verbs import VERBS, Verb

_SAID = re.compile(r"(PATCH|CREATE) (\w+)/(\S+):")


def the_file() -> dict[str, Any]:
    """A plan of all verbs, one after the other."""
    steps = [
        {"name": verb.name, "use": verb.use, "with": dict(verb.options), "timeout": "10s"}
        for verb in VERBS
    ]
    return {
        "target": "shop",
        "sources": {"health": {"use": "http", "url": "http://127.0.0.1:1/health"}},
        "signals": {"healthy": {"from": "health"}},
        "triggers": {"down": {"signal": "healthy", "fails": 3, "plan": "all"}},
        "plans": {
            "all": {
                "level": "application",
                "steps": steps,
                "verify": [{"signal": "healthy", "is": "ok"}],
            }
        },
    }


def test_what_is_printed_of_each_verb_is_what_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(json.dumps(the_file()))

    said = called("plan", file, "all")

    assert said.code == 0, said.err
    lines = [line.strip() for line in said.out.splitlines()]
    shown = [line for line in lines if line.startswith("kubernetes_")]
    assert shown == [f"{verb.use}: {verb.render}" for verb in VERBS]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_line_names_each_kind_of_call_and_its_object(verb: Verb) -> None:
    said = [(method.lower(), f"{kind}s", name) for method, kind, name in _SAID.findall(verb.render)]
    if "DELETE its pods" in verb.render:
        said.append(("delete", "pods", ""))

    # The mark that its pods are freed is of the same patch.
    sent = {(one.verb, one.resource): one.name for one in verb.sent}
    assert sent.keys() == {(method, resource) for method, resource, _ in said}
    for method, resource, name in said:
        assert sent[method, resource].startswith(name.removesuffix("-…"))
