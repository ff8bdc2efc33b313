from dataclasses import replace

from tests.builders import a_check, a_plan, a_step
from watchdog.domain.plan_parts import acts, looks


def test_what_takes_a_step_back_acts_and_what_stands_beside_a_check_looks() -> None:
    undo = a_step("undo", done_when=a_check("undone"))
    step = replace(a_step("one", done_when=a_check("done")), undo=undo)
    gate = replace(a_check("gate"), also=(a_check("beside"),))
    plan = a_plan(step, gate, verify=[a_check("proof")], final=[a_step("tell")])

    assert [one.name for one in acts(plan)] == ["one", "undo", "tell"]
    assert [one.name for one in looks(plan)] == ["gate", "beside", "proof", "done", "undone"]
