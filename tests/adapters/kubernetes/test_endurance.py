from watchdog.adapters.kubernetes.endurance import Endurance
from watchdog.adapters.kubernetes.rollout import Progress, Trouble

POD, OTHER = "shop-1", "shop-2"
FINE = Progress(done=False, text="1 of 2 updated")


def stuck(*pods: str, ready: int = 0) -> Progress:
    troubles = tuple(Trouble(pod, f"{pod or 'it'} is stuck") for pod in pods)
    return Progress(done=False, text="1 of 2 updated", troubles=troubles, ready=ready)


def test_a_trouble_is_borne_for_a_while_and_then_no_more() -> None:
    endurance = Endurance(10)

    assert endurance.over(stuck(POD), [POD], 100.0) is None
    assert endurance.left(100.0) == 10
    assert endurance.over(stuck(POD), [POD], 109.9) is None
    assert endurance.over(stuck(POD), [POD], 110.0) == Trouble(POD, "shop-1 is stuck")


def test_without_a_trouble_there_is_nothing_to_wait_for() -> None:
    endurance = Endurance(10)

    assert endurance.over(FINE, [POD], 100.0) is None
    assert endurance.left(100.0) is None


def test_a_trouble_that_comes_and_goes_is_added_up() -> None:
    endurance = Endurance(10)
    for second in range(0, 40, 8):
        # Four seconds in the back-off, four in which it runs.
        seen = endurance.over(stuck(POD), [POD], second)
        if seen:
            break
        endurance.over(FINE, [POD], second + 4)

    assert seen is not None
    assert 16 <= second <= 24


def test_while_it_runs_nothing_is_given_up() -> None:
    endurance = Endurance(10)
    endurance.over(stuck(POD), [POD], 0)
    endurance.over(FINE, [POD], 9)

    assert endurance.over(FINE, [POD], 500) is None
    assert endurance.left(500) is None


def test_a_new_pod_begins_anew() -> None:
    endurance = Endurance(10)
    endurance.over(stuck(POD), [POD], 0)
    endurance.over(FINE, [POD], 9)
    endurance.over(FINE, [OTHER], 9)

    assert endurance.over(stuck(POD), [POD], 20) is None
    assert endurance.left(20) == 10


def test_what_the_controller_says_begins_anew_once_more_pods_are_ready() -> None:
    endurance = Endurance(10)
    endurance.over(stuck("", ready=1), [], 0)

    assert endurance.over(stuck("", ready=2), [], 11) is None
    assert endurance.over(stuck("", ready=2), [], 21) is not None
