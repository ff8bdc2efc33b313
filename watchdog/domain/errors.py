"""The exception tree: an error's type says the next move, its text what, where, what next."""


class WatchdogError(Exception):
    """Anything this program raises on purpose."""


class ConfigError(WatchdogError):
    """A person must edit a file; the text says file, line, key, and what would be valid."""


class JournalError(WatchdogError):
    """The journal cannot record, so nothing may be done."""


class LeaseLostError(WatchdogError):
    """Somebody else may act now: end, and do nothing more."""


class StepError(WatchdogError):
    """A step went wrong; which kind says whether it may have happened."""


class TransientError(StepError):
    """It did not happen; trying again may work."""


class PermanentError(StepError):
    """It did not happen; trying again is useless."""


class InDoubtError(StepError):
    """It may have happened: look before anything else."""
