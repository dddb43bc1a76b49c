/* The loop that drives all connections, and the phases of a run: opening, warm-up, measured window, drain. */
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_WAIT (100 * MILLISECOND)
#define MOST_EVENTS 256
#define MANY_REQUESTS 32 /* under way: then a short rest delays none noticeably */
#define MANY_EVENTS 16   /* of one wake-up: then answers come in groups without a rest */

static volatile sig_atomic_t stops;

static void stop(int signal) {
    (void)signal;
    stops++;
}

static int64_t nanoseconds(double seconds) {
    return (int64_t)(seconds * (double)SECOND);
}

static void read_cpu(int64_t *user, int64_t *system) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    *user = usage.ru_utime.tv_sec * SECOND + usage.ru_utime.tv_usec * MICROSECOND;
    *system = usage.ru_stime.tv_sec * SECOND + usage.ru_stime.tv_usec * MICROSECOND;
}

static bool is_over(const struct run *run) {
    return run->busy == 0 && run->workload->exhausted(run);
}

static void open_window(struct run *run, int64_t now) {
    run->phase = MEASURING;
    run->window_begin = now;
    read_cpu(&run->cpu_user, &run->cpu_system);
    if (run->workload->opened) run->workload->opened(run);
}

static void close_window(struct run *run, int64_t now) {
    int64_t user, system;
    read_cpu(&user, &system);
    run->cpu_user = user - run->cpu_user;
    run->cpu_system = system - run->cpu_system;
    run->phase = DRAINING;
    run->window_end = now;
    run->drain_end = now + nanoseconds(run->job->drain);
}

/* Goes on to the next phase when it is time. */
static void advance(struct run *run, int64_t now, uint32_t opened) {
    const struct job *job = run->job;
    if (run->phase == OPENING) {
        if (opened < job->connections && !stops) {
            if (now > run->patience)
                fail("Only %u of %lld connections to %s:%lld could be opened in %g seconds.", opened,
                     (long long)job->connections, job->address, (long long)job->port, job->opening);
            return;
        }
        run->origin = now;
        run->phase = WARMING;
    }
    if (run->phase == WARMING && (stops || is_over(run) || now >= run->origin + nanoseconds(job->warmup)))
        open_window(run, now);
    if (run->phase == MEASURING) {
        int64_t end = run->window_begin + nanoseconds(job->seconds);
        if (stops || is_over(run) || now >= end) close_window(run, now);
    }
    if (run->phase == DRAINING && (run->busy == 0 || now >= run->drain_end || stops > 1)) run->phase = OVER;
}

/* Lets idle connections begin as long as there is something to begin. */
static void feed(struct run *run) {
    while (run->idle.first && (run->phase == WARMING || run->phase == MEASURING)) {
        struct connection *connection = run->idle.first;
        detach(&run->idle, connection);
        offer(run, connection);
        if (connection->state == IDLE) return;
    }
}

static int64_t next_wake_up(const struct run *run, int64_t now) {
    int64_t wake_up = now + LONGEST_WAIT;
    int64_t edge = NEVER;
    if (run->phase == WARMING) edge = run->origin + nanoseconds(run->job->warmup);
    if (run->phase == MEASURING) edge = run->window_begin + nanoseconds(run->job->seconds);
    if (run->phase == DRAINING) edge = run->drain_end;
    if (edge < wake_up) wake_up = edge;
    if (may_connect(run) && run->next_attempt < wake_up) wake_up = run->next_attempt;
    if (run->idle.first && (run->phase == WARMING || run->phase == MEASURING)) {
        int64_t due = run->workload->due(run);
        if (due < wake_up) wake_up = due;
    }
    return wake_up;
}

/* Waking up costs more than handling an answer. Under load, a rest lets some answers gather for each wake-up. */
static void rest(const struct run *run, int count) {
    int64_t pause = nanoseconds(run->job->rest);
    if (pause == 0 || run->busy < MANY_REQUESTS || count >= MANY_EVENTS) return;
    struct timespec time = {.tv_sec = 0, .tv_nsec = pause};
    nanosleep(&time, NULL);
}

static int wait_for_events(struct run *run, struct epoll_event *events, int64_t now) {
    int64_t left = next_wake_up(run, now) - now;
    int whole = 0;
    if (left >= 5 * MILLISECOND) {
        whole = (int)(left / MILLISECOND);
    } else if (left > 0) {
        /* epoll_wait knows only milliseconds, which is too coarse for the arrivals of an open loop. */
        struct pollfd set = {.fd = run->epoll, .events = POLLIN};
        struct timespec time = {.tv_sec = 0, .tv_nsec = left};
        ppoll(&set, 1, &time, NULL);
    }
    int count = epoll_wait(run->epoll, events, MOST_EVENTS, whole);
    if (count < 0 && errno != EINTR) fail("The connections cannot be watched: %s.", strerror(errno));
    return count;
}

static void handle(struct run *run, const struct epoll_event *event, uint32_t *opened) {
    struct connection *connection = event->data.ptr;
    if (connection->state == CONNECTING) {
        bool first = !connection->opened_before;
        finish_connecting(run, connection);
        if (first && connection->opened_before) ++*opened;
        return;
    }
    /* While a request is still going out, an answer or the end of the connection is looked at first. */
    if (event->events & ~(uint32_t)EPOLLOUT) receive(run, connection);
    else transmit(run, connection);
}

static void set_up(struct run *run) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    rlim_t wanted = (rlim_t)run->job->connections + 32;
    if (files.rlim_cur < wanted) {
        files.rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max;
        if (files.rlim_cur < wanted || setrlimit(RLIMIT_NOFILE, &files) != 0)
            fail("%lld connections need %llu open files, more than this process may have.",
                 (long long)run->job->connections, (unsigned long long)wanted);
    }
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run->epoll < 0) fail("The connections cannot be watched: %s.", strerror(errno));
    run->connections = allocate((size_t)run->job->connections, sizeof *run->connections);
    for (int64_t i = 0; i < run->job->connections; i++) {
        run->connections[i].index = (uint32_t)i;
        append(&run->waiting, &run->connections[i]);
    }
}

static void tear_down(struct run *run) {
    for (int64_t i = 0; i < run->job->connections; i++) {
        struct connection *connection = &run->connections[i];
        if (connection->state != WAITING) close(connection->fd);
        free(connection->partial.bytes);
    }
    free(run->connections);
    close(run->epoll);
}

void drive(struct run *run, const struct job *job, const struct workload *workload) {
    *run = (struct run){.job = job, .workload = workload, .phase = OPENING};
    struct epoll_event events[MOST_EVENTS];
    uint32_t opened = 0;
    set_up(run);
    run->patience = monotonic() + nanoseconds(job->opening);
    /* Every phase ends by its time at the latest, so this loop does too. */
    for (;;) {
        int64_t now = monotonic();
        advance(run, now, opened);
        if (run->phase == OVER) break;
        reconnect(run, now);
        feed(run);
        int count = wait_for_events(run, events, now);
        for (int i = 0; i < count; i++) handle(run, &events[i], &opened);
        workload->turned();
        rest(run, count);
    }
    tear_down(run);
}
