import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchdog.adapters.kubernetes.image_reference import ImageReference, reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", ("nginx", "", "")),
        ("nginx:1.27", ("nginx", "1.27", "")),
        ("shop/cart:v1", ("shop/cart", "v1", "")),
        ("registry.local:5000/neuronx:v1.3.0", ("registry.local:5000/neuronx", "v1.3.0", "")),
        ("registry.local:5000/neuronx", ("registry.local:5000/neuronx", "", "")),
        ("registry.local/neuronx", ("registry.local/neuronx", "", "")),
        ("registry:5000/a/b/c:v1", ("registry:5000/a/b/c", "v1", "")),
        ("localhost/shop:v1", ("localhost/shop", "v1", "")),
        ("localhost:5000/shop:v1", ("localhost:5000/shop", "v1", "")),
        ("127.0.0.1:5000/shop:v1", ("127.0.0.1:5000/shop", "v1", "")),
        ("[2001:db8::1]:5000/shop:v1", ("[2001:db8::1]:5000/shop", "v1", "")),
        ("[::1]/shop", ("[::1]/shop", "", "")),
        ("Registry.Local/shop:v1", ("Registry.Local/shop", "v1", "")),
        (f"shop@{DIGEST}", ("shop", "", DIGEST)),
        (f"registry:5000/shop:v1@{DIGEST}", ("registry:5000/shop", "v1", DIGEST)),
        ("a_b/c__d/e-f.g:V1_0.x-y", ("a_b/c__d/e-f.g", "V1_0.x-y", "")),
        ("shop:" + "t" * 128, ("shop", "t" * 128, "")),
    ],
)
def test_an_image_is_taken_apart_and_put_together_again(
    text: str, parts: tuple[str, str, str]
) -> None:
    found = reference(text)

    assert (found.name, found.tag, found.digest) == parts
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Shop:v1",
        "registry.local:5000/Shop:v1",
        "shop:",
        "shop:v1 ",
        "shop:v1\n",
        "shop:.v1",
        "shop:-v1",
        "shop:" + "t" * 129,
        "shop:v1:v2",
        "shop@sha256",
        "shop@sha256:0123",
        "shop@",
        f"@{DIGEST}",
        f"shop@{DIGEST}@{DIGEST}",
        ":v1",
        "/shop:v1",
        "shop/:v1",
        "shop//cart:v1",
        "registry.local:/shop",
        "registry.local:port/shop",
        "2001:db8::1/shop:v1",
        "[2001:db8::1/shop:v1",
        "https://registry.local/shop:v1",
        "user@registry.local/shop:v1",
        "{{ run.to_version }}",
        "shop:v1;rm",
        "a..b",
        "a___b",
        "-a",
        "under_score.local/shop",
        "shöp:v1",
    ],
)
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no image"):
        reference(text)


@pytest.mark.parametrize(
    ("running", "tag", "expected"),
    [
        ("registry.local:5000/neuronx:v1.3.0", "v1.2.2", "registry.local:5000/neuronx:v1.2.2"),
        ("registry.local:5000/neuronx", "v1.2.2", "registry.local:5000/neuronx:v1.2.2"),
        (f"registry:5000/shop:v3@{DIGEST}", "v2", "registry:5000/shop:v2"),
        (f"shop@{DIGEST}", "v2", "shop:v2"),
        ("[2001:db8::1]:5000/shop:v3", "v2", "[2001:db8::1]:5000/shop:v2"),
    ],
)
def test_another_tag_keeps_registry_and_port_and_drops_the_old_digest(
    running: str, tag: str, expected: str
) -> None:
    assert str(reference(running).at(tag)) == expected


@pytest.mark.parametrize(
    "tag", ["", "v 1", "v1\n", "5000/x", "a:b", f"v1@{DIGEST}", "-v1", "v" * 129]
)
def test_what_is_no_tag_is_never_put_behind_an_image(tag: str) -> None:
    with pytest.raises(ValueError, match="is no tag"):
        reference("neuronx:v1").at(tag)


LABEL = st.from_regex(r"[a-z0-9]{1,8}([-._][a-z0-9]{1,8}){0,2}", fullmatch=True)
PORT = st.integers(min_value=1, max_value=65535)
HOST = st.one_of(
    st.just(""),
    st.builds("{}.local/".format, LABEL.filter(lambda name: "_" not in name)),
    st.builds("registry:{}/".format, PORT),
    st.builds("localhost:{}/".format, PORT),
    st.builds("[{}]:{}/".format, st.ip_addresses(v=6), PORT),
)
# With a dot in it the first part is a host, which has no underscore.
NAME = st.builds("{}{}".format, HOST, st.lists(LABEL, min_size=1, max_size=3).map("/".join)).filter(
    lambda name: "_" not in name.partition("/")[0] or "/" not in name
)
TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,30}", fullmatch=True)


@given(NAME, st.just("") | TAG, st.sampled_from(["", DIGEST]), TAG)
def test_any_image_comes_back_as_it_was(name: str, tag: str, digest: str, other: str) -> None:
    image = ImageReference(name, tag, digest)

    assert reference(str(image)) == image
    assert reference(str(image.at(other))) == ImageReference(name, other, "")


@given(st.text(max_size=60))
def test_any_text_is_an_image_as_it_stands_or_is_refused(text: str) -> None:
    try:
        found = reference(text)
    except ValueError:
        return
    assert str(found) == text
