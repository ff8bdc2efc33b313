"""People are told through the channels of a file, with no journal at hand."""

import json

from structlog.testing import capture_logs

from tests.bed.recorder import recording
from tests.bed.wire import free_port
from watchdog.adapters.secrets import EnvAndFileSecrets
from watchdog.app.channel_alarms import tell_channels
from watchdog.domain.target import ChannelSpec

SECRET = "kanarie-7f3a"


async def test_one_channel_that_fails_keeps_it_from_no_other_and_none_hears_a_secret() -> None:
    secrets = EnvAndFileSecrets({"TOKEN": SECRET})
    secrets.read({"env": "TOKEN"})
    dead = f"http://127.0.0.1:{await free_port()}/"
    async with recording() as hook:
        channels = {
            "gone": ChannelSpec("gone", "webhook", {"url": dead}),
            "broken": ChannelSpec("broken", "webhook", {}),
            "chat": ChannelSpec("chat", "webhook", {"url": f"{hook.url}/chat"}),
        }
        with capture_logs() as logs:
            await tell_channels(channels, secrets, f"cannot take its turn: {SECRET}")

    [heard] = hook.journal
    told = json.loads(heard.body)
    assert told["text"] == "cannot take its turn: [redacted]"
    assert told["severity"] == "critical"
    failed = {one["channel"] for one in logs if one["event"] == "channel_not_told"}
    assert failed == {"gone", "broken"}
