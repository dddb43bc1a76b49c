/* The head of an answer: status, Content-Length, and whether the server closes the connection afterwards. */
#include "load.h"

#include <string.h>
#include <strings.h>

#define MOST_HEAD 65536
#define MOST_BODY (UINT64_C(1) << 30)

/* The value behind `name`, which ends in a colon; false if the line has another name. */
static bool has_name(struct text line, const char *name, struct text *value) {
    size_t size = strlen(name);
    if (line.size < size || strncasecmp(line.bytes, name, size) != 0) return false;
    const char *at = line.bytes + size, *end = line.bytes + line.size;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t')) end--;
    *value = (struct text){at, (size_t)(end - at)};
    return true;
}

static bool is_word(struct text value, const char *word) {
    return value.size == strlen(word) && strncasecmp(value.bytes, word, value.size) == 0;
}

static bool read_length(struct text value, size_t *length) {
    uint64_t sum = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.bytes[i] < '0' || value.bytes[i] > '9' || sum > MOST_BODY) return false;
        sum = sum * 10 + (uint64_t)(value.bytes[i] - '0');
    }
    *length = sum;
    return value.size > 0 && sum <= MOST_BODY;
}

static const char *read_field(struct text line, struct head *head, int *lengths) {
    struct text value;
    /* Only three fields matter, so two letters settle nearly all lines. */
    char initial = (char)(line.size ? line.bytes[0] | 0x20 : 0);
    if (initial == 'c') {
        if (has_name(line, "content-length:", &value)) {
            if (!read_length(value, &head->body) || ++*lengths > 1) return "its Content-Length is not one number.";
        } else if (has_name(line, "connection:", &value)) {
            if (is_word(value, "close")) head->closes = true;
            if (is_word(value, "keep-alive")) head->closes = false;
        }
    } else if (initial == 't' && has_name(line, "transfer-encoding:", &value)) {
        return "it has a Transfer-Encoding (chunked), and this client reads only bodies with a Content-Length.";
    }
    return NULL;
}

const char *read_head(struct text bytes, struct head *head) {
    static const char start[] = "HTTP/1.";
    size_t sure = bytes.size < sizeof start - 1 ? bytes.size : sizeof start - 1;
    if (memcmp(bytes.bytes, start, sure) != 0) return "it does not start with HTTP/1.";
    const char *end = memmem(bytes.bytes, bytes.size, "\r\n\r\n", 4);
    if (!end) return bytes.size > MOST_HEAD ? "its head is longer than 65536 bytes." : NULL;

    const char *line = bytes.bytes;
    const char *stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
    if (stop - line < 12 || line[8] != ' ') return "its first line has no status.";
    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9') return "its status is not a number.";
        status = status * 10 + (line[i] - '0');
    }
    if (status < 200) return "it is an interim answer, which this client never asks for.";
    struct head read = {.status = status, .closes = line[7] == '0'};
    int lengths = 0;
    while (stop < end) {
        line = stop + 2;
        stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        const char *refused = read_field((struct text){line, (size_t)(stop - line)}, &read, &lengths);
        if (refused) return refused;
    }
    if (status == 204 || status == 304) read.body = 0;
    else if (!lengths) return "it has no Content-Length.";
    read.size = (size_t)(end + 4 - bytes.bytes);
    *head = read;
    return NULL;
}
