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

/* The real functions. They are looked up when the library is loaded (or earlier, for the constructor of another library):
 * dlsym takes a lock, and a signal handler that writes may interrupt whoever holds it. */
#define REAL(result, name, parameters) static result (*real_##name) parameters
REAL(int, execve, (const char *, char *const[], char *const[]));
REAL(int, clock_gettime, (clockid_t, struct timespec *));
REAL(int, gettimeofday, (struct timeval *, void *));
REAL(ssize_t, write, (int, const void *, size_t));
REAL(ssize_t, splice, (int, off64_t *, int, off64_t *, size_t, unsigned));
REAL(int, futimens, (int, const struct timespec[2]));
REAL(int, open64, (const char *, int, ...));
REAL(int, stat64, (const char *, struct stat64 *));
REAL(int, lstat64, (const char *, struct stat64 *));
REAL(int, access, (const char *, int));
REAL(int, chdir, (const char *));
REAL(int, chmod, (const char *, mode_t));
REAL(int, mkdir, (const char *, mode_t));
REAL(int, rename, (const char *, const char *));
REAL(int, truncate64, (const char *, off64_t));
REAL(int, unlink, (const char *));
REAL(DIR *, opendir, (const char *));
REAL(int, getgrouplist, (const char *, gid_t, gid_t *, int *));

#define LOOK_UP(name) real_##name = dlsym(RTLD_NEXT, #name)
#define CALL(name, ...) (real_##name ? (void)0 : (void)(LOOK_UP(name)), real_##name(__VA_ARGS__))

__attribute__((constructor)) static void look_up(void)
{
    LOOK_UP(execve), LOOK_UP(clock_gettime), LOOK_UP(gettimeofday), LOOK_UP(write), LOOK_UP(splice), LOOK_UP(futimens);
    LOOK_UP(open64), LOOK_UP(stat64), LOOK_UP(lstat64), LOOK_UP(access), LOOK_UP(chdir), LOOK_UP(chmod);
    LOOK_UP(mkdir), LOOK_UP(rename), LOOK_UP(truncate64), LOOK_UP(unlink), LOOK_UP(opendir), LOOK_UP(getgrouplist);
}

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
    return CALL(execve, file, argv, envp);
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
    int result = CALL(clock_gettime, clock, now);
    if (!result)
        now->tv_sec += stepped(clock);
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    int result = CALL(gettimeofday, now, zone);
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
    wait_for_disk_of(fd);
    return CALL(write, fd, data, size);
}

ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size, unsigned flags)
{
    wait_for_disk_of(to);
    return CALL(splice, from, from_offset, to, to_offset, size, flags);
}

int futimens(int fd, const struct timespec times[2])
{
    wait_for_disk_of(fd);
    return CALL(futimens, fd, times);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    wait_for_disk(path);
    return CALL(open64, path, flags, mode);
}

/* What is asked of a file by its name. */
#define ASKS(name, parameters, ...) \
    int name parameters \
    { \
        wait_for_disk(path); \
        return CALL(name, __VA_ARGS__); \
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
    wait_for_disk(path);
    return CALL(opendir, path);
}

int getgrouplist(const char *user, gid_t group, gid_t *groups, int *number)
{
    const struct timespec moment = {0, 5000000};
    char text[64];
    while (told("users", text, sizeof text))
        nanosleep(&moment, NULL);
    return CALL(getgrouplist, user, group, groups, number);
}
