import yaml

from watchdog.adapters.kubernetes.kinds import DEPLOYMENT, KUSTOMIZATION, POD, REPLICA_SET, SERVICE
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


def test_what_another_namespace_grants_comes_last_and_is_named() -> None:
    there = to(KUSTOMIZATION, "get", "patch", name="shop", namespace="flux-system")

    text = rules([*there, *to(DEPLOYMENT, "get", name="shop")])

    here, _, other = text.partition("# in a Role of namespace flux-system:\n")
    assert [rule["resources"] for rule in yaml.safe_load(here)] == [["deployments"]]
    (rule,) = yaml.safe_load(other)
    assert (rule["resources"], rule["verbs"]) == (["kustomizations"], ["get", "patch"])


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
