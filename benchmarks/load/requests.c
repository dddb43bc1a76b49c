/* The five requests of a journey, put together from parts that are prepared once. */
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const char *const paths[STEPS] = {"/v1/cart/add", "/v1/cart/add", "/v1/cart/quote", "/v1/orders",
                                         "/v1/payments/pay"};

static struct buffer beginnings[STEPS]; /* up to the token */
static struct text before[STEPS], after[STEPS];
static char run_name[17];

void prepare_requests(const struct job *job) {
    uint64_t random;
    /* Keys must differ between runs too, even of one seed: a server answers a known key with what it said then. */
    if (getrandom(&random, sizeof random, 0) != sizeof random) fail("The system gives no random bytes.");
    snprintf(run_name, sizeof run_name, "%016llx", (unsigned long long)random);
    for (int step = 0; step < STEPS; step++) {
        struct buffer *beginning = &beginnings[step];
        put_words(beginning, "POST ");
        put_words(beginning, paths[step]);
        put_words(beginning, " HTTP/1.1\r\nHost: ");
        put_words(beginning, job->host);
        put_words(beginning, "\r\nContent-Type: application/json\r\n");
        if (step == ORDER || step == PAY) put_words(beginning, "Prefer: wait=10\r\n");
        put_words(beginning, "Authorization: Bearer ");
    }
    before[ADD_FIRST] = before[ADD_SECOND] = text_of("{\"variant_id\":\"");
    after[ADD_FIRST] = after[ADD_SECOND] = text_of("\",\"quantity\":1}");
    struct buffer quote = {0};
    put_words(&quote, "{\"destination\":");
    put_words(&quote, job->destination);
    put_words(&quote, "}");
    before[QUOTE] = (struct text){quote.bytes, quote.size};
    before[ORDER] = text_of("{\"quote\":\"");
    after[ORDER] = text_of("\",\"payment_method\":\"test\"}");
    before[PAY] = text_of("{\"order_id\":\"");
    after[PAY] = text_of("\",\"source\":\"approve\"}");
}

void write_key(struct buffer *out, uint64_t journey, enum step step) {
    put(out, (struct text){run_name, 16});
    put(out, (struct text){"-", 1});
    put_number(out, journey);
    put_words(out, step == ORDER ? "-order" : "-pay");
}

void write_request(struct buffer *out, enum step step, struct text token, uint64_t journey, struct text subject) {
    out->size = 0;
    put(out, (struct text){beginnings[step].bytes, beginnings[step].size});
    put(out, token);
    if (step == ORDER || step == PAY) {
        put_words(out, "\r\nIdempotency-Key: ");
        write_key(out, journey, step);
    }
    put_words(out, "\r\nContent-Length: ");
    put_number(out, before[step].size + subject.size + after[step].size);
    put_words(out, "\r\n\r\n");
    put(out, before[step]);
    put(out, subject);
    put(out, after[step]);
}
