/* Transforms and modes in C: closed forms, kinds of samples, misuse. */
#include <math.h>

#include "check.h"

enum { SAMPLES = 1001, POINTS = 2 };

/* e^{-t} on [0, 10]: (1 - e^{-10 (s + 1)})/(s + 1), for real s. */
static double exact(double s) {
    return (1.0 - exp(-10.0 * (s + 1.0))) / (s + 1.0);
}

static int close_to(double a, double b, double tolerance) {
    return fabs(a - b) <= tolerance;
}

static int stop_at_once(const struct nis_step *step, void *user_data) {
    (void)step;
    (void)user_data;
    return 1;
}

static void transforms(void) {
    static double x[SAMPLES], times[SAMPLES];
    static float single[SAMPLES];
    static double pairs[2 * SAMPLES];
    const double s[2 * POINTS] = {0.5, 0.0, 2.0, 0.0};
    double values[2 * POINTS], error[POINTS], tail[POINTS];
    size_t i;
    for (i = 0; i < SAMPLES; i++) {
        times[i] = 0.01 * (double)i;
        x[i] = exp(-times[i]);
        single[i] = (float)x[i];
        pairs[2 * i] = 0.0;
        pairs[2 * i + 1] = x[i];
    }
    CHECK(nis_laplace_transform(x, NIS_SAMPLES_F64, SAMPLES, 0.0, 0.01, s, POINTS, NULL, 0, NULL, values,
                                error, tail) == NIS_OK);
    for (i = 0; i < POINTS; i++) {
        CHECK(close_to(values[2 * i], exact(s[2 * i]), 1e-10));
        CHECK(close_to(values[2 * i + 1], 0.0, 1e-14));
        CHECK(error[i] < 1e-9 && tail[i] < 1e-4);
    }
    /* Error and tail are optional; float and complex samples. */
    CHECK(nis_laplace_transform(single, NIS_SAMPLES_F32, SAMPLES, 0.0, 0.01, s, POINTS, NULL, 0, NULL, values,
                                NULL, NULL) == NIS_OK);
    CHECK(close_to(values[0], exact(0.5), 1e-6));
    CHECK(nis_laplace_transform(pairs, NIS_SAMPLES_COMPLEX_F64, SAMPLES, 0.0, 0.01, s, POINTS, NULL, 0, NULL,
                                values, NULL, NULL) == NIS_OK);
    CHECK(close_to(values[1], exact(0.5), 1e-10) && close_to(values[0], 0.0, 1e-14));
    CHECK(nis_laplace_transform_nonuniform(times, x, NIS_SAMPLES_F64, SAMPLES, s, POINTS, NULL, 0, NULL, values,
                                           error, tail) == NIS_OK);
    CHECK(close_to(values[2], exact(2.0), 1e-10));

    {
        const char *options = "{\"quadrature\": \"trapezoid\", \"threads\": 1}";
        struct nis_line_plan_t *plan = NULL;
        double line[2 * 3];
        CHECK(nis_line_plan_new(SAMPLES, 0.0, 0.01, 0.5, 0.0, 1.0, 3, options, strlen(options), &plan) == NIS_OK);
        CHECK(plan != NULL);
        CHECK(nis_line_plan_transform(plan, x, NIS_SAMPLES_F64, SAMPLES, NULL, line, NULL, NULL) == NIS_OK);
        CHECK(close_to(line[0], exact(0.5), 1e-4));
        CHECK(nis_line_plan_transform(plan, x, NIS_SAMPLES_F64, 7, NULL, line, NULL, NULL) ==
              NIS_ERR_INVALID_INPUT);
        CHECK(nis_line_plan_transform(NULL, x, NIS_SAMPLES_F64, SAMPLES, NULL, line, NULL, NULL) ==
              NIS_ERR_INVALID_INPUT);
        nis_line_plan_free(plan);
        nis_line_plan_free(NULL);
    }

    /* Misuse leaves the results alone. */
    values[0] = 42.0;
    x[3] = NAN;
    CHECK(nis_laplace_transform(x, NIS_SAMPLES_F64, SAMPLES, 0.0, 0.01, s, POINTS, NULL, 0, NULL, values, NULL,
                                NULL) == NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "signal[3]") != NULL);
    x[3] = exp(-0.03);
    CHECK(nis_laplace_transform(x, 9, SAMPLES, 0.0, 0.01, s, POINTS, NULL, 0, NULL, values, NULL, NULL) ==
          NIS_ERR_INVALID_INPUT);
    CHECK(nis_laplace_transform(NULL, NIS_SAMPLES_F64, SAMPLES, 0.0, 0.01, s, POINTS, NULL, 0, NULL, values, NULL,
                                NULL) == NIS_ERR_INVALID_INPUT);
    CHECK(nis_laplace_transform(x, NIS_SAMPLES_F64, SAMPLES, 0.0, -1.0, s, POINTS, NULL, 0, NULL, values, NULL,
                                NULL) == NIS_ERR_INVALID_INPUT);
    CHECK(nis_laplace_transform(x, NIS_SAMPLES_F64, SAMPLES, 0.0, 0.01, s, POINTS, "{", 1, NULL, values, NULL,
                                NULL) == NIS_ERR_PARSE);
    CHECK(values[0] == 42.0);
}

static void modes(void) {
    static double x[2][400];
    struct nis_buffer out = {0};
    struct nis_call_options call;
    size_t i;
    for (i = 0; i < 400; i++) {
        const double t = 0.05 * (double)i;
        x[0][i] = exp(-0.1 * t) * cos(2.0 * t) + 3.0;
        x[1][i] = 0.5 * exp(-0.1 * t) * cos(2.0 * t + 1.0);
    }
    CHECK(nis_laplace_modes(x[0], 400, 0.0, 0.05, NULL, 0, NULL, &out) == NIS_OK);
    CHECK(out.len > 0 && holds(&out, "\"order\":2"));
    nis_buffer_free(&out);
    CHECK(nis_laplace_shared_modes(x, NIS_SAMPLES_F64, 2, 400, 0.0, 0.05, "{\"max_order\": 6}", 16, NULL, &out) ==
          NIS_OK);
    CHECK(holds(&out, "\"residues\":[["));
    nis_buffer_free(&out);
    CHECK(nis_laplace_modes(x[0], 3, 0.0, 0.05, NULL, 0, NULL, &out) == NIS_ERR_INVALID_INPUT);
    CHECK(nis_laplace_modes(NULL, 0, 0.0, 0.05, NULL, 0, NULL, &out) == NIS_ERR_INVALID_INPUT);
    CHECK(nis_laplace_modes(x[0], 400, 0.0, 0.05, "{\"ordr\": 2}", 11, NULL, &out) == NIS_ERR_INVALID_INPUT);
    CHECK(nis_laplace_shared_modes(x, NIS_SAMPLES_F64, (size_t)-1, 400, 0.0, 0.05, NULL, 0, NULL, &out) ==
          NIS_ERR_INVALID_INPUT);
    CHECK(nis_laplace_modes(x[0], 400, 0.0, 0.05, NULL, 0, NULL, NULL) == NIS_ERR_INVALID_INPUT);
    memset(&call, 0, sizeof call);
    call.struct_size = sizeof call;
    call.progress = stop_at_once;
    CHECK(nis_laplace_modes(x[0], 400, 0.0, 0.05, NULL, 0, &call, &out) == NIS_ERR_CANCELLED);
    CHECK(out.ptr == NULL);
}

int main(void) {
    transforms();
    modes();
    return 0;
}
