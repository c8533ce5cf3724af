/* Every function with what a caller can get wrong: it is refused with a message, and nothing is touched. */
#include "check.h"

static nis_status chat(nis_t *nis, const char *request, nis_buffer *out) {
    return nis_chat(nis, request, strlen(request), out);
}

static nis_status analyze(nis_t *nis, const char *request, nis_buffer *out) {
    return nis_analyze(nis, request, strlen(request), NULL, out);
}

static int freed;
static void count_free(void *user_data) {
    CHECK(user_data == &freed);
    freed++;
}

int main(void) {
    CHECK(nis_check_abi());
    CHECK(nis_abi_version() == NIS_ABI_VERSION);
    CHECK(strlen(nis_version()) >= 5);
    CHECK(nis_last_error()->code == NIS_OK); /* before any call */
    CHECK(strcmp(nis_last_error()->details, "{}") == 0);

    /* NULL is fine to free and to set. */
    nis_free(NULL);
    nis_cancel_free(NULL);
    nis_cancel_set(NULL);
    nis_buffer_free(NULL);
    nis_buffer empty = {0};
    nis_buffer_free(&empty);

    /* nis_new */
    nis_t *nis = (nis_t *)&empty; /* any value: must stay */
    CHECK_FAILS(nis_new(NULL, 0, NULL), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "out") != NULL);
    CHECK_FAILS(nis_new("{", 1, &nis), NIS_ERR_PARSE);
    CHECK_FAILS(nis_new("{}", 0, &nis), NIS_ERR_PARSE); /* no bytes of it: empty text */
    CHECK_FAILS(nis_new("\xff\xfe", 2, &nis), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "UTF-8") != NULL);
    CHECK_FAILS(nis_new("{\"no_such_key\": 1}", 18, &nis), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "no_such_key") != NULL);
    CHECK_FAILS(nis_new("{}", (size_t)-1, &nis), NIS_ERR_INVALID_INPUT);
    CHECK(nis == (nis_t *)&empty);
    CHECK_OK(nis_new("{}", 2, &nis));

    /* Buffers that stay as they are on failure. */
    const nis_buffer marked = {(uint8_t *)&empty, 7, 9};
    nis_buffer out = marked;

    /* nis_chat */
    CHECK_FAILS(chat(NULL, "{}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_chat(nis, NULL, 0, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(chat(nis, "{\"message\": \"hi\"}", NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(chat(nis, "", &out), NIS_ERR_PARSE);
    CHECK_FAILS(chat(nis, "{\"message\": }", &out), NIS_ERR_PARSE);
    CHECK(strstr(nis_last_error()->details, "\"column\":13") != NULL);
    CHECK_FAILS(chat(nis, "{\"message\": 7}", &out), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "request.message") != NULL);
    CHECK_FAILS(chat(nis, "{\"massage\": \"hi\"}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(chat(nis, "{\"message\": \"\"}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(chat(nis, "{\"message\": \"hi\", \"provider\": \"no such\"}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_chat(nis, "{\"message\": \"\xc3\x28\"}", 17, &out), NIS_ERR_INVALID_INPUT);

    /* nis_health */
    CHECK_FAILS(nis_health(NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_health(nis, NULL), NIS_ERR_INVALID_INPUT);

    /* nis_analyze: the request */
    CHECK_FAILS(analyze(NULL, "{}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_analyze(nis, NULL, 3, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(analyze(nis, "{\"columns\": {\"t\": [1,2,3]}}", NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(analyze(nis, "{}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(analyze(nis, "[]", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(analyze(nis, "{\"path\": \"a\", \"columns\": {}}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(analyze(nis, "{\"path\": \"/no/such/file.csv\"}", &out), NIS_ERR_IO);
    CHECK(strstr(nis_last_error()->details, "\"kind\":\"io\"") != NULL);
    CHECK_FAILS(analyze(nis, "{\"columns\": {\"t\": [1,2], \"y\": [1]}}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(analyze(nis, "{\"columns\": {\"t\": [1], \"t\": [1]}}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(analyze(nis, "{\"columns\": {\"t\": [1, \"x\"]}}", &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(analyze(nis, "{\"columns\": {\"t\": [1,2]}, \"options\": {\"law\": 3}}", &out),
                NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->details, "\"field\":\"request.options.law\"") != NULL);

    /* nis_analyze: the options of the call */
    const char *request = "{\"path\": \"/no/such/file.csv\"}";
    const size_t len = strlen(request);
    nis_call_options options = {0};
    CHECK_FAILS(nis_analyze(nis, request, len, &options, &out), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "struct_size") != NULL);
    options.struct_size = sizeof options - 1;
    CHECK_FAILS(nis_analyze(nis, request, len, &options, &out), NIS_ERR_INVALID_INPUT);
    options.struct_size = (size_t)-1;
    CHECK_FAILS(nis_analyze(nis, request, len, &options, &out), NIS_ERR_INVALID_INPUT);
    struct {
        nis_call_options known;
        void *newer;
    } future = {{0}, NULL};
    future.known.struct_size = sizeof future;
    CHECK_FAILS(nis_analyze(nis, request, len, &future.known, &out), NIS_ERR_IO); /* unused: fine */
    future.newer = &out;
    CHECK_FAILS(nis_analyze(nis, request, len, &future.known, &out), NIS_ERR_INVALID_INPUT);
    options.struct_size = sizeof options;
    options.user_data = &freed;
    options.user_data_free = count_free;
    CHECK_FAILS(nis_analyze(nis, request, len, &options, &out), NIS_ERR_IO);
    CHECK(freed == 1);
    CHECK_FAILS(nis_analyze(NULL, request, len, &options, &out), NIS_ERR_INVALID_INPUT);
    CHECK(freed == 2); /* freed although the handle was refused */

    CHECK(memcmp(&out, &marked, sizeof out) == 0);

    /* nis_cancel_new */
    CHECK_FAILS(nis_cancel_new(NULL), NIS_ERR_INVALID_INPUT);

    /* Success leaves no stale error. */
    out = empty;
    CHECK_OK(nis_health(nis, &out));
    CHECK(out.len > 0 && out.cap >= out.len);
    nis_buffer_free(&out);
    CHECK(out.ptr == NULL && out.len == 0 && out.cap == 0);
    nis_buffer_free(&out);
    nis_free(nis);
    return 0;
}
