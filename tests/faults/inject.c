/* Preloaded into the master: makes its system calls say what a test wants, as long as a file in $FAULTS says so.
 *
 *     FAULTS/exec    NAME NUMBER    the exec of a file of that name fails with that errno
 *     FAULTS/wall    SECONDS        the wall clock has been stepped by so much
 *     FAULTS/steady  SECONDS        so much more time has passed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* What the file says; only calls that are allowed between vfork and exec. */
static int told(const char *name, char *text, size_t size)
{
    const char *folder = getenv("FAULTS");
    char path[4096];
    size_t at = 0;
    if (!folder || strlen(folder) + strlen(name) + 2 > sizeof path)
        return 0;
    while (*folder)
        path[at++] = *folder++;
    path[at++] = '/';
    strcpy(path + at, name);
    int before = errno, fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    errno = before;
    if (length <= 0)
        return 0;
    text[length] = 0;
    return 1;
}

int execve(const char *file, char *const argv[], char *const envp[])
{
    char text[256], *end;
    if (told("exec", text, sizeof text) && (end = strchr(text, ' '))) {
        const char *name = strrchr(file, '/');
        name = name ? name + 1 : file;
        if (strlen(name) == (size_t)(end - text) && !memcmp(name, text, end - text)) {
            errno = atoi(end + 1);
            return -1;
        }
    }
    int (*real)(const char *, char *const[], char *const[]) = dlsym(RTLD_NEXT, "execve");
    return real(file, argv, envp);
}

static time_t stepped(clockid_t clock)
{
    char text[64];
    const char *name = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? "wall"
                       : clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME     ? "steady"
                                                                                 : NULL;
    return name && told(name, text, sizeof text) ? atol(text) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (!result)
        now->tv_sec += stepped(clock);
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    static int (*real)(struct timeval *, void *);
    if (!real)
        real = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(now, zone);
    if (!result)
        now->tv_sec += stepped(CLOCK_REALTIME);
    return result;
}

time_t time(time_t *where)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (where)
        *where = now.tv_sec;
    return now.tv_sec;
}
