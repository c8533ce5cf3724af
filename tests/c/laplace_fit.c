/* Fits of frequency data, the passivity test and its enforcement. */
#include "check.h"
#include <math.h>

enum { POINTS = 80 };

static double s[2 * POINTS], h[2 * POINTS];

/* A resonance at 3 with a gain of 1.4 there: 0.28 s / (s^2 + 0.2 s + 9). */
static void sample(void) {
    for (int k = 0; k < POINTS; k++) {
        const double w = 0.1 * (k + 1), re = 9.0 - w * w, im = 0.2 * w, size = re * re + im * im;
        s[2 * k] = 0.0;
        s[2 * k + 1] = w;
        h[2 * k] = 0.28 * w * im / size;
        h[2 * k + 1] = 0.28 * w * re / size;
    }
}

static int stop(const nis_step *step, void *user_data) {
    (void)step;
    ++*(int *)user_data;
    return 1;
}

/* The JSON object that follows a key, as a range of the buffer. */
static const char *object(const nis_buffer *buffer, const char *key, size_t *len) {
    const char *text = (const char *)buffer->ptr;
    const size_t n = strlen(key);
    for (size_t i = 0; i + n < buffer->len; i++) {
        if (memcmp(text + i, key, n) == 0) {
            const size_t start = i + n;
            int depth = 0;
            for (size_t j = start; j < buffer->len; j++) {
                depth += (text[j] == '{') - (text[j] == '}');
                if (depth == 0) {
                    *len = j + 1 - start;
                    return text + start;
                }
            }
        }
    }
    CHECK(!"key not found");
    return NULL;
}

int main(void) {
    nis_buffer out = {0};
    sample();
    CHECK_OK(nis_laplace_fit_response(s, POINTS, h, 1, 1, NULL, 0, NULL, 0, NULL, &out));
    CHECK(holds(&out, "\"order\":2"));
    CHECK(holds(&out, "\"stable\":true"));
    CHECK(holds(&out, "\"order_reason\":"));

    /* The system of the result is the input of the test. */
    size_t len = 0;
    const char *kind = "scattering";
    const char *system = object(&out, "\"system\":", &len);
    nis_buffer found = {0}, done = {0};
    CHECK_OK(nis_laplace_passivity(system, len, kind, strlen(kind), NULL, &found));
    CHECK(holds(&found, "\"passive\":false"));
    CHECK(holds(&found, "\"worst\":1.4") || holds(&found, "\"worst\":1.39999"));
    const char *options = "{\"margin\": 1e-5}";
    CHECK_OK(nis_laplace_enforce_passivity(system, len, kind, strlen(kind), options, strlen(options), NULL, &done));
    CHECK(holds(&done, "\"enforced\":true"));
    CHECK(holds(&done, "\"method\":\"perturbation\""));
    nis_buffer_free(&found);
    nis_buffer_free(&done);
    const char *other = "admittance";
    CHECK_FAILS(nis_laplace_passivity(system, len, other, strlen(other), NULL, &found), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_passivity("{", 1, kind, strlen(kind), NULL, &found), NIS_ERR_PARSE);
    CHECK_FAILS(nis_laplace_passivity(NULL, 0, kind, strlen(kind), NULL, &found), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_passivity(system, len, kind, strlen(kind), NULL, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_enforce_passivity(system, len, NULL, 0, NULL, 0, NULL, &found), NIS_ERR_INVALID_INPUT);
    nis_buffer_free(&out);

    /* Options, weights, and what does not fit. */
    double weights[POINTS];
    for (int k = 0; k < POINTS; k++) {
        weights[k] = 1.0;
    }
    const char *order = "{\"order\": 2, \"direct\": false, \"weighting\": \"inverse_magnitude\"}";
    CHECK_OK(nis_laplace_fit_response(s, POINTS, h, 1, 1, weights, POINTS, order, strlen(order), NULL, &out));
    CHECK(holds(&out, "\"order_reason\":\"given\""));
    nis_buffer_free(&out);
    weights[7] = -1.0;
    CHECK_FAILS(nis_laplace_fit_response(s, POINTS, h, 1, 1, weights, POINTS, NULL, 0, NULL, &out),
                NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "weights[7]") != NULL);
    h[5] = NAN;
    CHECK_FAILS(nis_laplace_fit_response(s, POINTS, h, 1, 1, NULL, 0, NULL, 0, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "response[2]") != NULL);
    sample();
    CHECK_FAILS(nis_laplace_fit_response(s, POINTS, h, SIZE_MAX, 2, NULL, 0, NULL, 0, NULL, &out),
                NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_fit_response(s, 0, NULL, 1, 1, NULL, 0, NULL, 0, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_fit_response(NULL, POINTS, h, 1, 1, NULL, 0, NULL, 0, NULL, &out),
                NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_fit_response(s, POINTS, h, 1, 1, NULL, 0, "[", 1, NULL, &out), NIS_ERR_PARSE);
    CHECK_FAILS(nis_laplace_fit_response(s, POINTS, h, 1, 1, NULL, 0, NULL, 0, NULL, NULL), NIS_ERR_INVALID_INPUT);

    int calls = 0;
    nis_call_options call = {.struct_size = sizeof call};
    call.progress = stop;
    call.user_data = &calls;
    CHECK_FAILS(nis_laplace_fit_response(s, POINTS, h, 1, 1, NULL, 0, NULL, 0, &call, &out), NIS_ERR_CANCELLED);
    CHECK(calls == 1 && out.ptr == NULL);
    puts("laplace_fit: ok");
    return 0;
}
