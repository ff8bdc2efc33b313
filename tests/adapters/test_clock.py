import time

from watchdog.adapters.clock import SystemClock


def test_it_tells_the_time_since_boot_and_the_time_of_day() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME), time.time()
    moment = SystemClock().now()
    after = time.clock_gettime(time.CLOCK_BOOTTIME), time.time()

    assert before[0] <= moment.elapsed <= after[0]
    assert before[1] <= moment.wall <= after[1]
