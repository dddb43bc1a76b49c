/* What the files of the load client share: texts, buffers, the job, histograms, and the engine that drives connections.
 *
 * The client runs on the same cores as the server that it measures, so every file keeps to one rule: for a request,
 * one send, one recv and a few copies, and nothing that allocates once the run has settled. Times are nanoseconds. */
#ifndef LOAD_H
#define LOAD_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MICROSECOND INT64_C(1000)
#define MILLISECOND INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define NEVER INT64_MAX

/* basics.c */

struct text {
    const char *bytes;
    size_t size;
};

struct buffer {
    char *bytes;
    size_t size, room;
};

/* Ends the program with exit code 2 and this sentence on the standard error stream. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t monotonic(void);
void *allocate(size_t count, size_t size);
struct text text_of(const char *words);
void put(struct buffer *buffer, struct text text);
void put_words(struct buffer *buffer, const char *words);
void put_number(struct buffer *buffer, uint64_t number);

/* inputs.c */

struct texts {
    char *content; /* of the whole file; the items lie in it */
    struct text *items;
    size_t count;
};

struct job {
    char *mode, *address, *host, *requests, *tokens, *variants, *views, *destination, *log;
    int64_t port, connections, limit, seed, retry, views_each, again;
    double opening, warmup, seconds, drain, rest, rate, skew, window, failing, pause;
};

void read_job(const char *path, struct job *job);
struct texts read_lines(const char *path);
/* Byte strings, each behind its length as four bytes, the lowest first. */
struct texts read_prefixed(const char *path);

/* histogram.c: counts of durations, each known to within 0.4 percent. */

#define HISTOGRAM_BUCKETS 4608

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    int64_t longest;
};

void record(struct histogram *histogram, int64_t duration);
/* The smallest duration that `share` of all durations do not exceed; 0 if there are none. */
int64_t percentile(const struct histogram *histogram, double share);

/* http.c */

struct head {
    size_t size; /* 0 as long as it has not come whole */
    size_t body;
    int status;
    bool closes;
};

/* Reads the head at the start of `bytes`. Returns NULL, or a sentence about an answer that this client refuses. */
const char *read_head(struct text bytes, struct head *head);

/* engine.c */

enum state { WAITING, CONNECTING, IDLE, BUSY };
enum phase { OPENING, WARMING, MEASURING, DRAINING, OVER };

struct connection {
    struct connection *before, *after;
    enum state state;
    int fd;
    uint32_t index;
    bool has_request; /* one is under way, or is to be sent again once there is a connection */
    bool opened_before, wants_write;
    struct text request; /* must stay where it is until its answer has come */
    size_t sent;
    struct buffer partial; /* the beginning of an answer that comes in pieces */
    struct head head;
    size_t unread; /* what is still to come of a body that is only counted */
};

struct line {
    struct connection *first, *last;
};

struct answer {
    int status;
    struct text body;
};

struct run;

/* What one mode does with the connections. A function that sets `connection->request` returns true. */
struct workload {
    bool keeps_bodies;
    bool (*begin)(struct run *run, struct connection *connection);
    bool (*answered)(struct run *run, struct connection *connection, const struct answer *answer);
    /* The connection broke before the answer: true sends the same request again. */
    bool (*lost)(struct run *run, struct connection *connection);
    /* Whether nothing more will begin. */
    bool (*exhausted)(const struct run *run);
    /* When begin() may succeed again although no answer came; NEVER where only answers matter. */
    int64_t (*due)(const struct run *run);
    /* Called when the measured window begins; NULL where nothing depends on it. */
    void (*opened)(struct run *run);
    /* Called when all that one wake-up brought has been handled. */
    void (*turned)(void);
};

struct run {
    const struct job *job;
    const struct workload *workload;
    struct connection *connections;
    struct line idle, waiting;
    enum phase phase;
    int epoll;
    uint32_t opening, busy;
    bool down; /* the last attempt to connect failed: one connection at a time looks whether the server is back */
    int64_t next_attempt, patience;
    int64_t origin, window_begin, window_end, drain_end;
    int64_t cpu_user, cpu_system;
    uint64_t reconnects, bytes_read, bytes_written;
};

/* Runs the job to its end. Afterwards `run` holds the figures of the measured window. */
void drive(struct run *run, const struct job *job, const struct workload *workload);

/* sockets.c */

void append(struct line *line, struct connection *connection);
void prepend(struct line *line, struct connection *connection);
void detach(struct line *line, struct connection *connection);
void occupy(struct run *run, struct connection *connection, bool has_request);
bool may_connect(const struct run *run);
/* Starts to connect those that wait, as far as the pauses allow. */
void reconnect(struct run *run, int64_t now);
void finish_connecting(struct run *run, struct connection *connection);
void transmit(struct run *run, struct connection *connection);
void receive(struct run *run, struct connection *connection);
/* The connection has nothing to do: it begins something, or idles. */
void offer(struct run *run, struct connection *connection);

/* report.c */

/* Prints the beginning of the report's object: what all modes tell of the window. */
void print_run(const struct run *run, uint64_t units, const char *unit);
void print_durations(const char *name, const struct histogram *histogram);
/* With the comma behind it. */
void print_count(const char *name, uint64_t count);
void print_words(struct text text);

/* requests.c: the five requests of a journey, and those that only a sale needs. DECLINE pays by a means that fails.
 * Requests that come ready-made have steps of their own behind them, for figures and failures. */

enum step {
    ADD_FIRST,
    ADD_SECOND,
    QUOTE,
    ORDER,
    PAY,
    DECLINE,
    CANCEL,
    EMPTY,
    STEPS,
    VIEW_REST = STEPS,
    VIEW_HTML,
    ALL_STEPS
};

void prepare_requests(const struct job *job);
/* `number` tells keys apart: that of the journey, or of the attempt to order. */
void write_key(struct buffer *out, uint64_t number, enum step step);
/* `subject` is the variant to add, the signed quote or the order's id; quoting and emptying have none. */
void write_request(struct buffer *out, enum step step, struct text token, uint64_t number, struct text subject);

/* answers.c */

#define MOST_ID 63

bool has(struct text body, const char *pattern);
/* The first signed quote in the answer; size 0 where there is none. */
struct text read_signed(struct text body);
/* The id of an order that waits for its payment; false if the answer is none. */
bool read_order(struct text body, char order[MOST_ID + 1]);

/* failures.c */

/* Counts a failed journey, and keeps the first few bodies of its kind. `status` is 0 where no answer came. */
void note_failure(enum step step, int status, const char *reason, struct text body);
void print_failures(const char *const *step_names);

/* repeat.c, journey.c, sale.c: the modes, each with its report. */

void run_repeat(const struct job *job);
void run_journeys(const struct job *job);
void run_sale(const struct job *job);

#endif
