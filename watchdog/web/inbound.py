"""The endpoints for signals from outside; an answer of 2xx means that it is on the disk."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aiohttp import web

from watchdog.domain.claims import Claim
from watchdog.domain.doors import AlertmanagerDoor, Doors
from watchdog.domain.errors import JournalError, TransientError
from watchdog.ports import Clock, Secrets
from watchdog.web.alerts import Read, UnreadableError, alertmanager, signal
from watchdog.web.bodies import Bodies, BrokenError, CrowdedError, LateError, TooLongError
from watchdog.web.proofs import Failures, LaterError, RefusedError, Signatures, is_bearer

MAX_BODY = 1 << 20
PREFIX = "/inbound/"
_RETRY_AFTER = "5"


@dataclass(frozen=True, slots=True)
class Inbound:
    """What the endpoints need. `take` records claims, and `missing` more that were left out.

    It raises JournalError or TransientError when it cannot. `signed_before`: by signal, up to
    which Unix second earlier processes took signatures that were ahead of the clock.
    """

    doors: Doors
    take: Callable[[Sequence[Claim], int], Awaitable[int]]
    secrets: Secrets
    clock: Clock
    signed_before: Mapping[str, float] = field(default_factory=dict)


class _Answer(Exception):
    """Ends a request with this status. 503 alone asks for the same request again."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class InboundPages:
    """`POST /inbound/alertmanager` and `POST /inbound/signal/NAME`."""

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound
        self._signatures = Signatures(inbound.secrets, inbound.clock.now())
        self._failures = Failures()
        self._bodies = Bodies(MAX_BODY)
        self._strangers = Bodies(MAX_BODY)

    def add_to(self, app: web.Application) -> None:
        """Serve what is configured, and nothing else."""
        if self._inbound.doors.alertmanager is not None:
            app.router.add_post("/inbound/alertmanager", self._answered(self._alertmanager))
        if self._inbound.doors.signals:
            app.router.add_post("/inbound/signal/{name}", self._answered(self._signal))

    def _answered(
        self, work: Callable[[web.Request], Awaitable[int]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                self._refuse_the_unruly(request)
                count = await work(request)
            except _Answer as answer:
                return _refusal(answer)
            except RefusedError:
                self._failures.note(_peer(request), self._inbound.clock.now())
                return _refusal(_Answer(401, "who are you?"))
            except (UnreadableError, BrokenError) as error:
                return _refusal(_Answer(400, str(error)))
            except TooLongError as error:
                return _refusal(_Answer(413, str(error)))
            except (JournalError, TransientError, LaterError, LateError, CrowdedError) as error:
                return _refusal(_Answer(503, str(error)))
            return web.json_response({"recorded": count})

        return handle

    def _refuse_the_unruly(self, request: web.Request) -> None:
        if self._failures.is_out(_peer(request), self._inbound.clock.now()):
            raise _Answer(503, "too many attempts failed; try again in a minute")
        # Unpacked, a few kilobytes can be gigabytes.
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise _Answer(400, "send the body as it is, not compressed")

    async def _alertmanager(self, request: web.Request) -> int:
        door = self._inbound.doors.alertmanager
        # Before its body is read: a stranger's takes no memory.
        if door is None or not self._is_welcome(request, door):
            raise RefusedError
        return await self._take(alertmanager(await self._bodies.read(request), door))

    def _is_welcome(self, request: web.Request, door: AlertmanagerDoor) -> bool:
        # The handshake has verified it; without one there is nothing to see.
        certified = request.transport is not None and bool(
            request.transport.get_extra_info("peercert")
        )
        if door.certificate and not certified:
            return False
        if not door.bearer:
            return door.certificate
        said = request.headers.get("Authorization", "")
        return is_bearer(said, door.bearer, self._inbound.secrets)

    async def _signal(self, request: web.Request) -> int:
        doors, name = self._inbound.doors, request.match_info["name"]
        door = doors.signals.get(name)
        stamp = request.headers.get(doors.timestamp_header, "")
        signature = request.headers.get(doors.signature_header, "")
        # No word on whether there is such a signal.
        if door is None or not stamp or not signature:
            raise RefusedError
        # Read before it is known whose it is: that must keep nobody else waiting.
        body = await self._strangers.read(request)
        now = self._inbound.clock.now()
        before = self._inbound.signed_before.get(name, 0.0)
        spent = self._signatures.judge(body, stamp, signature, door.secrets, now, before=before)
        read = signal(name, body, door)
        if float(stamp) > now.wall:
            claims = (replace(claim, signed_ahead=float(stamp)) for claim in read.claims)
            read = replace(read, claims=tuple(claims))
        self._signatures.spend(spent, now)
        try:
            return await self._take(read)
        except (JournalError, TransientError):
            self._signatures.give_back(spent)
            raise

    async def _take(self, read: Read) -> int:
        return await self._inbound.take(read.claims, read.missing)


def _peer(request: web.Request) -> str:
    return request.remote or ""


def _refusal(answer: _Answer) -> web.Response:
    # Closed, so that what is left of its body need not be read.
    headers = {"Connection": "close"}
    if answer.status == 503:  # noqa: PLR2004
        headers["Retry-After"] = _RETRY_AFTER
    if answer.status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    response = web.Response(status=answer.status, text=f"{answer}\n", headers=headers)
    response.force_close()
    return response
