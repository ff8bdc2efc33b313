import yaml

from watchdog.adapters.kubernetes.kinds import DEPLOYMENT, POD, REPLICA_SET, SERVICE
from watchdog.adapters.kubernetes.rights import rules, to, writes


def test_rules_grant_what_is_asked_for_and_nothing_else() -> None:
    rights = [
        *to(DEPLOYMENT, "patch", "get", name="shop"),
        *to(REPLICA_SET, "list"),
        *to(POD, "list", "watch"),
        *to(POD, "get", part="log"),
        *to(POD, "list"),
    ]

    assert yaml.safe_load(rules(rights)) == [
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": ["shop"],
            "verbs": ["get", "patch"],
        },
        {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list"]},
    ]


def test_objects_of_different_names_are_granted_apart() -> None:
    rights = [*to(SERVICE, "patch", name="shop"), *to(SERVICE, "patch", name="stock")]

    granted = yaml.safe_load(rules(rights))

    assert [rule["resourceNames"] for rule in granted] == [["shop"], ["stock"]]


def test_resources_with_the_same_verbs_share_a_rule() -> None:
    [rule] = yaml.safe_load(rules([*to(DEPLOYMENT, "list"), *to(REPLICA_SET, "list")]))

    assert rule["resources"] == ["deployments", "replicasets"]


def test_to_look_writes_nothing_and_everything_else_does() -> None:
    verbs = ("get", "list", "watch", "create", "update", "patch", "delete", "bind", "escalate")

    assert [right.verb for right in to(POD, *verbs) if not writes(right)] == [
        "get",
        "list",
        "watch",
    ]
