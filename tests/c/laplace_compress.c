/* Compression through every function: a container in memory, in pieces, damaged, and what is refused. */
#include "check.h"
#include <math.h>
#include <stdint.h>

enum { N = 3000 };
static double signal[N];

static void make(void) {
    for (int k = 0; k < N; k++) {
        signal[k] = exp(-0.001 * k) * cos(0.3 * k) + 0.5 * exp(-0.0003 * k) * sin(0.71 * k);
    }
}

static const char *const OPTIONS = "{\"target\": {\"max_error\": 1e-5}, \"max_segment\": 1024}";

static nis_buffer compressed(void) {
    nis_buffer bytes = {0}, report = {0};
    CHECK_OK(nis_laplace_compress(signal, N, 1e-3, OPTIONS, strlen(OPTIONS), NULL, &bytes, &report));
    CHECK(holds(&report, "\"samples\":3000"));
    CHECK(holds(&report, "\"not_modal\":false"));
    CHECK(holds(&report, "\"max_error_bound\":0.00001") || holds(&report, "\"max_error_bound\":1e-5"));
    CHECK(bytes.len > 40 && bytes.len < 400);
    nis_buffer_free(&report);
    return bytes;
}

static void whole(void) {
    nis_buffer bytes = compressed();
    size_t samples = 0;
    CHECK_OK(nis_laplace_decompress(bytes.ptr, bytes.len, NULL, 0, NULL, &samples));
    CHECK(samples == N);
    static double back[N + 1];
    back[N] = 7.0;
    samples = 0;
    CHECK_OK(nis_laplace_decompress(bytes.ptr, bytes.len, back, N, NULL, &samples));
    CHECK(samples == N && back[N] == 7.0);
    for (int k = 0; k < N; k++) {
        CHECK(fabs(back[k] - signal[k]) <= 1e-5);
    }
    /* Too little room: nothing is written. */
    back[0] = 9.0;
    samples = 1;
    CHECK_FAILS(nis_laplace_decompress(bytes.ptr, bytes.len, back, N - 1, NULL, &samples), NIS_ERR_LIMIT);
    CHECK(back[0] == 9.0 && samples == 1);
    /* The readable form. */
    nis_buffer json = {0};
    CHECK_OK(nis_laplace_compressed_describe(bytes.ptr, bytes.len, &json));
    CHECK(holds(&json, "\"pole\":["));
    CHECK(holds(&json, "\"kind\":\"modal\""));
    nis_buffer_free(&json);
    /* Damage. */
    bytes.ptr[bytes.len / 2] ^= 1;
    CHECK_FAILS(nis_laplace_decompress(bytes.ptr, bytes.len, back, N, NULL, &samples), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_decompress(bytes.ptr, bytes.len - 1, NULL, 0, NULL, &samples),
                NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_compressed_describe(bytes.ptr, bytes.len, &json), NIS_ERR_INVALID_INPUT);
    CHECK(json.ptr == NULL);
    nis_buffer_free(&bytes);
}

static void in_pieces(void) {
    nis_buffer bytes = compressed();
    for (size_t piece = 1; piece < 200; piece += 33) {
        nis_decoder_t *decoder = NULL;
        CHECK_OK(nis_decoder_new(&decoder));
        size_t at = 0, got = 0;
        static double values[1024];
        while (at < bytes.len) {
            const size_t more = bytes.len - at < piece ? bytes.len - at : piece;
            size_t used = 0, ready = 0;
            CHECK_OK(nis_decoder_push(decoder, bytes.ptr + at, more, &used, &ready));
            CHECK(used <= more);
            at += used;
            CHECK(ready > 0 || used == more);
            if (ready > 0) {
                size_t samples = 0;
                uint64_t start = 0;
                /* While samples wait nothing is taken; too little room leaves them waiting. */
                CHECK_OK(nis_decoder_push(decoder, bytes.ptr + at, bytes.len - at, &used, &ready));
                CHECK(used == 0 && ready > 0);
                CHECK_FAILS(nis_decoder_next(decoder, values, ready - 1, &samples, NULL), NIS_ERR_LIMIT);
                CHECK_OK(nis_decoder_next(decoder, values, 1024, &samples, &start));
                CHECK(samples == ready && start == got);
                for (size_t k = 0; k < samples; k++) {
                    CHECK(fabs(values[k] - signal[got + k]) <= 1e-5);
                }
                got += samples;
                CHECK_OK(nis_decoder_next(decoder, NULL, 0, &samples, NULL));
                CHECK(samples == 0);
            }
            if (at < bytes.len) {
                CHECK_FAILS(nis_decoder_finish(decoder, NULL), NIS_ERR_INVALID_INPUT);
            }
        }
        uint64_t total = 0;
        CHECK_OK(nis_decoder_finish(decoder, &total));
        CHECK(total == N && got == N);
        size_t used = 0, ready = 0;
        CHECK_FAILS(nis_decoder_push(decoder, (const uint8_t *)"x", 1, &used, &ready), NIS_ERR_INVALID_INPUT);
        CHECK_FAILS(nis_decoder_finish(decoder, &total), NIS_ERR_INVALID_INPUT);
        nis_decoder_free(decoder);
    }
    nis_buffer_free(&bytes);
}

static int stop(const nis_step *step, void *user_data) {
    (void)step;
    ++*(int *)user_data;
    return 1;
}

static void refused(void) {
    nis_buffer out = {0};
    size_t n = 0;
    const double bad[3] = {1.0, NAN, 2.0};
    CHECK_FAILS(nis_laplace_compress(bad, 3, 1.0, NULL, 0, NULL, &out, NULL), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->details, "signal[1]") != NULL);
    CHECK_FAILS(nis_laplace_compress(signal, N, 0.0, NULL, 0, NULL, &out, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_compress(NULL, 3, 1.0, NULL, 0, NULL, &out, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_compress(signal, N, 1.0, NULL, 0, NULL, NULL, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_compress(signal, N, 1.0, "{", 1, NULL, &out, NULL), NIS_ERR_PARSE);
    const char *unknown = "{\"order\": 3}";
    CHECK_FAILS(nis_laplace_compress(signal, N, 1.0, unknown, strlen(unknown), NULL, &out, NULL),
                NIS_ERR_INVALID_INPUT);
    int calls = 0;
    nis_call_options call = {.struct_size = sizeof call};
    call.progress = stop;
    call.user_data = &calls;
    CHECK_FAILS(nis_laplace_compress(signal, N, 1.0, NULL, 0, &call, &out, NULL), NIS_ERR_CANCELLED);
    CHECK(calls == 1);
    CHECK(out.ptr == NULL);
    CHECK_FAILS(nis_laplace_decompress((const uint8_t *)"no container", 12, NULL, 0, NULL, &n),
                NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_decompress(NULL, 12, NULL, 0, NULL, &n), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_decoder_new(NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_decoder_push(NULL, NULL, 0, &n, &n), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_decoder_next(NULL, NULL, 0, &n, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_decoder_finish(NULL, NULL), NIS_ERR_INVALID_INPUT);
    nis_decoder_free(NULL);
    /* No samples are a container too. */
    CHECK_OK(nis_laplace_compress(NULL, 0, 1.0, NULL, 0, NULL, &out, NULL));
    CHECK_OK(nis_laplace_decompress(out.ptr, out.len, NULL, 0, NULL, &n));
    CHECK(n == 0);
    nis_buffer_free(&out);
}

int main(void) {
    make();
    whole();
    in_pieces();
    refused();
    return 0;
}
