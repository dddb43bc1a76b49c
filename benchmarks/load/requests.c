/* The requests of shoppers, put together from parts that are prepared once. */
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Where the path goes on behind the subject, `tail` is set; otherwise the subject stands in the body. */
struct form {
    const char *line, *tail;
    bool keyed;
};

static const struct form forms[STEPS] = {
    [ADD_FIRST] = {"POST /v1/cart/add", NULL, false}, [ADD_SECOND] = {"POST /v1/cart/add", NULL, false},
    [QUOTE] = {"POST /v1/cart/quote", NULL, false},   [ORDER] = {"POST /v1/orders", NULL, true},
    [PAY] = {"POST /v1/payments/pay", NULL, true},    [DECLINE] = {"POST /v1/payments/pay", NULL, true},
    [EMPTY] = {"DELETE /v1/cart", NULL, false},       [CANCEL] = {"POST /v1/orders/", "/cancellation", false},
};

static struct buffer heads[STEPS]; /* from the path to the token */
static struct text before[STEPS], after[STEPS];
static char run_name[17];

static void prepare_head(struct buffer *head, enum step step, const char *host) {
    put_words(head, " HTTP/1.1\r\nHost: ");
    put_words(head, host);
    put_words(head, "\r\nContent-Type: application/json\r\n");
    if (forms[step].keyed) put_words(head, "Prefer: wait=10\r\n");
    put_words(head, "Authorization: Bearer ");
}

void prepare_requests(const struct job *job) {
    uint64_t random;
    /* Keys must differ between runs too, even of one seed: a server answers a known key with what it said then. */
    if (getrandom(&random, sizeof random, 0) != sizeof random) fail("The system gives no random bytes.");
    snprintf(run_name, sizeof run_name, "%016llx", (unsigned long long)random);
    for (int step = 0; step < STEPS; step++) prepare_head(&heads[step], (enum step)step, job->host);
    before[ADD_FIRST] = before[ADD_SECOND] = text_of("{\"variant_id\":\"");
    after[ADD_FIRST] = after[ADD_SECOND] = text_of("\",\"quantity\":1}");
    struct buffer quote = {0};
    put_words(&quote, "{\"destination\":");
    put_words(&quote, job->destination);
    put_words(&quote, "}");
    before[QUOTE] = (struct text){quote.bytes, quote.size};
    before[ORDER] = text_of("{\"quote\":\"");
    after[ORDER] = text_of("\",\"payment_method\":\"test\"}");
    before[PAY] = before[DECLINE] = text_of("{\"order_id\":\"");
    after[PAY] = text_of("\",\"source\":\"approve\"}");
    after[DECLINE] = text_of("\",\"source\":\"decline\"}");
}

void write_key(struct buffer *out, uint64_t number, enum step step) {
    put(out, (struct text){run_name, 16});
    put(out, (struct text){"-", 1});
    put_number(out, number);
    put_words(out, step == ORDER ? "-order" : "-pay");
}

void write_request(struct buffer *out, enum step step, struct text token, uint64_t number, struct text subject) {
    const struct form *form = &forms[step];
    struct text inside = form->tail ? (struct text){"", 0} : subject;
    out->size = 0;
    put_words(out, form->line);
    if (form->tail) {
        put(out, subject);
        put_words(out, form->tail);
    }
    put(out, (struct text){heads[step].bytes, heads[step].size});
    put(out, token);
    if (form->keyed) {
        put_words(out, "\r\nIdempotency-Key: ");
        write_key(out, number, step);
    }
    put_words(out, "\r\nContent-Length: ");
    put_number(out, before[step].size + inside.size + after[step].size);
    put_words(out, "\r\n\r\n");
    put(out, before[step]);
    put(out, inside);
    put(out, after[step]);
}
