/* Mode `repeat`: ready-made requests, one after the other from a rotating list, over all connections. */
#include "load.h"

#include <stdio.h>

static struct texts requests;
static struct histogram latency;
static int64_t *sent_at;
static uint64_t statuses[1000];
static uint64_t begun, losses;

static bool begin(struct run *run, struct connection *connection) {
    if (run->job->limit && begun == (uint64_t)run->job->limit) return false;
    connection->request = requests.items[begun++ % requests.count];
    sent_at[connection->index] = monotonic();
    return true;
}

static bool answered(struct run *run, struct connection *connection, const struct answer *answer) {
    if (run->phase == MEASURING) {
        record(&latency, monotonic() - sent_at[connection->index]);
        statuses[answer->status]++;
    }
    return false;
}

static bool lost(struct run *run, struct connection *connection) {
    (void)run, (void)connection;
    losses++;
    return false;
}

static bool exhausted(const struct run *run) {
    return run->job->limit && begun == (uint64_t)run->job->limit;
}

static int64_t due(const struct run *run) {
    (void)run;
    return NEVER;
}

static void turned(void) {
}

static void print_report(const struct run *run) {
    printf("{");
    print_run(run, latency.total, "request");
    printf("\"begun\":%llu,\"losses\":%llu,\"statuses\":{", (unsigned long long)begun, (unsigned long long)losses);
    const char *comma = "";
    for (int status = 0; status < 1000; status++) {
        if (!statuses[status]) continue;
        printf("%s\"%d\":%llu", comma, status, (unsigned long long)statuses[status]);
        comma = ",";
    }
    printf("},");
    print_durations("latency", &latency);
    printf("}\n");
}

void run_repeat(const struct job *job) {
    static const struct workload workload = {
        .begin = begin, .answered = answered, .lost = lost, .exhausted = exhausted, .due = due, .turned = turned};
    if (!job->requests) fail("The job must name its file of requests.");
    requests = read_prefixed(job->requests);
    if (!requests.count) fail("The file of requests is empty.");
    sent_at = allocate((size_t)job->connections, sizeof *sent_at);
    struct run run;
    drive(&run, job, &workload);
    print_report(&run);
}
