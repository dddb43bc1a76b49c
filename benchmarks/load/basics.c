/* Texts, buffers that grow, the clock, and the way to give up. */
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

int64_t monotonic(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) fail("There is not enough memory for %zu items of %zu bytes.", count, size);
    return memory;
}

struct text text_of(const char *words) {
    return (struct text){words, strlen(words)};
}

void put(struct buffer *buffer, struct text text) {
    if (buffer->room - buffer->size < text.size) {
        size_t room = buffer->room ? buffer->room * 2 : 1024;
        while (room - buffer->size < text.size) room *= 2;
        char *bytes = realloc(buffer->bytes, room);
        if (!bytes) fail("There is not enough memory for a buffer of %zu bytes.", room);
        buffer->bytes = bytes;
        buffer->room = room;
    }
    if (text.size) memcpy(buffer->bytes + buffer->size, text.bytes, text.size);
    buffer->size += text.size;
}

void put_words(struct buffer *buffer, const char *words) {
    put(buffer, text_of(words));
}

void put_number(struct buffer *buffer, uint64_t number) {
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    put(buffer, (struct text){digits + first, sizeof digits - first});
}
