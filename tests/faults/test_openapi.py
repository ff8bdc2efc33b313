"""The OpenAPI document against the real daemon: what it promises is what is answered."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bed.acts import ANA, Client, api_settings
from tests.faults.site import TARGET, Site, a_step, a_target
from watchdog.app.acts import SCOPES
from watchdog.domain.events import CommandReceived

ROOT = Path(__file__).parents[2]
HOOKS = "tests.bed.fresh_keys"
SEED = 4711
EXAMPLES = 2
MOST_OF_THEM = 0.8
# What fits the schema, and names what there is not, is refused with 422.
NOT_ASKED = "positive_data_acceptance"
_SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


async def a_client(site: Site) -> Client:
    await site.open_pages()
    target = a_target(site.api, a_step(site.api, f"{TARGET}/mend"))
    # Nearly everything it asks is refused.
    site.write(target, **api_settings(site.folder, max_failures=1_000_000))
    return Client(f"http://{site.listen}")


def with_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document, in which a target and a plan are those there are."""
    for schema in document["components"]["schemas"].values():
        properties = schema.get("properties", {})
        if "target" in properties:
            optional = "anyOf" in properties["target"]
            properties["target"] = {"enum": [TARGET, None] if optional else [TARGET]}
        if "plan" in properties:
            properties["plan"] = {"enum": ["undo"]}
    return document


@pytest.mark.timeout(90)
async def test_every_answer_is_as_the_document_says_and_none_is_a_servers_error(
    site: Site,
) -> None:
    client = await a_client(site)
    async with site.at_work():
        document = (await client.request("GET", "/api/v1/openapi.json")).body
        (site.folder / "openapi.json").write_text(json.dumps(with_names(document)))
        # In its file, so that it can leave the token out where it wants to.
        (site.folder / "schemathesis.toml").write_text(f'[auth.openapi.token]\nbearer = "{ANA}"\n')
        process = await asyncio.create_subprocess_exec(
            _SCHEMATHESIS, "run", "openapi.json", "--url", client.url, "--seed", str(SEED),
            "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing",
            "--generation-database", "none", "--exclude-checks", NOT_ASKED,
            "--continue-on-failure", "--no-shrink", "--no-color",
            cwd=site.folder,
            env=os.environ | {"SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        alive = await client.request("GET", "/livez")
        taken = {event.command for event in await site.events(CommandReceived)}

    assert process.returncode == 0, out.decode()
    assert alive.status == 200
    # It came as far as the acts themselves, and was not turned away before.
    assert len(taken) > MOST_OF_THEM * len(SCOPES), taken
    await site.assert_sound()
