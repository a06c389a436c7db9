/* The floor: what the system itself costs. The least that can be called a supervisor; it decides nothing.
 *
 *   floor [-l FOLDER | -c] [-r BYTES] [-s] [-u SOCKET -a FILE] NUMBER COMMAND [ARGUMENT ...]
 *
 * Starts NUMBER times the command, again whenever it ends, and reads what it writes:
 *   -l FOLDER   into FOLDER/N.log; -r BYTES: which begins anew at that size; -s: by splice(2) through a pipe of 1 MiB
 *   -c          onto its own stdout
 *   -u SOCKET   answers every request to a unix socket with what is in the file of -a
 * SIGTERM goes to all of them; when the last has gone, it goes too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 4096, SIGNALS = MOST, LISTENER, CLIENT, BLOCK = 65536, WIDE = 1 << 20, ANSWER = 1 << 20 };

extern char **environ;

static struct {
    pid_t pid;
    int pipe[2]; /* kept for all its runs: the next one writes into it, too */
    int log;
    long size;
} programs[MOST];

static int number;
static char **command;
static long rotate_at;
static const char *folder;
static int console, by_splice, loop;
static sigset_t before;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int fd, uint32_t name) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = name};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void open_log(int i, int flags) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%d.log", folder, i);
    programs[i].log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
    programs[i].size = 0;
}

static void prepare(int i) {
    if (pipe2(programs[i].pipe, O_CLOEXEC) < 0)
        die("pipe2");
    fcntl(programs[i].pipe[0], F_SETFL, O_NONBLOCK);
    if (by_splice)
        fcntl(programs[i].pipe[0], F_SETPIPE_SZ, WIDE);
    watch(programs[i].pipe[0], (uint32_t)i);
    if (folder)
        open_log(i, 0);
}

static void start(int i) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, programs[i].pipe[1], 1);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &before);
    if (posix_spawn(&programs[i].pid, command[0], &actions, &attributes, command, environ))
        die(command[0]);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
}

static void hand_on(int i) {
    static char block[BLOCK];
    ssize_t count;
    if (by_splice)
        count = splice(programs[i].pipe[0], NULL, programs[i].log, NULL, WIDE, SPLICE_F_NONBLOCK);
    else {
        count = read(programs[i].pipe[0], block, sizeof block);
        int fd = console ? 1 : programs[i].log;
        for (ssize_t done = 0; (folder || console) && done < count;) {
            ssize_t written = write(fd, block + done, (size_t)(count - done));
            if (written < 0)
                die("write");
            done += written;
        }
    }
    programs[i].size += count > 0 ? count : 0;
    if (rotate_at && programs[i].size >= rotate_at) {
        char path[PATH_MAX], old[PATH_MAX + 2];
        snprintf(path, sizeof path, "%s/%d.log", folder, i);
        snprintf(old, sizeof old, "%s.1", path);
        close(programs[i].log);
        rename(path, old);
        open_log(i, O_TRUNC);
    }
}

static void answer(int fd, const char *text, size_t length) {
    static char request[BLOCK];
    ssize_t count = read(fd, request, sizeof request - 1);
    if (count <= 0)
        close(fd);
    else if (memmem(request, (size_t)count, "</methodCall>", 13) && write(fd, text, length) < 0)
        die("answer");
}

static int listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0)
        die(path);
    return fd;
}

/* How many are left. */
static int reap(int stopping) {
    static int alive;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < number; i++)
            if (programs[i].pid == pid) {
                programs[i].pid = 0;
                if (!stopping)
                    start(i);
                break;
            }
    for (alive = 0; alive < number && !programs[alive].pid; alive++)
        ;
    return number - alive;
}

int main(int argc, char **argv) {
    const char *socket_path = NULL, *answer_path = NULL;
    for (int option; (option = getopt(argc, argv, "+l:cr:su:a:")) != -1;)
        switch (option) {
        case 'l': folder = optarg; break;
        case 'c': console = 1; break;
        case 'r': rotate_at = atol(optarg); break;
        case 's': by_splice = 1; break;
        case 'u': socket_path = optarg; break;
        case 'a': answer_path = optarg; break;
        default: return 2;
        }
    if (argc - optind < 2 || (number = atoi(argv[optind])) > MOST)
        return 2;
    command = argv + optind + 1;

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);
    loop = epoll_create1(EPOLL_CLOEXEC);
    int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    watch(signal_fd, SIGNALS);

    static char text[ANSWER];
    ssize_t length = 0;
    int listener = -1;
    if (socket_path) {
        length = read(open(answer_path, O_RDONLY | O_CLOEXEC), text, sizeof text);
        watch(listener = listen_at(socket_path), LISTENER);
    }
    for (int i = 0; i < number; i++) {
        prepare(i);
        start(i);
    }

    for (int stopping = 0;;) {
        struct epoll_event ready[64];
        int count = epoll_wait(loop, ready, 64, -1);
        for (int i = 0; i < count; i++) {
            uint32_t name = ready[i].data.u32;
            if (name < MOST)
                hand_on((int)name);
            else if (name == LISTENER) {
                int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                watch(client, CLIENT + (uint32_t)client);
            } else if (name >= CLIENT)
                answer((int)(name - CLIENT), text, (size_t)length);
            else
                for (struct signalfd_siginfo info; read(signal_fd, &info, sizeof info) > 0;) {
                    if (info.ssi_signo == SIGTERM && !stopping) {
                        stopping = 1;
                        for (int j = 0; j < number; j++)
                            if (programs[j].pid)
                                kill(programs[j].pid, SIGTERM);
                    }
                    if (!reap(stopping) && stopping)
                        return 0;
                }
        }
    }
}
