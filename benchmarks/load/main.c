/* A load client for one server on one machine: `load JOB` reads the job file, runs it, prints one JSON object. */
#include "load.h"

#include <string.h>

int main(int count, char **arguments) {
    if (count != 2) fail("Usage: load JOB, where JOB is a file of settings.");
    static struct job job;
    read_job(arguments[1], &job);
    if (strcmp(job.mode, "repeat") == 0) run_repeat(&job);
    else if (strcmp(job.mode, "journey") == 0) run_journeys(&job);
    else if (strcmp(job.mode, "sale") == 0) run_sale(&job);
    else fail("The job's mode must be repeat, journey or sale, not %s.", job.mode);
    return 0;
}
