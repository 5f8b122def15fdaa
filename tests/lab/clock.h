/*
 * Time for the emulator: nanoseconds on the monotonic clock. Everything below main() is handed a time instead
 * of asking for one, so only the loop and the receiving port include this file.
 */
#ifndef LAB_CLOCK_H
#define LAB_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)
#define TIME_NEVER INT64_MAX

static inline int64_t timespec_to_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * NS_PER_SECOND + (int64_t)time.tv_nsec;
}

static inline struct timespec timespec_from_ns(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_SECOND), .tv_nsec = (long)(ns % NS_PER_SECOND)};
}

static inline int64_t clock_ns(clockid_t id)
{
    struct timespec time;

    clock_gettime(id, &time);
    return timespec_to_ns(time);
}

#endif
