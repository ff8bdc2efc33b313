"""Volumes for claims: nobody provisions or binds any on the control plane of the tests."""

from tests.bed.control_plane import ControlPlane


def give_volume(plane: ControlPlane, namespace: str, claim: str) -> None:
    """Bind a claim that is there; a pod that finds it unbound is not looked at again for long."""
    volume = f"{namespace}-{claim}"
    plane.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/nowhere"},
                "claimRef": {"name": claim, "namespace": namespace},
            },
        }
    )
    bound = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}
    change = {"metadata": bound, "spec": {"volumeName": volume}}
    plane.patch(f"persistentvolumeclaim/{claim}", namespace, change)
