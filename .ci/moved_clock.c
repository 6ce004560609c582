/* Moves the clock of a process and of all it starts by MOVED_CLOCK seconds; loaded with LD_PRELOAD.
 *
 * Only what tells the time of day is moved, so that time limits and sleeps are as ever. Debian's faketime (0.9.10) cannot
 * do that for Python 3.11 and later: either time.sleep ends in EINVAL (clock_nanosleep with TIMER_ABSTIME) or waiting for
 * a lock never ends (sem_clockwait).
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t moved(void)
{
    static long long by;
    static int is_known;
    if (!is_known) {
        const char *told = getenv("MOVED_CLOCK");
        by = told ? atoll(told) : 0;
        is_known = 1;
    }
    return (time_t) by;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int failed = (int) syscall(SYS_clock_gettime, id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI))
        now->tv_sec += moved();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    int failed = clock_gettime(CLOCK_REALTIME, &exact);
    (void) zone;
    if (!failed) {
        now->tv_sec = exact.tv_sec;
        now->tv_usec = exact.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *now)
{
    struct timespec exact;
    if (clock_gettime(CLOCK_REALTIME, &exact))
        return (time_t) -1;
    if (now)
        *now = exact.tv_sec;
    return exact.tv_sec;
}
