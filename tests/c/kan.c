/* Kolmogorov-Arnold networks: fit, predict, formula, save and load, export, errors, stopping. */
#include "check.h"
#include <math.h>
#include <unistd.h>

#define ROWS 90

static double x[2 * ROWS], y[ROWS], class_of[ROWS];

/* y = sin(a) + b^2 on scattered points. */
static void rows(void) {
    for (int i = 0; i < ROWS; i++) {
        x[2 * i] = -1.5 + 3.0 * fmod(i * 0.618034, 1.0);
        x[2 * i + 1] = -1.0 + 2.0 * fmod(i * 0.754878, 1.0);
        y[i] = sin(x[2 * i]) + x[2 * i + 1] * x[2 * i + 1];
        class_of[i] = x[2 * i] > 0 ? 1 : 0;
    }
}

static nis_kan_t *made(const char *spec) {
    nis_kan_t *kan = NULL;
    CHECK_OK(nis_kan_new(spec, strlen(spec), &kan));
    CHECK(kan != NULL);
    return kan;
}

static int count(const nis_step *step, void *user_data) {
    CHECK(step->stage_len > 0);
    ++*(int *)user_data;
    return 0;
}

static int stop(const nis_step *step, void *user_data) {
    (void)step;
    (void)user_data;
    return 1;
}

static void same_predictions(const nis_kan_t *a, const nis_kan_t *b) {
    double of_a[ROWS], of_b[ROWS];
    CHECK_OK(nis_kan_predict(a, x, ROWS, of_a, ROWS));
    CHECK_OK(nis_kan_predict(b, x, ROWS, of_b, ROWS));
    CHECK(memcmp(of_a, of_b, sizeof of_a) == 0);
}

static void regression(void) {
    const char *spec = "{\"inputs\": [\"a\", \"b\"], \"outputs\": [\"y\"], \"options\": {\"hidden\": [], \"grid\": 6}}";
    nis_kan_t *kan = made(spec);
    double got[ROWS];
    nis_buffer out = {0};

    /* Before a fit there is nothing to ask. */
    CHECK_FAILS(nis_kan_predict(kan, x, ROWS, got, ROWS), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_save(kan, NULL, 0, &out), NIS_ERR_INVALID_INPUT);
    CHECK(out.ptr == NULL);

    int calls = 0;
    nis_call_options options = {.struct_size = sizeof options};
    options.progress = count;
    options.user_data = &calls;
    CHECK_OK(nis_kan_fit(kan, x, y, ROWS, &options));
    CHECK(calls > 0);
    size_t inputs = 0, outputs = 0;
    CHECK_OK(nis_kan_size(kan, &inputs, &outputs));
    CHECK(inputs == 2 && outputs == 1);
    CHECK_OK(nis_kan_size(kan, NULL, NULL));
    CHECK_OK(nis_kan_predict(kan, x, ROWS, got, ROWS));
    float single_x[2 * ROWS], single[ROWS];
    for (int i = 0; i < 2 * ROWS; i++) {
        single_x[i] = (float)x[i];
    }
    CHECK_OK(nis_kan_predict_f32(kan, single_x, ROWS, single, ROWS));
    for (int i = 0; i < ROWS; i++) {
        CHECK(fabs(got[i] - y[i]) < 0.02);
        CHECK(fabs(got[i] - single[i]) < 1e-4);
    }
    CHECK_OK(nis_kan_predict(kan, NULL, 0, NULL, 0));

    CHECK_OK(nis_kan_formula(kan, x, y, ROWS, NULL, 0, NULL, &out));
    CHECK(holds(&out, "\"found\":true"));
    CHECK(holds(&out, "sin(a) + b^2"));
    nis_buffer_free(&out);

    CHECK_OK(nis_kan_describe(kan, &out));
    CHECK(holds(&out, "\"widths\":[2,1]"));
    CHECK(holds(&out, "\"train_error\":"));
    nis_buffer_free(&out);

    /* Back and forth through bytes of both kinds and a file. */
    const char *const formats[] = {"{\"format\": \"json\"}", "{\"format\": \"safetensors\"}", NULL};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(nis_kan_save(kan, formats[i], formats[i] ? strlen(formats[i]) : 0, &out));
        nis_kan_t *again = NULL;
        CHECK_OK(nis_kan_load(out.ptr, out.len, &again));
        same_predictions(kan, again);
        nis_kan_free(again);
        again = NULL;
        CHECK_FAILS(nis_kan_load(out.ptr, out.len / 2, &again), i ? NIS_ERR_INVALID_INPUT : NIS_ERR_PARSE);
        CHECK(again == NULL);
        nis_buffer_free(&out);
    }
    char folder[] = "/tmp/nis_kan_XXXXXX", path[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/kan.safetensors", folder);
    CHECK_OK(nis_kan_save_file(kan, path, strlen(path)));
    nis_kan_t *again = NULL;
    CHECK_OK(nis_kan_load_file(path, strlen(path), &again));
    same_predictions(kan, again);
    CHECK(remove(path) == 0);
    CHECK_FAILS(nis_kan_load_file(path, strlen(path), &again), NIS_ERR_IO);
    CHECK_FAILS(nis_kan_save_file(kan, "kan.txt", 7), NIS_ERR_INVALID_INPUT);
    CHECK(rmdir(folder) == 0);
    /* A loaded network is fitted anew with its structure. */
    CHECK_OK(nis_kan_fit(again, x, y, ROWS, NULL));
    CHECK_OK(nis_kan_predict(again, x, ROWS, got, ROWS));
    CHECK(fabs(got[3] - y[3]) < 0.05);
    nis_kan_free(again);

    const char *const exports[] = {
        "{\"format\": \"c\", \"prefix\": \"mine\"}",
        "{\"format\": \"h\", \"precision\": \"f32\"}",
        "{\"format\": \"onnx\"}",
    };
    const char *const holds_text[] = {"void mine_predict(const double *x", "void kan_predict(const float *x", "MatMul"};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(nis_kan_save(kan, exports[i], strlen(exports[i]), &out));
        CHECK(holds(&out, holds_text[i]));
        nis_buffer_free(&out);
    }

    /* What does not fit; the network stays what it was. */
    CHECK_OK(nis_kan_predict(kan, x, ROWS, got, ROWS));
    const double before = got[7];
    x[5] = NAN;
    CHECK_FAILS(nis_kan_fit(kan, x, y, ROWS, NULL), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "row 2, column 1") != NULL);
    CHECK_FAILS(nis_kan_predict(kan, x, ROWS, got, ROWS), NIS_ERR_INVALID_INPUT);
    rows();
    options.progress = stop;
    CHECK_FAILS(nis_kan_fit(kan, x, y, ROWS, &options), NIS_ERR_CANCELLED);
    CHECK_OK(nis_kan_predict(kan, x, ROWS, got, ROWS));
    CHECK(got[7] == before);
    CHECK_FAILS(nis_kan_predict(kan, x, ROWS, got, ROWS - 1), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_predict_proba(kan, x, ROWS, got, ROWS), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_fit(kan, NULL, y, ROWS, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_fit(kan, x, y, (size_t)-1, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_save(kan, "{\"format\": \"zip\"}", 17, &out), NIS_ERR_INVALID_INPUT);
    CHECK(out.ptr == NULL);
    nis_kan_free(kan);
}

static void classification(void) {
    nis_kan_t *kan = made("{\"inputs\": [\"a\", \"b\"], \"options\": {\"hidden\": [], \"task\": "
                          "{\"classification\": {\"classes\": [\"low\", \"high\"]}}}}");
    double p[2 * ROWS], got[ROWS];
    CHECK_OK(nis_kan_fit(kan, x, class_of, ROWS, NULL));
    CHECK_OK(nis_kan_predict_proba(kan, x, ROWS, p, 2 * ROWS));
    CHECK_OK(nis_kan_predict(kan, x, ROWS, got, ROWS));
    int right = 0;
    for (int i = 0; i < ROWS; i++) {
        CHECK(fabs(p[2 * i] + p[2 * i + 1] - 1.0) < 1e-12);
        CHECK(got[i] == (p[2 * i + 1] > p[2 * i] ? 1 : 0));
        right += got[i] == class_of[i];
    }
    CHECK(right > ROWS * 9 / 10);
    nis_kan_free(kan);
}

static void refused(void) {
    nis_kan_t *kan = NULL;
    CHECK_FAILS(nis_kan_new("{", 1, &kan), NIS_ERR_PARSE);
    CHECK_FAILS(nis_kan_new("{\"inputs\": [\"a\"], \"extra\": 1}", 29, &kan), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_new(NULL, 0, &kan), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_new("{}", 2, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_load(NULL, 0, &kan), NIS_ERR_PARSE);
    CHECK_FAILS(nis_kan_fit(NULL, x, y, ROWS, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_kan_predict(NULL, x, ROWS, y, ROWS), NIS_ERR_INVALID_INPUT);
    CHECK(kan == NULL);
    nis_kan_free(NULL);
}

int main(void) {
    rows();
    regression();
    classification();
    refused();
    return 0;
}
