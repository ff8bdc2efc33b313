"""Objects for the control plane of the tests, with pods that start or fail as a test wants."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

Object = dict[str, Any]
IMAGE = "registry.test:5000/shop:v1"
# Annotations of a pod; `tests/control_plane/kwok.yaml` acts by them.
FAILS, READY_AFTER = "bed.test/fails", "bed.test/ready-after"


class Fails(StrEnum):
    """How the pods of a template fail. NO: they become ready at once."""

    NO = ""
    IMAGE_PULL = "ImagePullBackOff"
    IMAGE_ERROR = "ErrImagePull"
    IMAGE_NAME = "InvalidImageName"
    CONFIG = "CreateContainerConfigError"
    CRASH = "CrashLoopBackOff"  # two restarts a second
    NEVER_READY = "NotReady"  # runs, and its readiness probe fails
    EXIT = "Error"  # only for a Job: its container ends with code 1


def deployment(
    name: str = "shop",
    image: str = IMAGE,
    replicas: int = 2,
    *,
    annotations: Mapping[str, str] | None = None,
    fails: Fails | str = Fails.NO,
    environment: Mapping[str, str] | None = None,
    **spec: Any,  # noqa: ANN401 (any field of the object's own spec)
) -> Object:
    """A Deployment; `annotations`, `fails` and `environment` (of its container) are its template's.

    Its pods have the label `app` with its name, and one container named `app`.
    """
    template = pod_template(
        name, image, annotations=annotations, fails=fails, environment=environment
    )
    return _workload("Deployment", name, template, {"replicas": replicas, **spec})


def stateful_set(
    name: str = "shop",
    image: str = IMAGE,
    replicas: int = 2,
    *,
    annotations: Mapping[str, str] | None = None,
    fails: Fails | str = Fails.NO,
    environment: Mapping[str, str] | None = None,
    **spec: Any,  # noqa: ANN401
) -> Object:
    """As `deployment`."""
    template = pod_template(
        name, image, annotations=annotations, fails=fails, environment=environment
    )
    more = {"replicas": replicas, "serviceName": name, **spec}
    return _workload("StatefulSet", name, template, more)


def daemon_set(
    name: str = "shop",
    image: str = IMAGE,
    *,
    annotations: Mapping[str, str] | None = None,
    fails: Fails | str = Fails.NO,
    environment: Mapping[str, str] | None = None,
    **spec: Any,  # noqa: ANN401
) -> Object:
    """As `deployment`; there is one node, and so one pod."""
    template = pod_template(
        name, image, annotations=annotations, fails=fails, environment=environment
    )
    return _workload("DaemonSet", name, template, spec)


def job(
    name: str = "task",
    image: str = IMAGE,
    *,
    fails: Fails | str = Fails.NO,
    **spec: Any,  # noqa: ANN401
) -> Object:
    """A Job whose pod ends well a moment after its start, or as `fails` says."""
    template = pod_template(name, image, fails=fails)
    template["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def cron_job(
    name: str = "task",
    image: str = IMAGE,
    *,
    fails: Fails | str = Fails.NO,
    **spec: Any,  # noqa: ANN401 (of its Job's own spec)
) -> Object:
    """One that never runs by itself; its Job is as `job`."""
    template = {
        "metadata": {"labels": {"of": name}},
        "spec": job(name, image, fails=fails, **spec)["spec"],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": template},
    }


def service(name: str = "shop", selector: Mapping[str, str] | None = None) -> Object:
    """A Service on port 80, of the pods of the workload of its name unless told otherwise."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": dict(selector or {"app": name}), "ports": [{"port": 80}]},
    }


def pod_template(
    app: str,
    image: str = IMAGE,
    *,
    annotations: Mapping[str, str] | None = None,
    fails: Fails | str = Fails.NO,
    environment: Mapping[str, str] | None = None,
) -> Object:
    """One that pod security `restricted` lets pass."""
    failing = {FAILS: str(fails)} if fails else {}
    container = {
        "name": "app",
        "image": image,
        "env": [{"name": key, "value": value} for key, value in (environment or {}).items()],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {
        "metadata": {"labels": {"app": app}, "annotations": {**(annotations or {}), **failing}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


def _workload(kind: str, name: str, template: Object, spec: Mapping[str, Any]) -> Object:
    selector = {"matchLabels": {"app": name}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"selector": selector, "template": template, **spec},
    }
