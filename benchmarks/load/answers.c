/* What an answer's JSON says, found by its text: the server writes its documents in one form. */
#include "load.h"

#include <string.h>

bool has(struct text body, const char *pattern) {
    return memmem(body.bytes, body.size, pattern, strlen(pattern)) != NULL;
}

/* The JSON string that starts at `from`, as it stands there, without its quotes; size 0 if it does not end. */
static struct text string_at(struct text body, const char *from) {
    const char *end = body.bytes + body.size;
    for (const char *at = from; at < end; at++) {
        if (*at == '"') return (struct text){from, (size_t)(at - from)};
        if (*at == '\\') at++;
    }
    return (struct text){from, 0};
}

struct text read_signed(struct text body) {
    static const char pattern[] = "\"signed\":\"";
    const char *found = memmem(body.bytes, body.size, pattern, sizeof pattern - 1);
    if (!found) return (struct text){0};
    return string_at(body, found + sizeof pattern - 1);
}

bool read_order(struct text body, char order[MOST_ID + 1]) {
    /* The first key of the answer must be the order's id: deeper in the document, other things have ids too. */
    static const char pattern[] = "{\"id\":\"ord_";
    if (body.size < sizeof pattern || memcmp(body.bytes, pattern, sizeof pattern - 1) != 0) return false;
    struct text id = string_at(body, body.bytes + 7);
    if (id.size == 0 || id.size > MOST_ID) return false;
    memcpy(order, id.bytes, id.size);
    order[id.size] = '\0';
    return has(body, "\"stage\":\"payment_due\"");
}
