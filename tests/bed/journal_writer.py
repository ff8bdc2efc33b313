"""A process of its own that appends to a journal, and says on stdout what was confirmed.

It goes on until it is killed, or until the journal refuses.
"""

import argparse
import asyncio
import ctypes
import os
import platform
import resource
import struct
import sys
from pathlib import Path

from watchdog.adapters.clock import SystemClock
from watchdog.adapters.journals.sqlite import SqliteJournal, open_journal
from watchdog.domain.errors import JournalError
from watchdog.domain.events import RunParked

WRITERS = 4
EVENTS = 3
NO_FILTER = 4
# fsync, fdatasync and seccomp, as the kernel numbers them.
CALLS = {"x86_64": (74, 75, 317), "aarch64": (82, 83, 277)}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--file-limit", type=int, default=0, help="bytes a file may have")
    parser.add_argument("--sync-fails-after", type=int, default=0, help="appends")
    options = parser.parse_args()
    if options.file_limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (options.file_limit, options.file_limit))
    say("opening")
    try:
        asyncio.run(append_until_refused(options.path, options.sync_fails_after))
    except JournalError as error:
        say(f"refused {error}")
    return 0


async def append_until_refused(path: Path, sync_fails_after: int) -> None:
    async with open_journal(path, SystemClock()) as journal:
        say("open")
        async with asyncio.TaskGroup() as writers:
            for writer in range(WRITERS):
                writers.create_task(append(journal, f"{os.getpid()}.{writer}", sync_fails_after))


async def append(journal: SqliteJournal, writer: str, sync_fails_after: int) -> None:
    number = 0
    while journal.healthy:
        if sync_fails_after and number == sync_fails_after:
            fail_every_sync()
        run = f"{writer}.{number}"
        try:
            await journal.append(*[RunParked(run, f"{part} {'x' * 200}") for part in range(EVENTS)])
        except JournalError as error:
            say(f"refused {error}")
        else:
            say(f"confirmed {run}")
        number += 1


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def fail_every_sync() -> None:
    """From now on fsync and fdatasync say EIO to every thread of this process."""
    fsync, fdatasync, seccomp = CALLS.get(platform.machine(), (0, 0, 0))
    instructions = (
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 1, 0, fsync),
        (0x15, 0, 1, fdatasync),
        (0x06, 0, 0, 0x00050000 | 5),  # answer with error 5, EIO
        (0x06, 0, 0, 0x7FFF0000),  # allow
    )
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *each) for each in instructions)
    )
    program = struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    set_filter, all_threads, no_new_privileges = 1, 1, 38
    libc.prctl(no_new_privileges, 1, 0, 0, 0)
    if not seccomp or libc.syscall(seccomp, set_filter, all_threads, program) != 0:
        os._exit(NO_FILTER)


if __name__ == "__main__":
    sys.exit(main())
