"""System calls that fail from now on in this process, by a filter of the kernel (Linux)."""

import ctypes
import platform
import struct

# fsync, fdatasync; write, pwrite64, pwritev: numbers by machine.
_NUMBERS = {
    "x86_64": {"sync": (74, 75), "write": (18, 296), "seccomp": (317,)},
    "aarch64": {"sync": (82, 83), "write": (68, 70), "seccomp": (277,)},
}
SYNC, WRITE = "sync", "write"
_KILL_PROCESS = 0x80000000
_EIO = 0x00050000 | 5
_ALLOW = 0x7FFF0000


class NoFilterError(RuntimeError):
    """This machine takes no filter."""


def fail_from_now_on(calls: str, *, deadly: bool) -> None:
    """Every such call of any thread ends the process, or answers EIO. There is no way back."""
    numbers = _NUMBERS.get(platform.machine())
    if numbers is None:
        raise NoFilterError(f"no numbers of system calls are known for {platform.machine()}")
    first, second = numbers[calls]
    instructions = (
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 1, 0, first),
        (0x15, 0, 1, second),
        (0x06, 0, 0, _KILL_PROCESS if deadly else _EIO),
        (0x06, 0, 0, _ALLOW),
    )
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *each) for each in instructions)
    )
    program = struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    set_filter, all_threads, no_new_privileges = 1, 1, 38
    libc.prctl(no_new_privileges, 1, 0, 0, 0)
    (seccomp,) = numbers["seccomp"]
    if libc.syscall(seccomp, set_filter, all_threads, program) != 0:
        raise NoFilterError(f"the kernel refused the filter: error {ctypes.get_errno()}")
