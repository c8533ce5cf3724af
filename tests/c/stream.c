/* Chat heard while the answer is made: parts in order, stopping, bad input, a forked child. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static nis_t *nis;

static const char *const QUESTION = "{\"message\": \"What is 2+2?\"}";

typedef struct {
    char text[65536];
    size_t len;
    unsigned calls;
    unsigned stop_at; /* 0: never */
} Heard;

static int hear(const char *parts_json, size_t parts_len, void *user_data) {
    Heard *h = user_data;
    CHECK(parts_len >= 2 && parts_json[0] == '[' && parts_json[parts_len - 1] == ']');
    CHECK(h->len + parts_len < sizeof h->text);
    memcpy(h->text + h->len, parts_json, parts_len);
    h->len += parts_len;
    h->text[h->len] = '\0';
    h->calls++;
    return h->stop_at != 0 && h->calls >= h->stop_at;
}

static nis_status ask(Heard *heard, const char *request, const nis_call_options *options) {
    return nis_chat_stream(nis, request, strlen(request), hear, heard, options);
}

static void parts_in_order(void) {
    static Heard heard;
    CHECK_OK(ask(&heard, QUESTION, NULL));
    const char *const kinds[] = {"\"begin\"", "\"tool_call\"", "\"tool_result\"", "\"text\"", "\"claims\"", "\"reply\""};
    const char *at = heard.text;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        at = strstr(at, kinds[i]);
        CHECK(at != NULL);
    }
    CHECK(strstr(at, "\"response\":\"2+2 = 4\"") != NULL);
    CHECK(strstr(heard.text, "\"real_ai\":false") != NULL);
}

static void stopping(void) {
    static Heard heard;
    heard.stop_at = 1;
    CHECK_FAILS(ask(&heard, QUESTION, NULL), NIS_ERR_CANCELLED);
    CHECK(heard.calls == 1);

    nis_cancel_t *cancel = NULL;
    CHECK_OK(nis_cancel_new(&cancel));
    nis_cancel_set(cancel);
    nis_call_options options = {.struct_size = sizeof options};
    options.cancel = cancel;
    CHECK_FAILS(ask(&heard, QUESTION, &options), NIS_ERR_CANCELLED);
    CHECK(heard.calls == 1);
    nis_cancel_free(cancel);
}

static void bad_input(void) {
    static Heard heard;
    CHECK_FAILS(ask(&heard, "{\"message\": \" \"}", NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(ask(&heard, "{", NULL), NIS_ERR_PARSE);
    CHECK_FAILS(ask(&heard, "{\"message\": \"hi\", \"provider\": \"no such\"}", NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_chat_stream(nis, NULL, 0, hear, &heard, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_chat_stream(nis, QUESTION, strlen(QUESTION), NULL, NULL, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_chat_stream(NULL, QUESTION, strlen(QUESTION), hear, &heard, NULL), NIS_ERR_INVALID_INPUT);
    CHECK(heard.calls == 0);
}

/* Threads do not survive a fork: the child hears so instead of waiting for ever. */
static void forked_child(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        static Heard heard;
        nis_buffer out = {0};
        CHECK_FAILS(ask(&heard, QUESTION, NULL), NIS_ERR_UNAVAILABLE);
        CHECK_FAILS(nis_chat(nis, QUESTION, strlen(QUESTION), &out), NIS_ERR_UNAVAILABLE);
        nis_free(nis);
        /* Not by exit: what the parent's threads hold has no owner here, which valgrind would call a leak. */
        kill(getpid(), SIGKILL);
    }
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void) {
    CHECK_OK(nis_new("{}", 2, &nis));
    parts_in_order();
    stopping();
    bad_input();
    forked_child();
    nis_free(nis);
    puts("stream: ok");
    return 0;
}
