/* The job file (a line for each setting: its name, a space, its value) and the files that it names. */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { WORDS, WHOLE, REAL };

struct setting {
    const char *name;
    enum kind kind;
    size_t place;
};

static const struct setting settings[] = {
    {"mode", WORDS, offsetof(struct job, mode)},
    {"address", WORDS, offsetof(struct job, address)},
    {"host", WORDS, offsetof(struct job, host)},
    {"requests", WORDS, offsetof(struct job, requests)},
    {"tokens", WORDS, offsetof(struct job, tokens)},
    {"variants", WORDS, offsetof(struct job, variants)},
    {"views", WORDS, offsetof(struct job, views)},
    {"destination", WORDS, offsetof(struct job, destination)},
    {"log", WORDS, offsetof(struct job, log)},
    {"port", WHOLE, offsetof(struct job, port)},
    {"connections", WHOLE, offsetof(struct job, connections)},
    {"limit", WHOLE, offsetof(struct job, limit)},
    {"seed", WHOLE, offsetof(struct job, seed)},
    {"retry", WHOLE, offsetof(struct job, retry)},
    {"views_each", WHOLE, offsetof(struct job, views_each)},
    {"again", WHOLE, offsetof(struct job, again)},
    {"opening", REAL, offsetof(struct job, opening)},
    {"seconds", REAL, offsetof(struct job, seconds)},
    {"warmup", REAL, offsetof(struct job, warmup)},
    {"drain", REAL, offsetof(struct job, drain)},
    {"rest", REAL, offsetof(struct job, rest)},
    {"rate", REAL, offsetof(struct job, rate)},
    {"skew", REAL, offsetof(struct job, skew)},
    {"window", REAL, offsetof(struct job, window)},
    {"failing", REAL, offsetof(struct job, failing)},
    {"pause", REAL, offsetof(struct job, pause)},
};

/* The whole file, with a zero byte behind it that `size` does not count. */
static struct buffer read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail("The file %s cannot be read: %s.", path, strerror(errno));
    struct buffer content = {0};
    char piece[65536];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0) put(&content, (struct text){piece, got});
    if (ferror(file)) fail("The file %s cannot be read to its end.", path);
    fclose(file);
    put(&content, (struct text){"", 1});
    content.size--;
    return content;
}

struct texts read_lines(const char *path) {
    struct buffer content = read_file(path);
    size_t most = 1;
    for (size_t i = 0; i < content.size; i++) most += content.bytes[i] == '\n';
    struct texts lines = {content.bytes, allocate(most, sizeof(struct text)), 0};
    const char *at = content.bytes, *end = content.bytes + content.size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (stop > at) lines.items[lines.count++] = (struct text){at, (size_t)(stop - at)};
        at = stop + 1;
    }
    return lines;
}

struct texts read_prefixed(const char *path) {
    struct buffer content = read_file(path);
    struct texts found = {content.bytes, allocate(content.size / 4 + 1, sizeof(struct text)), 0};
    size_t at = 0;
    while (at < content.size) {
        if (content.size - at < 4) fail("The file %s ends within a length.", path);
        const unsigned char *prefix = (const unsigned char *)content.bytes + at;
        size_t size = prefix[0] | (size_t)prefix[1] << 8 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 24;
        at += 4;
        if (size == 0 || content.size - at < size) fail("The file %s has an empty or cut byte string.", path);
        found.items[found.count++] = (struct text){content.bytes + at, size};
        at += size;
    }
    return found;
}

static void set(struct job *job, const struct setting *setting, const char *value) {
    char *place = (char *)job + setting->place, *end = NULL;
    errno = 0;
    if (setting->kind == WORDS) {
        *(char **)place = strdup(value);
        return;
    }
    if (setting->kind == WHOLE) *(int64_t *)place = strtoll(value, &end, 10);
    else *(double *)place = strtod(value, &end);
    if (errno || end == value || *end) fail("The job's %s is not a number: %s", setting->name, value);
}

static void set_line(struct job *job, struct text line) {
    char *name = strndup(line.bytes, line.size);
    char *value = name ? strchr(name, ' ') : NULL;
    if (!value) fail("A line of the job has no value: %.*s", (int)line.size, line.bytes);
    *value++ = '\0';
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strcmp(settings[i].name, name) == 0) {
            set(job, &settings[i], value);
            free(name);
            return;
        }
    }
    fail("The job has an unknown setting: %s", name);
}

void read_job(const char *path, struct job *job) {
    struct texts lines = read_lines(path);
    for (size_t i = 0; i < lines.count; i++) set_line(job, lines.items[i]);
    free(lines.items);
    free(lines.content);
    if (!job->mode || !job->address) fail("The job must say its mode and its address.");
    if (job->port < 1 || job->port > 65535) fail("The job's port must lie between 1 and 65535.");
    if (job->connections < 1 || job->connections > 50000) fail("A job has 1 to 50000 connections.");
    if (!(job->seconds > 0 && job->seconds <= 86400)) fail("A job lasts more than 0 and at most 86400 seconds.");
    if (!(job->opening > 0 && job->opening <= 600)) fail("A job opens its connections in at most 600 seconds.");
    if (!(job->warmup >= 0 && job->warmup <= 3600)) fail("A job warms up for 0 to 3600 seconds.");
    if (!(job->drain >= 0 && job->drain <= 600)) fail("A job drains for 0 to 600 seconds.");
    if (!(job->rest >= 0 && job->rest <= 0.1)) fail("A job rests for 0 to 0.1 seconds.");
    if (!(job->rate >= 0 && job->rate <= 1e6)) fail("A job's rate is 0 (closed loop) to 1000000 a second.");
    if (!(job->skew >= 0 && job->skew <= 1)) fail("A job's skew is a fraction from 0 to 1.");
    if (job->limit < 0) fail("A job's limit is 0 (none) or more.");
    if (job->views_each < 0 || job->views_each > 1000) fail("A buyer looks at 0 to 1000 things before each step.");
    if (!(job->window >= 0 && job->window <= 3600)) fail("The buyers of a sale arrive within 0 to 3600 seconds.");
    if (!(job->failing >= 0 && job->failing <= 1)) fail("The failing payments are a fraction from 0 to 1.");
    if (!(job->pause >= 0 && job->pause <= 3600)) fail("A buyer pauses for 0 to 3600 seconds.");
    if (job->again < 0 || job->again > 1000) fail("A buyer comes again 0 to 1000 times.");
}
