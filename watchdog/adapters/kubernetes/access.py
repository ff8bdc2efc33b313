"""How a cluster is reached, as a file says it: from inside a pod, or by a kubeconfig."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx2
import yaml
from lightkube import KubeConfig
from lightkube.config.kubeconfig import SERVICE_ACCOUNT, SingleConfig
from lightkube.core.exceptions import ConfigError as NoConfigError
from pydantic import BaseModel, ConfigDict, StringConstraints

from watchdog.adapters.kubernetes.api import FIELD_MANAGER, KubeApi
from watchdog.adapters.kubernetes.client import Client
from watchdog.domain.errors import ConfigError

# Seconds that one answer of the API server may take.
_PATIENCE = 10.0
_ACCOUNT = Path(SERVICE_ACCOUNT)
Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class Access(BaseModel):
    """`kubeconfig`: a file; without it the pod's own account, or what kubectl would use.

    `context` of the kubeconfig, its current one when missing. `namespace`: that of the
    credentials when missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    kubeconfig: str | None = None
    context: str | None = None
    namespace: Label | None = None

    @property
    def place(self) -> str:
        """Where that is, to be put behind a name; empty where the credentials say it."""
        return f" in {self.namespace}" if self.namespace else ""


@asynccontextmanager
async def reached(access: Access, account: Path = _ACCOUNT) -> AsyncIterator[KubeApi]:
    """The API server, for as long as the context lasts. Raises ConfigError; sends nothing yet.

    `account`: where a pod finds the token of its account.
    """
    config, client = _client(access, account)
    api = KubeApi(client, config.cluster.server)
    try:
        yield api
    finally:
        await api.close()


def _client(access: Access, account: Path) -> tuple[SingleConfig, Client]:
    where = access.kubeconfig or "the pod's account, KUBECONFIG or ~/.kube/config"
    try:
        config = _config(access, account)
        client = Client(
            config=config,
            namespace=access.namespace,
            timeout=httpx2.Timeout(_PATIENCE),
            manager=FIELD_MANAGER,
        )
    except yaml.YAMLError as error:
        # Not its text: that shows the line, and the line may be that of a token.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{where}{line}: is no YAML; look at what kubectl says of it") from None
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"{where}: is no kubeconfig: {error}") from error
    except (NoConfigError, OSError, KeyError, ValueError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{where}: cannot be used to reach a cluster: {said}") from error
    return config, client


def _config(access: Access, account: Path) -> SingleConfig:
    if access.kubeconfig:
        every = KubeConfig.from_file(access.kubeconfig)
    else:
        every = KubeConfig.from_env(service_account=account)
    found = every.get(access.context)
    if found is None or found.user is None:
        raise NoConfigError("the context names no user; give it one")
    address = urlsplit(found.cluster.server)
    if address.scheme not in ("http", "https") or not address.hostname or address.port == 0:
        raise NoConfigError(f"{found.cluster.server!r} is no address of an API server")
    token = found.user.token if found.user.token_file is None else None
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        # Whatever refuses it later would show it.
        raise NoConfigError("the token has a space, a line's end or the like in it")
    return found
