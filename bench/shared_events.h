/* A file in memory, shared by the programs under test and the measuring side. bench/shared_events.py has the same layout. */
#include <stdint.h>

enum { MOST_RECORDS = 1 << 20 };

struct record {
    uint64_t nanoseconds; /* CLOCK_MONOTONIC */
    uint32_t pid;
    uint32_t event;       /* one of enum event; written last */
};

enum event { NOTHING, STARTED, ASKED_TO_STOP, WRITTEN };

struct shared_events {
    uint64_t count;  /* records so far */
    uint64_t wanted; /* the program that writes the record with this number rings the bell */
    uint64_t bytes;  /* written by all programs */
    uint64_t unused;
    struct record records[MOST_RECORDS];
};
