import subprocess
import sys


def test_only_the_backtest_pays_for_numpy() -> None:
    modules = "watchdog.cli.main, watchdog.app.daemon, watchdog.app.opening, watchdog.cli.backtest"
    code = f"import sys, {modules}; print('numpy' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert said.stdout.strip() == "False"
