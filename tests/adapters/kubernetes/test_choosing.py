import pytest

from watchdog.adapters.kubernetes.choosing import chosen
from watchdog.adapters.kubernetes.revisions import Revision
from watchdog.domain.errors import PermanentError


def revision(
    name: str, number: int, came: float = 0.0, image: str = "", version: str = ""
) -> Revision:
    labels = {"app.kubernetes.io/version": version} if version else {}
    return Revision(
        number=number,
        uid=f"uid-of-{name}",
        name=name,
        made=1000.0 + came,
        template={
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": image or f"shop:{name}"}]},
        },
        annotations={},
        came=came or float(number),
    )


V1, V2, V3 = revision("v1", 1), revision("v2", 2), revision("v3", 3)


def previous(known: list[Revision], now: Revision | None) -> str:
    return chosen(known, now, to="previous", number=None).name


def refused(
    known: list[Revision], now: Revision | None, to: str | None, number: int | None = None
) -> str:
    with pytest.raises(PermanentError) as error:
        chosen(known, now, to=to, number=number)
    return str(error.value)


def test_previous_is_what_ran_before() -> None:
    assert previous([V1, V2, V3], V3) == "v2"


def test_previous_said_again_goes_further_back_and_never_forward() -> None:
    # After a return from v3 to v2, which got a new number.
    v2 = revision("v2", 4, came=2)
    assert previous([V1, V3, v2], v2) == "v1"
    v1 = revision("v1", 5, came=1)
    assert "nothing was made before revision 5" in refused([v2, V3, v1], v1, "previous")


def test_previous_is_not_what_was_left_before_the_current_one_came() -> None:
    # v1, v2, v3, a return to v1, and then v4: what ran before v4 is v1.
    v1, v4 = revision("v1", 4, came=1), revision("v4", 5)
    assert previous([V2, V3, v1, v4], v4) == "v1"


def test_previous_of_two_that_came_at_once_is_not_guessed() -> None:
    first, second = revision("a", 1, came=7), revision("b", 2, came=7)
    assert "nobody can tell which came first" in refused([first, second], second, "previous")


def test_previous_of_what_no_revision_is_kept_of_is_not_guessed() -> None:
    assert "no revision that the cluster knows" in refused([V1, V2], None, "previous")


@pytest.mark.parametrize("to", ["v1", "uid-of-v1"])
def test_a_revision_is_known_by_its_name_and_uid(to: str) -> None:
    assert chosen([V1, V2], V2, to=to, number=None) == V1


def test_a_number_names_one() -> None:
    assert chosen([V1, V2], V2, to=None, number=2) == V2


@pytest.mark.parametrize(
    ("image", "to"),
    [
        ("registry.test:5000/shop/cart:1.4.2", "1.4.2"),
        ("registry.test:5000/shop/cart:1.4.2@sha256:" + "0" * 64, "1.4.2"),
        ("shop:1.4.2", "1.4.2"),
    ],
)
def test_a_revision_is_known_by_the_tag_of_its_image(image: str, to: str) -> None:
    one = revision("shop-6d4f", 1, image=image)
    assert chosen([one, V2], V2, to=to, number=None) == one


def test_a_port_is_no_tag() -> None:
    one = revision("shop-6d4f", 1, image="registry.test:5000/shop")
    assert "no '5000" in refused([one], one, "5000")


def test_a_revision_is_known_by_its_version_label() -> None:
    one = revision("shop-6d4f", 1, version="2026.11", image="shop@sha256:" + "0" * 64)
    assert chosen([one, V2], V2, to="2026.11", number=None) == one


def test_one_that_is_gone_is_answered_with_what_there_is() -> None:
    assert refused([V1, V2], V2, None, 9) == (
        "there is no revision 9 any more; the cluster keeps revision 1 (v1: shop:v1), "
        "revision 2 (v2: shop:v2)"
    )


def test_where_no_history_is_kept_that_is_said() -> None:
    assert "the cluster keeps none" in refused([], None, "v1")


def test_two_of_one_version_are_not_guessed() -> None:
    one, other = revision("a", 1, image="shop:v9"), revision("b", 2, image="shop:v9")
    assert "'v9' may be revision 1 (a: shop:v9) and" in refused([one, other], other, "v9")
