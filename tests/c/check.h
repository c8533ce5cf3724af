/* What the C tests share: a check that says where it failed, and counts. */
#ifndef CHECK_H
#define CHECK_H

#include <nis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s\n  last error %d: %s %s\n", __FILE__, __LINE__, #condition,           \
                    (int)nis_last_error()->code, nis_last_error()->message, nis_last_error()->details);      \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/* The call fails with this status, the last error has the same code, and its texts are well formed. */
#define CHECK_FAILS(call, status)                                                                            \
    do {                                                                                                     \
        CHECK((call) == (status));                                                                           \
        CHECK(nis_last_error()->code == (status));                                                           \
        CHECK(nis_last_error()->message_len > 0);                                                            \
        CHECK(strlen(nis_last_error()->message) == nis_last_error()->message_len);                           \
        CHECK(strlen(nis_last_error()->details) == nis_last_error()->details_len);                           \
        CHECK(strstr(nis_last_error()->details, "\"kind\":") != NULL);                                       \
    } while (0)

#define CHECK_OK(call)                                                                                       \
    do {                                                                                                     \
        CHECK((call) == NIS_OK);                                                                             \
        CHECK(nis_last_error()->code == NIS_OK);                                                             \
        CHECK(nis_last_error()->message_len == 0);                                                           \
    } while (0)

static inline int holds(const nis_buffer *buffer, const char *text) {
    const size_t n = strlen(text);
    for (size_t i = 0; i + n <= buffer->len; i++) {
        if (memcmp(buffer->ptr + i, text, n) == 0) {
            return 1;
        }
    }
    return 0;
}

#endif
