/* Durations in buckets that grow with the duration: 128 for each power of two, so recording is a shift and a sum. */
#include "load.h"

#define FINE 7 /* 2 to this power buckets for each power of two */

static size_t bucket_of(uint64_t duration) {
    if (duration < 2u << FINE) return duration;
    unsigned shift = 63u - (unsigned)__builtin_clzll(duration) - FINE;
    size_t bucket = ((size_t)shift << FINE) + (duration >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static int64_t middle_of(size_t bucket) {
    if (bucket < 2u << FINE) return (int64_t)bucket;
    unsigned shift = (unsigned)(bucket >> FINE) - 1;
    uint64_t low = (uint64_t)((bucket & ((1u << FINE) - 1)) | 1u << FINE) << shift;
    return (int64_t)(low + (UINT64_C(1) << shift) / 2);
}

void record(struct histogram *histogram, int64_t duration) {
    if (duration < 0) duration = 0;
    histogram->counts[bucket_of((uint64_t)duration)]++;
    histogram->total++;
    if (duration > histogram->longest) histogram->longest = duration;
}

int64_t percentile(const struct histogram *histogram, double share) {
    uint64_t rank = (uint64_t)(share * (double)histogram->total);
    if ((double)rank < share * (double)histogram->total) rank++;
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen && seen >= rank) {
            int64_t duration = middle_of(bucket);
            return duration < histogram->longest ? duration : histogram->longest;
        }
    }
    return 0;
}
