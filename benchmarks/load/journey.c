/* Mode `journey`: each buyer adds two variants to a cart, asks for a quote, orders with it, and pays. With views, a
 * buyer looks around before each of these steps. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct journey {
    uint64_t number;
    uint32_t buyer;
    enum step step, next; /* what is under way: `next`, or one of the views before it */
    int64_t views_left;
    struct text second; /* the variant of the second request */
    int64_t begun, step_begun;
    int64_t looked; /* how long its views took so far */
    char order[MOST_ID + 1];
    struct buffer out; /* the request of `next`, whole: it can be sent again as it is */
};

static const char *const step_names[ALL_STEPS] = {
    [ADD_FIRST] = "add_first", [ADD_SECOND] = "add_second", [QUOTE] = "quote",    [ORDER] = "order",
    [PAY] = "pay",             [VIEW_REST] = "rest",        [VIEW_HTML] = "html",
};

static const struct job *the_job;
static struct texts tokens, variants;
static struct texts views; /* each the letter of its kind and a whole request */
static struct journey *journeys;

/* Buyers that are free, in a ring: who waits longest is next, so no buyer comes twice before all came once. */
static uint32_t *free_buyers;
static size_t next_buyer, free_count;

static struct histogram latency, sold_out_latency, answer_latency, step_latency[ALL_STEPS];
static uint64_t answers, viewed;
static uint64_t begun, completed, sold_out, failed, retries, outside_completed, outside_sold_out, outside_failed;

static int log_file = -1;
static struct buffer log_lines;

/* A generator of its own for each journey: what it buys depends on the seed and its number, never on timing. */
static uint64_t draw(uint64_t *state) {
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

/* A whole number from `low` up to, but not including, `high`. */
static size_t draw_between(uint64_t *state, size_t low, size_t high) {
    return low + (size_t)((unsigned __int128)draw(state) * (high - low) >> 64);
}

/* With a skew, the file's first variant is the hot one, and only the drawn fraction of journeys buys it. */
static void draw_variants(uint64_t number, struct text *first, struct text *second) {
    uint64_t state = (uint64_t)the_job->seed ^ number * UINT64_C(0xD1342543DE82EF95);
    double fraction = (double)(draw(&state) >> 11) * 0x1.0p-53;
    size_t low = the_job->skew > 0 ? 1 : 0;
    size_t one = fraction < the_job->skew ? 0 : draw_between(&state, low, variants.count);
    size_t two;
    if (one < low) {
        two = draw_between(&state, low, variants.count);
    } else {
        two = draw_between(&state, low, variants.count - 1);
        if (two >= one) two++;
    }
    *first = variants.items[one];
    *second = variants.items[two];
}

static int64_t planned(const struct run *run, uint64_t number) {
    return run->origin + (int64_t)((double)number * (double)SECOND / the_job->rate);
}

static bool exhausted(const struct run *run) {
    (void)run;
    return the_job->limit && begun == (uint64_t)the_job->limit;
}

static int64_t due(const struct run *run) {
    return the_job->rate > 0 && !exhausted(run) ? planned(run, begun) : NEVER;
}

/* Sends what the buyer looks at before the next step, or that step. In the drain nobody looks around any more. */
static void go_on(const struct run *run, struct connection *connection, struct journey *journey) {
    if (journey->views_left && run->phase != DRAINING) {
        struct text view = views.items[viewed++ % views.count];
        journey->views_left--;
        journey->step = view.bytes[0] == 'h' ? VIEW_HTML : VIEW_REST;
        connection->request = (struct text){view.bytes + 1, view.size - 1};
    } else {
        journey->step = journey->next;
        connection->request = (struct text){journey->out.bytes, journey->out.size};
    }
}

static void ask(const struct run *run, struct connection *connection, enum step step, struct text subject) {
    struct journey *journey = &journeys[connection->index];
    journey->next = step;
    journey->views_left = the_job->views_each;
    write_request(&journey->out, step, tokens.items[journey->buyer], journey->number, subject);
    go_on(run, connection, journey);
}

static bool begin(struct run *run, struct connection *connection) {
    if (exhausted(run)) return false;
    int64_t now = monotonic(), from = now;
    if (the_job->rate > 0) {
        /* An open loop measures from the planned arrival: waiting for a connection is part of the latency. */
        from = planned(run, begun);
        if (from > now) return false;
    }
    struct journey *journey = &journeys[connection->index];
    journey->number = begun++;
    journey->buyer = free_buyers[next_buyer];
    next_buyer = (next_buyer + 1) % tokens.count;
    free_count--;
    journey->begun = from;
    journey->step_begun = now;
    journey->looked = 0;
    struct text first;
    draw_variants(journey->number, &first, &journey->second);
    ask(run, connection, ADD_FIRST, first);
    return true;
}

/* The journey is over, well or not: its buyer may be used again. */
static void finish(const struct run *run, struct journey *journey, uint64_t *inside, uint64_t *outside) {
    free_buyers[(next_buyer + free_count++) % tokens.count] = journey->buyer;
    ++*(run->phase == MEASURING ? inside : outside);
}

static bool give_up(const struct run *run, struct journey *journey, int status, const char *reason, struct text body) {
    /* Failures are listed even if they happen during warm-up or drain: none may hide there. */
    note_failure(journey->step, status, reason, body);
    finish(run, journey, &failed, &outside_failed);
    return false;
}

static void write_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    put_number(&log_lines, (uint64_t)(time.tv_sec * 1000 + time.tv_nsec / MILLISECOND));
    put_words(&log_lines, "\n");
}

static void log_order(const struct journey *journey) {
    if (log_file < 0) return;
    put_words(&log_lines, "order ");
    put_words(&log_lines, journey->order);
    put_words(&log_lines, " ");
    write_key(&log_lines, journey->number, ORDER);
    put_words(&log_lines, " ");
    write_time();
}

static void log_paid(const struct journey *journey) {
    if (log_file < 0) return;
    put_words(&log_lines, "paid ");
    put_words(&log_lines, journey->order);
    put_words(&log_lines, " ");
    write_time();
}

/* Gives the log to the system, where it survives this process. */
static bool save_log(void) {
    size_t gone = 0, size = log_lines.size;
    log_lines.size = 0;
    while (gone < size) {
        ssize_t wrote = write(log_file, log_lines.bytes + gone, size - gone);
        if (wrote < 0 && errno != EINTR) return false;
        if (wrote > 0) gone += (size_t)wrote;
    }
    return true;
}

static void write_log(void) {
    if (!save_log()) fail("The log cannot be written: %s.", strerror(errno));
}

/* A run that fails in the middle of a turn keeps what was acknowledged in that turn. */
static void write_log_at_exit(void) {
    (void)save_log();
}

static bool quote_answered(const struct run *run, struct connection *connection, struct journey *journey,
                           const struct answer *answer) {
    struct text quote = read_signed(answer->body);
    if (!quote.size) return give_up(run, journey, answer->status, "missing_field", answer->body);
    ask(run, connection, ORDER, quote);
    return true;
}

static bool order_answered(const struct run *run, struct connection *connection, struct journey *journey,
                           const struct answer *answer) {
    if (!read_order(answer->body, journey->order))
        return give_up(run, journey, answer->status, "missing_field", answer->body);
    log_order(journey);
    ask(run, connection, PAY, text_of(journey->order));
    return true;
}

static bool pay_answered(const struct run *run, struct journey *journey, const struct answer *answer, int64_t now) {
    if (!has(answer->body, "\"status\":\"paid\""))
        return give_up(run, journey, answer->status, "missing_field", answer->body);
    log_paid(journey);
    if (run->phase == MEASURING) record(&latency, now - journey->begun - journey->looked);
    finish(run, journey, &completed, &outside_completed);
    return false;
}

static bool view_answered(const struct run *run, struct connection *connection, struct journey *journey,
                          const struct answer *answer, int64_t took) {
    if (answer->status != 200) return give_up(run, journey, answer->status, "status", answer->body);
    journey->looked += took;
    go_on(run, connection, journey);
    return true;
}

static bool is_expected(enum step step, int status) {
    return status == 201 || (status == 200 && step != ORDER && step != PAY);
}

static bool answered(struct run *run, struct connection *connection, const struct answer *answer) {
    struct journey *journey = &journeys[connection->index];
    int64_t now = monotonic(), took = now - journey->step_begun;
    enum step step = journey->step;
    bool is_view = step == VIEW_REST || step == VIEW_HTML;
    answers++;
    if (run->phase == MEASURING) {
        record(&step_latency[step], took);
        if (!is_view) record(&answer_latency, took);
    }
    journey->step_begun = now;
    if (is_view) return view_answered(run, connection, journey, answer, took);
    if (step == ORDER && answer->status == 409 && has(answer->body, "\"code\":\"sold_out\"")) {
        if (run->phase == MEASURING) record(&sold_out_latency, now - journey->begun - journey->looked);
        finish(run, journey, &sold_out, &outside_sold_out);
        return false;
    }
    if (!is_expected(step, answer->status)) return give_up(run, journey, answer->status, "status", answer->body);
    if (step == QUOTE) return quote_answered(run, connection, journey, answer);
    if (step == ORDER) return order_answered(run, connection, journey, answer);
    if (step == PAY) return pay_answered(run, journey, answer, now);
    if (step == ADD_FIRST) ask(run, connection, ADD_SECOND, journey->second);
    else ask(run, connection, QUOTE, (struct text){"", 0});
    return true;
}

static bool lost(struct run *run, struct connection *connection) {
    struct journey *journey = &journeys[connection->index];
    if (!the_job->retry) return give_up(run, journey, 0, "connection_lost", (struct text){"", 0});
    retries++;
    return true;
}

/* Arrivals of the open loop that were planned before the window's end, and for which no connection became free. */
static uint64_t waiting_at_end(const struct run *run) {
    if (the_job->rate <= 0) return 0;
    int64_t end = run->window_begin + (int64_t)(the_job->seconds * (double)SECOND);
    if (run->window_end < end) end = run->window_end;
    double exact = (double)(end - run->origin) * the_job->rate / (double)SECOND;
    uint64_t planned_until = (uint64_t)exact;
    if ((double)planned_until < exact) planned_until++;
    if (the_job->limit && planned_until > (uint64_t)the_job->limit) planned_until = (uint64_t)the_job->limit;
    return planned_until > begun ? planned_until - begun : 0;
}

static void print_steps(const char *name, int first, int last) {
    printf("\"%s\":{", name);
    for (int step = first; step <= last; step++) {
        if (step > first) printf(",");
        print_durations(step_names[step], &step_latency[step]);
    }
    printf("}");
}

static void print_report(const struct run *run) {
    printf("{");
    print_run(run, completed, "journey");
    print_count("begun", begun);
    print_count("completed", completed);
    print_count("sold_out", sold_out);
    print_count("failed", failed);
    print_count("outside_completed", outside_completed);
    print_count("outside_sold_out", outside_sold_out);
    print_count("outside_failed", outside_failed);
    print_count("retries", retries);
    print_count("waiting", waiting_at_end(run));
    print_count("answered", answers);
    print_failures(step_names);
    printf(",");
    print_durations("latency", &latency);
    printf(",");
    print_durations("sold_out_latency", &sold_out_latency);
    printf(",");
    print_durations("answers", &answer_latency);
    printf(",");
    print_steps("steps", ADD_FIRST, PAY);
    printf(",");
    print_steps("views", VIEW_REST, VIEW_HTML);
    printf("}\n");
}

static void prepare(const struct job *job) {
    the_job = job;
    if (!job->host || !job->tokens || !job->variants || !job->destination)
        fail("The job must name its host, tokens, variants and destination.");
    tokens = read_lines(job->tokens);
    variants = read_lines(job->variants);
    if (tokens.count < (size_t)job->connections)
        fail("%zu buyers are too few for %lld connections: each needs one of its own.", tokens.count,
             (long long)job->connections);
    if (variants.count < (job->skew > 0 ? 3 : 2))
        fail("%zu variants are too few: a journey buys two, and a hot one is not among the others.", variants.count);
    if (job->views_each > 0) {
        if (!job->views) fail("The job must name its file of views.");
        views = read_prefixed(job->views);
        if (!views.count) fail("The file of views is empty.");
    }
    if (job->log) {
        log_file = open(job->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (log_file < 0) fail("The log cannot be opened: %s.", strerror(errno));
        atexit(write_log_at_exit);
    }
    free_buyers = allocate(tokens.count, sizeof *free_buyers);
    for (size_t i = 0; i < tokens.count; i++) free_buyers[i] = (uint32_t)i;
    free_count = tokens.count;
    journeys = allocate((size_t)job->connections, sizeof *journeys);
    prepare_requests(job);
}

void run_journeys(const struct job *job) {
    static const struct workload workload = {.keeps_bodies = true,
                                             .begin = begin,
                                             .answered = answered,
                                             .lost = lost,
                                             .exhausted = exhausted,
                                             .due = due,
                                             .turned = write_log};
    prepare(job);
    struct run run;
    drive(&run, job, &workload);
    print_report(&run);
}
