from tests.builders import a_target, a_trigger


def test_a_trigger_is_found_by_its_name_while_the_file_has_it() -> None:
    errors, latency = a_trigger("errors"), a_trigger("latency")
    target = a_target(errors, latency)

    assert target.trigger("latency") is latency
    assert target.trigger("gone") is None
