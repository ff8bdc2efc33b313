"""What a plugin should not have let out: said in the log, and named everywhere else."""

import logging

_LOG = logging.getLogger(__name__)


def unexpected(error: Exception) -> str:
    """The kind of `error`, for the journal and for people; its words go to the log alone.

    They may hold anything, a secret included: the log takes those out, the journal keeps what
    it is given for good.
    """
    _LOG.error("a defect in a plugin: %s", error, exc_info=error)
    return f"unexpected {type(error).__name__}; its words are in the log"
