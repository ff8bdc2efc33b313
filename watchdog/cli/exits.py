"""What each exit code means: the one list, and docs/cli.md shows it."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    NO = 1
    USAGE = 2
    INCONCLUSIVE = 3
    JOURNAL = 4
    NOT_RUNNING = 5
    REFUSED = 6
    BREACH = 10
    UNKNOWN = 11
    CRASHED = 70
    OTHER_DISTRIBUTION = 78
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done; the answer is yes",
    Exit.NO: "done; the answer is no: not verified, not intact, a finding, a warning (`--strict`)",
    Exit.USAGE: "a file or an argument is wrong; nothing was done",
    Exit.INCONCLUSIVE: "nobody can tell: unknown is neither yes nor no; a person must look",
    Exit.JOURNAL: "the journal cannot be read or written, or another daemon has it",
    Exit.NOT_RUNNING: "no daemon answers at the socket",
    Exit.REFUSED: "the command was understood and refused; the text says why",
    Exit.BREACH: "`run --once`: a trigger's condition is met",
    Exit.UNKNOWN: "`run --once`: something could not be told, and nothing is in breach",
    Exit.CRASHED: "a mistake in the program; please report it",
    Exit.OTHER_DISTRIBUTION: "another distribution named `watchdog` is installed beside this one",
    Exit.INTERRUPTED: "stopped by Ctrl-C",
}
