"""Takes the room on the disk away from a running daemon, and gives it back."""

import resource

from tests.bed.command_line import Running


def no_more_room(running: Running) -> None:
    """No file that the daemon writes to may grow any further."""
    largest = max(
        path.stat().st_size for path in (running.file.parent / "state").iterdir() if path.is_file()
    )
    hard = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (largest, hard))


def room_again(running: Running) -> None:
    hard = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (hard, hard))
