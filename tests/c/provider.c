/* Providers that are C functions: called on the runtime's threads, streamed, failing, freed. */
#include "check.h"

static nis_t *nis;
static int freed;

static void count_free(void *user_data) {
    CHECK(user_data != NULL);
    freed++;
}

/* Says what it was asked for, as `user_data` tells. */
static int complete(const char *request_json, size_t request_len, nis_reply_t *reply, void *user_data) {
    const char *how = user_data;
    if (request_len == 0 || request_json[0] != '{' || request_json[request_len - 1] != '}') {
        return 9;
    }
    if (strcmp(how, "pieces") == 0) {
        return nis_reply_text(reply, "6*7 ", 4) || nis_reply_text(reply, "= 42", 4);
    }
    if (strcmp(how, "whole") == 0) {
        static const char json[] = "{\"text\": \"yes\", \"usage\": {\"input\": 3, \"output\": 4}, \"model\": \"c-2\"}";
        return (int)nis_reply_complete(reply, json, sizeof json - 1);
    }
    if (strcmp(how, "fails") == 0) {
        static const char why[] = "out of paper";
        return (int)nis_reply_fail(reply, 503, 1, why, sizeof why - 1);
    }
    if (strcmp(how, "bad") == 0) {
        /* Bad input is refused here as elsewhere, and the reply stays as it was. */
        if (nis_reply_complete(reply, "{", 1) != NIS_ERR_PARSE || nis_reply_complete(NULL, "{}", 2) != NIS_ERR_INVALID_INPUT ||
            nis_reply_text(reply, NULL, 0) != 1 || nis_reply_text(NULL, "x", 1) != 1 ||
            nis_reply_fail(reply, 0, 0, NULL, 0) != NIS_ERR_INVALID_INPUT) {
            return 8;
        }
        return nis_reply_text(reply, "fine", 4);
    }
    return 7;
}

static void add(const char *how) {
    nis_provider provider = {.struct_size = sizeof provider};
    provider.name = how;
    provider.name_len = strlen(how);
    provider.model = "c-1";
    provider.model_len = 3;
    provider.complete = complete;
    provider.user_data = (void *)how;
    provider.user_data_free = count_free;
    CHECK_OK(nis_register_provider(nis, &provider));
}

static nis_status ask(const char *provider, nis_buffer *out) {
    char request[200];
    snprintf(request, sizeof request, "{\"message\": \"hello\", \"provider\": \"%s\"}", provider);
    return nis_chat(nis, request, strlen(request), out);
}

typedef struct {
    unsigned texts;
} Heard;

static int hear(const char *parts_json, size_t parts_len, void *user_data) {
    Heard *h = user_data;
    static const char mark[] = "\"type\":\"text\"";
    for (size_t i = 0; i + sizeof mark - 1 <= parts_len; i++) {
        h->texts += memcmp(parts_json + i, mark, sizeof mark - 1) == 0;
    }
    return 0;
}

static void replies(void) {
    nis_buffer out = {0};
    CHECK_OK(ask("pieces", &out));
    CHECK(holds(&out, "\"response\":\"6*7 = 42\""));
    CHECK(holds(&out, "\"confidence\":1.0"));
    CHECK(holds(&out, "\"real_ai\":false"));
    nis_buffer_free(&out);
    CHECK_OK(ask("whole", &out));
    CHECK(holds(&out, "\"response\":\"yes\""));
    CHECK(holds(&out, "\"tokens_used\":7"));
    CHECK(holds(&out, "\"model\":\"c-2\""));
    nis_buffer_free(&out);
    CHECK_OK(ask("bad", &out));
    CHECK(holds(&out, "\"response\":\"fine\""));
    nis_buffer_free(&out);

    Heard heard = {0};
    static const char request[] = "{\"message\": \"hello\", \"provider\": \"pieces\"}";
    CHECK_OK(nis_chat_stream(nis, request, sizeof request - 1, hear, &heard, NULL));
    CHECK(heard.texts == 2);
}

static void failures(void) {
    nis_buffer out = {0};
    CHECK_FAILS(ask("fails", &out), NIS_ERR_PROVIDER);
    CHECK(strstr(nis_last_error()->message, "out of paper") != NULL);
    CHECK(strstr(nis_last_error()->details, "\"status\":503") != NULL);
    CHECK(strstr(nis_last_error()->details, "\"retryable\":true") != NULL);
    CHECK_FAILS(ask("odd", &out), NIS_ERR_PROVIDER);
    CHECK(strstr(nis_last_error()->message, "returned 7") != NULL);
    CHECK(out.ptr == NULL);
}

static void bad_registrations(void) {
    const int before = freed;
    CHECK_FAILS(nis_register_provider(nis, NULL), NIS_ERR_INVALID_INPUT);
    nis_provider provider = {.struct_size = 3};
    CHECK_FAILS(nis_register_provider(nis, &provider), NIS_ERR_INVALID_INPUT);
    CHECK(freed == before);
    provider.struct_size = sizeof provider;
    provider.user_data = &freed;
    provider.user_data_free = count_free;
    CHECK_FAILS(nis_register_provider(nis, &provider), NIS_ERR_INVALID_INPUT); /* no name */
    CHECK(freed == before + 1);
    provider.name = "pieces";
    provider.name_len = 6;
    provider.model = "m";
    provider.model_len = 1;
    CHECK_FAILS(nis_register_provider(nis, &provider), NIS_ERR_INVALID_INPUT); /* no function */
    CHECK(freed == before + 2);
    provider.complete = complete;
    CHECK_FAILS(nis_register_provider(nis, &provider), NIS_ERR_INVALID_INPUT); /* taken */
    CHECK(freed == before + 3);
}

int main(void) {
    CHECK_OK(nis_new("{}", 2, &nis));
    static const char *const all[] = {"pieces", "whole", "fails", "bad", "odd"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        add(all[i]);
    }
    replies();
    failures();
    bad_registrations();
    const int before = freed;
    nis_free(nis);
    CHECK(freed == before + 5);
    puts("provider: ok");
    return 0;
}
