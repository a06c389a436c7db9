/* Preloaded into the master: makes its system calls say what a test wants, as long as a file in $FAULTS says so.
 *
 *     FAULTS/exec    NAME NUMBER    the exec of a file of that name fails with that errno
 *     FAULTS/wall    SECONDS        the wall clock has been stepped by so much
 *     FAULTS/steady  SECONDS        so much more time has passed
 *     FAULTS/hang    FOLDER         the disk of that folder does not answer who names a file there, or writes to one
 *     FAULTS/users                  the user database does not answer who asks for a user's groups
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* As long as this file is on a disk that does not answer. */
static void wait_for_disk(const char *path)
{
    const struct timespec moment = {0, 5000000};
    char folder[4096];
    while (told("hang", folder, sizeof folder) && !strncmp(path, folder, strlen(folder)))
        nanosleep(&moment, NULL);
}

static void wait_for_disk_of(int fd)
{
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
        wait_for_disk(path);
    }
}

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    wait_for_disk_of(fd);
    return real(fd, data, size);
}

ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags)
{
    ssize_t (*real)(int, off64_t *, int, off64_t *, size_t, unsigned) = dlsym(RTLD_NEXT, "splice");
    wait_for_disk_of(to);
    return real(from, from_offset, to, to_offset, size, flags);
}

int futimens(int fd, const struct timespec times[2])
{
    int (*real)(int, const struct timespec *) = dlsym(RTLD_NEXT, "futimens");
    wait_for_disk_of(fd);
    return real(fd, times);
}

int open64(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    wait_for_disk(path);
    return real(path, flags, mode);
}

/* What is asked of a file by its name. */
#define ASKS(name, parameters, ...) \
    int name parameters \
    { \
        int (*real) parameters = dlsym(RTLD_NEXT, #name); \
        wait_for_disk(path); \
        return real(__VA_ARGS__); \
    }

ASKS(stat64, (const char *path, struct stat64 *found), path, found)
ASKS(lstat64, (const char *path, struct stat64 *found), path, found)
ASKS(access, (const char *path, int mode), path, mode)
ASKS(chdir, (const char *path), path)
ASKS(chmod, (const char *path, mode_t mode), path, mode)
ASKS(mkdir, (const char *path, mode_t mode), path, mode)
ASKS(rename, (const char *path, const char *to), path, to)
ASKS(truncate64, (const char *path, off64_t length), path, length)
ASKS(unlink, (const char *path), path)

DIR *opendir(const char *path)
{
    DIR *(*real)(const char *) = dlsym(RTLD_NEXT, "opendir");
    wait_for_disk(path);
    return real(path);
}

int getgrouplist(const char *user, gid_t group, gid_t *groups, int *number)
{
    const struct timespec moment = {0, 5000000};
    int (*real)(const char *, gid_t, gid_t *, int *) = dlsym(RTLD_NEXT, "getgrouplist");
    char text[64];
    while (told("users", text, sizeof text))
        nanosleep(&moment, NULL);
    return real(user, group, groups, number);
}
