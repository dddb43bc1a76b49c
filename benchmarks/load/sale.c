/* Mode `sale`: everybody wants the same scarce thing. In the warm-up each buyer puts it into an empty cart and asks for
 * a quote; when the window opens, the buyers arrive within a few seconds, and each sends the order that it has ready.
 * Who gets the thing pays; a fraction of the payments fail, and their buyers cancel. Who is told "sold out" comes again
 * after a pause, if the job says so. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREPARING_AT_ONCE 64

struct buyer {
    enum step step;
    uint32_t attempts;
    uint64_t key; /* of the latest order; its payment has the same number */
    int64_t begun, due; /* of this order, and of the next one */
    int64_t paying;
    struct buffer quote;
    char order[MOST_ID + 1];
};

/* What a connection is doing, and for whom. */
struct errand {
    uint32_t buyer;
    struct buffer out;
};

static const char *const step_names[STEPS] = {
    [ADD_FIRST] = "add", [QUOTE] = "quote",     [ORDER] = "order",   [PAY] = "pay",
    [DECLINE] = "decline", [CANCEL] = "cancel", [EMPTY] = "empty", [ADD_SECOND] = "none",
};

static const struct job *the_job;
static struct texts tokens, variants;
static struct buyer *buyers;
static struct errand *errands;

/* Those who come again, in a ring: everybody pauses for the same time, so the first is due first. */
static uint32_t *returning;
static size_t first_returning, returning_count;

static uint32_t next_to_prepare, preparing, next_to_arrive;
static uint64_t keys, orders, paid, declined, cancelled, refusals, sold_out, requoted, failed;
static struct histogram order_latency, sold_out_latency, bought_latency, pay_latency;

static int64_t nanoseconds(double seconds) {
    return (int64_t)(seconds * (double)SECOND);
}

static int64_t planned(const struct run *run, uint32_t buyer) {
    return run->window_begin + nanoseconds(the_job->window * buyer / (double)tokens.count);
}

static bool exhausted(const struct run *run) {
    if (run->phase == WARMING) return next_to_prepare == tokens.count && preparing == 0;
    return next_to_arrive == tokens.count && returning_count == 0;
}

static int64_t due(const struct run *run) {
    int64_t first = NEVER;
    if (run->phase != MEASURING) return first;
    if (next_to_arrive < tokens.count) first = planned(run, next_to_arrive);
    if (returning_count && buyers[returning[first_returning]].due < first)
        first = buyers[returning[first_returning]].due;
    return first;
}

static bool ask(struct connection *connection, enum step step, struct text subject) {
    struct errand *errand = &errands[connection->index];
    struct buyer *buyer = &buyers[errand->buyer];
    buyer->step = step;
    write_request(&errand->out, step, tokens.items[errand->buyer], buyer->key, subject);
    connection->request = (struct text){errand->out.bytes, errand->out.size};
    return true;
}

static bool ask_for_order(struct connection *connection, struct buyer *buyer) {
    buyer->key = keys++;
    return ask(connection, ORDER, (struct text){buyer->quote.bytes, buyer->quote.size});
}

static bool begin_to_prepare(struct connection *connection) {
    if (next_to_prepare == tokens.count || preparing == PREPARING_AT_ONCE) return false;
    preparing++;
    errands[connection->index].buyer = next_to_prepare++;
    return ask(connection, EMPTY, (struct text){"", 0});
}

/* Whose turn it is, with the planned moment in `begun`; NULL while nobody is due. */
static struct buyer *next_due(const struct run *run, int64_t now) {
    while (next_to_arrive < tokens.count && planned(run, next_to_arrive) <= now) {
        struct buyer *buyer = &buyers[next_to_arrive];
        buyer->begun = planned(run, next_to_arrive++);
        if (buyer->quote.size) return buyer; /* the others' failed preparation is counted already */
    }
    if (!returning_count) return NULL;
    struct buyer *buyer = &buyers[returning[first_returning]];
    if (buyer->due > now) return NULL;
    first_returning = (first_returning + 1) % tokens.count;
    returning_count--;
    buyer->begun = buyer->due;
    return buyer;
}

/* Latency counts from the planned moment: an order that finds no free connection has waited already. */
static bool begin(struct run *run, struct connection *connection) {
    if (run->phase == WARMING) return begin_to_prepare(connection);
    struct buyer *buyer = next_due(run, monotonic());
    if (!buyer) return false;
    errands[connection->index].buyer = (uint32_t)(buyer - buyers);
    orders++;
    return ask_for_order(connection, buyer);
}

static bool give_up(struct buyer *buyer, int status, const char *reason, struct text body) {
    if (buyer->step == EMPTY || buyer->step == ADD_FIRST || buyer->step == QUOTE) preparing--;
    note_failure(buyer->step, status, reason, body);
    failed++;
    return false;
}

static bool keep_quote(struct buyer *buyer, struct text body) {
    struct text quote = read_signed(body);
    buyer->quote.size = 0;
    put(&buyer->quote, quote);
    return quote.size > 0;
}

static bool prepared(struct connection *connection, struct buyer *buyer, const struct answer *answer) {
    if (answer->status != 200 && answer->status != 204) return give_up(buyer, answer->status, "status", answer->body);
    if (buyer->step == EMPTY) return ask(connection, ADD_FIRST, variants.items[0]);
    if (buyer->step == ADD_FIRST) return ask(connection, QUOTE, (struct text){"", 0});
    if (!keep_quote(buyer, answer->body)) return give_up(buyer, answer->status, "missing_field", answer->body);
    preparing--;
    return false;
}

static bool told_sold_out(uint32_t number, const struct answer *answer, int64_t now) {
    struct buyer *buyer = &buyers[number];
    if (!has(answer->body, "\"shortages\":[{")) return give_up(buyer, answer->status, "missing_field", answer->body);
    record(&sold_out_latency, now - buyer->begun);
    refusals++;
    if (buyer->attempts++ >= (uint32_t)the_job->again) {
        sold_out++;
        return false;
    }
    buyer->due = now + nanoseconds(the_job->pause);
    returning[(first_returning + returning_count++) % tokens.count] = number;
    return false;
}

/* Which payments fail is spread evenly over the attempts: of each hundred in a row, as many as the fraction says. */
static bool fails(uint64_t attempt) {
    return (uint64_t)((double)(attempt + 1) * the_job->failing) > (uint64_t)((double)attempt * the_job->failing);
}

static bool ordered(struct connection *connection, uint32_t number, const struct answer *answer) {
    static uint64_t attempts_to_pay;
    struct buyer *buyer = &buyers[number];
    int64_t now = monotonic();
    if (answer->status == 409 && has(answer->body, "\"code\":\"cart_changed\"") && keep_quote(buyer, answer->body)) {
        /* A refused order has been in the cart's history: the new quote is for the cart as it is again. */
        requoted++;
        return ask_for_order(connection, buyer);
    }
    record(&order_latency, now - buyer->begun);
    if (answer->status == 409 && has(answer->body, "\"code\":\"sold_out\"")) return told_sold_out(number, answer, now);
    if (answer->status != 201) return give_up(buyer, answer->status, "status", answer->body);
    if (!read_order(answer->body, buyer->order)) return give_up(buyer, answer->status, "missing_field", answer->body);
    record(&bought_latency, now - buyer->begun);
    buyer->paying = now;
    return ask(connection, fails(attempts_to_pay++) ? DECLINE : PAY, text_of(buyer->order));
}

static bool answered(struct run *run, struct connection *connection, const struct answer *answer) {
    (void)run;
    uint32_t number = errands[connection->index].buyer;
    struct buyer *buyer = &buyers[number];
    switch (buyer->step) {
    case ORDER:
        return ordered(connection, number, answer);
    case PAY:
        if (answer->status != 201 || !has(answer->body, "\"status\":\"paid\"")) break;
        record(&pay_latency, monotonic() - buyer->paying);
        paid++;
        return false;
    case DECLINE:
        if (answer->status != 402) break;
        declined++;
        return ask(connection, CANCEL, text_of(buyer->order));
    case CANCEL:
        if (answer->status != 200) break;
        cancelled++;
        return false;
    default:
        return prepared(connection, buyer, answer);
    }
    return give_up(buyer, answer->status, "status", answer->body);
}

static bool lost(struct run *run, struct connection *connection) {
    (void)run;
    return give_up(&buyers[errands[connection->index].buyer], 0, "connection_lost", (struct text){"", 0});
}

/* Tells whoever reads the log that the buyers arrive from this moment on. */
static void opened(struct run *run) {
    static const char line[] = "open\n";
    (void)run;
    if (!the_job->log) return;
    int file = open(the_job->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0 || write(file, line, sizeof line - 1) != sizeof line - 1)
        fail("The log cannot be written: %s.", strerror(errno));
    close(file);
}

static void turned(void) {
}

static void print_report(const struct run *run) {
    printf("{");
    print_run(run, orders, "order");
    print_count("begun", orders);
    print_count("paid", paid);
    print_count("declined", declined);
    print_count("cancelled", cancelled);
    print_count("refusals", refusals);
    print_count("sold_out", sold_out);
    print_count("requoted", requoted);
    print_count("failed", failed);
    print_count("waiting", tokens.count - next_to_arrive + returning_count);
    print_failures(step_names);
    printf(",");
    print_durations("latency", &order_latency);
    printf(",");
    print_durations("sold_out_latency", &sold_out_latency);
    printf(",");
    print_durations("bought_latency", &bought_latency);
    printf(",");
    print_durations("pay_latency", &pay_latency);
    printf("}\n");
}

void run_sale(const struct job *job) {
    static const struct workload workload = {.keeps_bodies = true,
                                             .begin = begin,
                                             .answered = answered,
                                             .lost = lost,
                                             .exhausted = exhausted,
                                             .due = due,
                                             .opened = opened,
                                             .turned = turned};
    the_job = job;
    if (!job->host || !job->tokens || !job->variants || !job->destination)
        fail("The job must name its host, tokens, variants and destination.");
    tokens = read_lines(job->tokens);
    variants = read_lines(job->variants);
    if (!tokens.count || !variants.count) fail("A sale needs buyers and a variant.");
    buyers = allocate(tokens.count, sizeof *buyers);
    returning = allocate(tokens.count, sizeof *returning);
    errands = allocate((size_t)job->connections, sizeof *errands);
    prepare_requests(job);
    struct run run;
    drive(&run, job, &workload);
    print_report(&run);
}
