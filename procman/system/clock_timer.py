"""A timer on the wall clock that also rings when somebody sets that clock: timerfd_create(2), timerfd_settime(2)."""

import errno
import os
import sys
import time
from array import array

from procman.system.libc import call

_TFD_TIMER_ABSTIME = 1
_TFD_TIMER_CANCEL_ON_SET = 2
_BILLION = 1_000_000_000
# The kernel keeps nanoseconds in 63 bits: the year 2262.
_MOST = (1 << 63) // _BILLION - 1


class ClockTimer:
    """Watch `fd` for reading; when it is readable, ask `take`."""

    def __init__(self) -> None:
        """Raises OSError where the kernel, or a sandbox, has no such timers."""
        if sys.version_info >= (3, 13):
            self.fd = os.timerfd_create(time.CLOCK_REALTIME, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        else:
            self.fd = call("timerfd_create", time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)

    def set(self, when: float) -> None:
        """Ring at that time, in seconds since the epoch, or when the clock is set; a time that has passed rings now."""
        # A time of 0 would switch it off.
        seconds, nanoseconds = divmod(max(1, round(min(max(when, 0.0), _MOST) * _BILLION)), _BILLION)
        if sys.version_info >= (3, 13):
            flags = os.TFD_TIMER_ABSTIME | os.TFD_TIMER_CANCEL_ON_SET
            os.timerfd_settime_ns(self.fd, flags=flags, initial=seconds * _BILLION + nanoseconds)
            return
        # A struct itimerspec: no interval, and the time; all four are longs.
        spec = array("l", (0, 0, seconds, nanoseconds))
        call("timerfd_settime", self.fd, _TFD_TIMER_ABSTIME | _TFD_TIMER_CANCEL_ON_SET, spec.buffer_info()[0], 0)

    def unset(self) -> None:
        """Do not ring any more."""
        if sys.version_info >= (3, 13):
            os.timerfd_settime_ns(self.fd, initial=0)
            return
        spec = array("l", (0, 0, 0, 0))
        call("timerfd_settime", self.fd, 0, spec.buffer_info()[0], 0)

    def take(self) -> bool:
        """Take note of the ring; whether it rang because the clock was set."""
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.ECANCELED:
                raise
            return True
        return False

    def close(self) -> None:
        """Give it back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
