/* Failed journeys, counted by step, status and reason. */
#include "load.h"

#include <stdio.h>
#include <string.h>

#define MOST_KINDS 64
#define MOST_BODIES 3
#define MOST_BODY 600

struct failure {
    enum step step;
    int status;
    const char *reason;
    uint64_t count;
    struct buffer bodies[MOST_BODIES];
};

static struct failure failures[MOST_KINDS];
static size_t kinds;

static struct failure *kind_of(enum step step, int status, const char *reason) {
    for (size_t i = 0; i < kinds; i++) {
        struct failure *failure = &failures[i];
        if (failure->step == step && failure->status == status && strcmp(failure->reason, reason) == 0) return failure;
    }
    /* A server that invents statuses shares the last place; its count stays right. */
    if (kinds == MOST_KINDS) return &failures[MOST_KINDS - 1];
    failures[kinds] = (struct failure){.step = step, .status = status, .reason = reason};
    return &failures[kinds++];
}

void note_failure(enum step step, int status, const char *reason, struct text body) {
    struct failure *failure = kind_of(step, status, reason);
    if (status && failure->count < MOST_BODIES) {
        struct text beginning = {body.bytes, body.size < MOST_BODY ? body.size : MOST_BODY};
        put(&failure->bodies[failure->count], beginning);
    }
    failure->count++;
}

void print_failures(const char *const *step_names) {
    printf("\"failures\":[");
    for (size_t i = 0; i < kinds; i++) {
        const struct failure *failure = &failures[i];
        printf("%s{\"step\":\"%s\",\"status\":%d,\"reason\":\"%s\",\"count\":%llu,\"bodies\":[", i ? "," : "",
               step_names[failure->step], failure->status, failure->reason, (unsigned long long)failure->count);
        for (size_t j = 0; failure->status && j < failure->count && j < MOST_BODIES; j++) {
            if (j) putchar(',');
            print_words((struct text){failure->bodies[j].bytes, failure->bodies[j].size});
        }
        printf("]}");
    }
    printf("]");
}
