"""Runs the command as `python -m watchdog`."""

from watchdog.entry import main

main()
