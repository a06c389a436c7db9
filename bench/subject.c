/* The program under test: records when it began, then does what its arguments say.
 *
 *   subject EVENTS stay            until SIGTERM, which it records and obeys at once
 *   subject EVENTS exit            ends
 *   subject EVENTS flood MIB       waits for the gate, writes that much in lines of 128 bytes, records that, and stays;
 *                                 0: no end and no gate
 *   subject EVENTS lines RATE      writes that many lines a second
 *   subject EVENTS drain           reads its stdin to the end, as the reader of a console
 *   subject EVENTS hang            ignores SIGTERM
 *   subject EVENTS crash MS        ends with status 1 after that many milliseconds
 *
 * EVENTS is a file of `struct shared_events`. EVENTS.bell is a fifo that gets a byte when the awaited record is there, so that
 * nothing polls. EVENTS.gate is a fifo that releases all waiting programs at once when it is opened for writing.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "shared_events.h"

enum { LINE = 128, BLOCK = 65536, STARTED_STATUS = 70 };

static struct shared_events *events;
static char path[PATH_MAX];

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Also called by the handler of SIGTERM: nothing here may be unsafe there. */
static void note(enum event event, uint64_t nanoseconds) {
    uint64_t number = __atomic_fetch_add(&events->count, 1, __ATOMIC_SEQ_CST);
    if (number < MOST_RECORDS) {
        struct record *record = &events->records[number];
        record->nanoseconds = nanoseconds;
        record->pid = (uint32_t)getpid();
        __atomic_store_n(&record->event, event, __ATOMIC_SEQ_CST);
    }
    if (number + 1 == __atomic_load_n(&events->wanted, __ATOMIC_SEQ_CST)) {
        char bell[PATH_MAX + 8];
        strcpy(bell, path);
        strcat(bell, ".bell");
        int fd = open(bell, O_WRONLY | O_NONBLOCK);
        if (fd >= 0 && write(fd, "", 1) < 0) {
            /* Nobody is left to hear it. */
        }
        close(fd);
    }
}

static void leave(int number) {
    (void)number;
    note(ASKED_TO_STOP, now());
    _exit(0);
}

static void stay(void) {
    for (;;)
        pause();
}

static void wait_for_the_gate(void) {
    char gate[PATH_MAX + 8];
    snprintf(gate, sizeof gate, "%s.gate", path);
    close(open(gate, O_RDONLY));
}

static void flood(uint64_t mib) {
    static char block[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        block[i] = i % LINE == LINE - 1 ? '\n' : (char)('a' + i % 26);
    uint64_t left = mib << 20;
    if (mib)
        wait_for_the_gate();
    while (!mib || left) {
        ssize_t count = write(1, block, !mib || left > BLOCK ? BLOCK : left);
        if (count < 0)
            _exit(1);
        __atomic_fetch_add(&events->bytes, (uint64_t)count, __ATOMIC_RELAXED);
        left -= mib ? (uint64_t)count : 0;
    }
    note(WRITTEN, now());
    stay();
}

static void lines(long rate) {
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        static const char text[] = "a line such as programs write them, now and then, of some sixty letters\n";
        if (write(1, text, sizeof text - 1) < 0)
            _exit(1);
        next.tv_nsec += 1000000000 / rate;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}

static void drain(void) {
    static char block[1 << 20];
    while (read(0, block, sizeof block) > 0)
        ;
}

int main(int argc, char **argv) {
    uint64_t began = now();
    if (argc < 3 || strlen(argv[1]) >= PATH_MAX)
        return STARTED_STATUS;
    strcpy(path, argv[1]);
    const char *mode = argv[2];
    long number = argc > 3 ? atol(argv[3]) : 0;
    if (!strcmp(mode, "drain")) {
        drain();
        return 0;
    }
    int fd = open(path, O_RDWR);
    events = mmap(NULL, sizeof *events, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || events == MAP_FAILED)
        return STARTED_STATUS;
    close(fd);
    signal(SIGTERM, strcmp(mode, "hang") ? leave : SIG_IGN);
    note(STARTED, began);
    if (!strcmp(mode, "flood"))
        flood((uint64_t)number);
    else if (!strcmp(mode, "lines"))
        lines(number);
    else if (!strcmp(mode, "crash")) {
        usleep((useconds_t)number * 1000);
        return 1;
    } else if (strcmp(mode, "exit"))
        stay();
    return 0;
}
