/* What the kernel says of the process, under the names that Prometheus' own clients give it. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/api/metrics.h"

static void write_memory(struct arci_buffer *text)
{
    unsigned long long virtual = 0;
    unsigned long long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    int read = file ? fscanf(file, "%llu %llu", &virtual, &resident) : 0;
    if (file)
        fclose(file);
    if (read != 2)
        return;
    unsigned long long page = (unsigned long long)sysconf(_SC_PAGESIZE);
    arci_metric_family(text, "process_resident_memory_bytes", "gauge", "Resident memory.");
    arci_metric_count(text, "process_resident_memory_bytes", NULL, resident * page);
    arci_metric_family(text, "process_virtual_memory_bytes", "gauge", "Virtual memory.");
    arci_metric_count(text, "process_virtual_memory_bytes", NULL, virtual * page);
}

static void write_descriptors(struct arci_buffer *text)
{
    uint64_t count = 0;
    struct rlimit limit;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return;
    for (const struct dirent *item; (item = readdir(directory));)
        count += item->d_name[0] != '.';
    closedir(directory);
    arci_metric_family(text, "process_open_fds", "gauge", "Open file descriptors.");
    /* But for the one of this look. */
    arci_metric_count(text, "process_open_fds", NULL, count - 1);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    arci_metric_family(text, "process_max_fds", "gauge", "File descriptors that may be open.");
    arci_metric_count(text, "process_max_fds", NULL, limit.rlim_cur);
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

void arci_metrics_write_process(struct arci_buffer *text)
{
    struct rusage usage;
    write_memory(text);
    write_descriptors(text);
    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return;
    arci_metric_family(text, "process_cpu_seconds_total", "counter", "Processor time, user and system.");
    arci_metric_real(text, "process_cpu_seconds_total", NULL,
                     seconds(&usage.ru_utime) + seconds(&usage.ru_stime));
}
