/*
 * NIS from C: ask a question, analyze a record, print the dominant period.
 *
 *   cargo build -p nis-ffi
 *   cc -std=c11 -Iinclude examples/c/quickstart.c -Ltarget/debug -lnis -o quickstart
 *   LD_LIBRARY_PATH=... ./quickstart examples/data/sunspots.csv
 */
#include <nis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what) {
    const nis_error *e = nis_last_error();
    fprintf(stderr, "%s failed with status %d: %s\n", what, (int)e->code, e->message);
    return EXIT_FAILURE;
}

/* What stands after the first `key` in the text, or NULL; a real program uses a JSON library. */
static const char *after(const char *json, size_t len, const char *key) {
    const size_t n = strlen(key);
    for (size_t i = 0; i + n <= len; i++) {
        if (memcmp(json + i, key, n) == 0) {
            return json + i + n;
        }
    }
    return NULL;
}

static int progress(const nis_step *step, void *user_data) {
    unsigned *steps = user_data;
    (void)step;
    ++*steps;
    return 0; /* go on */
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "examples/data/sunspots.csv";
    if (!nis_check_abi()) {
        fprintf(stderr, "libnis %s has another binary interface than its header\n", nis_version());
        return EXIT_FAILURE;
    }

    nis_t *nis = NULL;
    if (nis_new(NULL, 0, &nis) != NIS_OK) {
        return fail("nis_new");
    }

    int result = EXIT_FAILURE;
    nis_buffer reply = {0}, report = {0};
    char request[4096];

    const char *question = "{\"message\": \"What is 2+2?\"}";
    if (nis_chat(nis, question, strlen(question), &reply) != NIS_OK) {
        result = fail("nis_chat");
        goto done;
    }
    printf("%.*s\n", (int)reply.len, (const char *)reply.ptr);

    unsigned steps = 0;
    nis_call_options options = {.struct_size = sizeof options};
    options.progress = progress;
    options.user_data = &steps;
    snprintf(request, sizeof request, "{\"path\": \"%s\"}", path);
    if (nis_analyze(nis, request, strlen(request), &options, &report) != NIS_OK) {
        result = fail("nis_analyze");
        goto done;
    }
    /* The modes stand in the order of their power: the first period is the dominant one. */
    const char *json = (const char *)report.ptr;
    const char *period = after(json, report.len, "\"period\":");
    if (period == NULL || *period == 'n') {
        fprintf(stderr, "the report has no period\n");
        goto done;
    }
    /* The report goes on behind the number, so strtod stops inside the buffer. */
    printf("dominant period: %.2f (after %u reports of progress)\n", strtod(period, NULL), steps);
    result = EXIT_SUCCESS;

done:
    nis_buffer_free(&report);
    nis_buffer_free(&reply);
    nis_free(nis);
    return result;
}
