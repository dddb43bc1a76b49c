/* The report's JSON, written to the standard output. */
#include "load.h"

#include <stdio.h>

static double in_seconds(int64_t duration) {
    return (double)duration / (double)SECOND;
}

static double in_milliseconds(int64_t duration) {
    return (double)duration / (double)MILLISECOND;
}

void print_run(const struct run *run, uint64_t units, const char *unit) {
    double seconds = in_seconds(run->window_end - run->window_begin);
    double cpu = in_seconds(run->cpu_user + run->cpu_system);
    printf("\"seconds\":%.6f,\"%ss_per_second\":%.3f,", seconds, unit, seconds > 0 ? (double)units / seconds : 0);
    printf("\"cpu_user_seconds\":%.6f,\"cpu_system_seconds\":%.6f,", in_seconds(run->cpu_user),
           in_seconds(run->cpu_system));
    printf("\"cpu_us_per_%s\":%.3f,", unit, units ? cpu * 1e6 / (double)units : 0);
    printf("\"bytes_read\":%llu,\"bytes_written\":%llu,", (unsigned long long)run->bytes_read,
           (unsigned long long)run->bytes_written);
    printf("\"reconnects\":%llu,\"unfinished\":%u,", (unsigned long long)run->reconnects, run->busy);
}

void print_durations(const char *name, const struct histogram *histogram) {
    printf("\"%s\":{\"count\":%llu,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"p999_ms\":%.4f,\"max_ms\":%.4f}", name,
           (unsigned long long)histogram->total, in_milliseconds(percentile(histogram, 0.5)),
           in_milliseconds(percentile(histogram, 0.99)), in_milliseconds(percentile(histogram, 0.999)),
           in_milliseconds(histogram->longest));
}

void print_count(const char *name, uint64_t count) {
    printf("\"%s\":%llu,", name, (unsigned long long)count);
}

void print_words(struct text text) {
    putchar('"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte == '"' || byte == '\\') printf("\\%c", byte);
        else if (byte < 0x20) printf("\\u%04x", byte);
        else putchar(byte);
    }
    putchar('"');
}
