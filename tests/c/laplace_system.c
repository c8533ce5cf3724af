/* Linear systems through the C ABI: forms, responses, margins, reduction, discretisation, interconnection. */
#include "check.h"
#include <math.h>

static nis_system_t *make(const char *json) {
    nis_system_t *system = NULL;
    CHECK_OK(nis_laplace_system_new(json, strlen(json), &system));
    CHECK(system != NULL);
    return system;
}

/* 1/(s + 1) in each way to write it. */
static void forms(void) {
    const char *const specs[] = {
        "{\"pole_residue\": {\"outputs\": 1, \"inputs\": 1, \"terms\": [{\"pole\": [-1, 0], \"residue\": [[1, 0]]}]}}",
        "{\"state_space\": {\"states\": 1, \"inputs\": 1, \"outputs\": 1, \"a\": [-1], \"b\": [1], \"c\": [1]}}",
        "{\"zpk\": {\"zeros\": [], \"poles\": [[-1, 0]], \"gain\": 1}}",
        "{\"coefficients\": {\"numerator\": [1], \"denominator\": [1, 1]}}",
    };
    const double t[] = {0.0, 0.5, 1.0}, omega[] = {0.0, 1.0};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        nis_system_t *system = make(specs[i]);
        double y[3] = {-1, -1, -1}, h[4] = {0}, magnitude[2] = {0}, phase[2] = {0};
        CHECK_OK(nis_laplace_step(system, t, 3, y, 3));
        CHECK(fabs(y[2] - (1.0 - exp(-1.0))) < 1e-14);
        CHECK_OK(nis_laplace_impulse(system, t, 3, y, 3));
        CHECK(fabs(y[1] - exp(-0.5)) < 1e-14);
        CHECK_OK(nis_laplace_frequency_response(system, omega, 2, h, 4));
        CHECK(fabs(h[0] - 1.0) < 1e-14 && fabs(h[2] - 0.5) < 1e-14 && fabs(h[3] + 0.5) < 1e-14);
        CHECK_OK(nis_laplace_bode(system, omega, 2, magnitude, NULL, phase, 2));
        CHECK(fabs(magnitude[1] - sqrt(0.5)) < 1e-14 && fabs(phase[1] + atan(1.0)) < 1e-14);
        /* A ramp: t - 1 + e^-t. */
        CHECK_OK(nis_laplace_simulate(system, t, 3, t, 3, NULL, 0, 1, y, 3));
        CHECK(fabs(y[2] - exp(-1.0)) < 1e-14);
        nis_buffer out = {0};
        CHECK_OK(nis_laplace_zeros(system, &out));
        CHECK(holds(&out, "\"stable\":true") && holds(&out, "\"zeros\":[]"));
        nis_buffer_free(&out);
        CHECK_OK(nis_laplace_grid(system, 0, &out));
        nis_buffer_free(&out);
        CHECK_OK(nis_laplace_grid(system, 1, &out));
        nis_buffer_free(&out);
        nis_system_t *other = NULL;
        CHECK_OK(nis_laplace_convert(system, 0, 0, &other));
        CHECK_OK(nis_laplace_system_json(other, &out));
        CHECK(holds(&out, "\"state_space\""));
        nis_buffer_free(&out);
        nis_laplace_system_free(other);
        CHECK_OK(nis_laplace_convert(system, 1, 1e-9, &other));
        CHECK_OK(nis_laplace_system_json(other, &out));
        CHECK(holds(&out, "\"pole_residue\""));
        nis_buffer_free(&out);
        nis_laplace_system_free(other);
        nis_laplace_system_free(system);
    }
}

static int stop(const nis_step *step, void *user_data) {
    (void)step;
    *(int *)user_data += 1;
    return 1;
}

/* Long responses report, stop and leave the caller's array alone; without options they answer as the short ones. */
static void long_responses(void) {
    nis_system_t *system =
        make("{\"state_space\": {\"states\": 1, \"inputs\": 1, \"outputs\": 1, \"a\": [-1], \"b\": [1], \"c\": [1]}}");
    const double x[] = {0.0, 1.0, 2.0};
    double a[6] = {7}, b[6] = {7};
    CHECK_OK(nis_laplace_response(system, 0, NULL, x, 3, a, 6));
    CHECK_OK(nis_laplace_frequency_response(system, x, 3, b, 6));
    CHECK(memcmp(a, b, sizeof a) == 0 && fabs(a[2] - 0.5) < 1e-15);
    CHECK_OK(nis_laplace_response(system, 1, NULL, x, 3, a, 3));
    CHECK(fabs(a[1] - (1.0 - exp(-1.0))) < 1e-14);
    CHECK_OK(nis_laplace_response(system, 2, NULL, x, 3, a, 3));
    CHECK(fabs(a[2] - exp(-2.0)) < 1e-14);
    int calls = 0;
    nis_call_options options = {.struct_size = sizeof options, .progress = stop, .user_data = &calls};
    nis_buffer out = {0};
    for (unsigned what = 0; what < 3; what++) {
        a[0] = 7;
        CHECK_FAILS(nis_laplace_response(system, what, &options, x, 3, a, what == 0 ? 6 : 3), NIS_ERR_CANCELLED);
        CHECK(a[0] == 7);
    }
    CHECK_FAILS(nis_laplace_describe(system, &options, &out), NIS_ERR_CANCELLED);
    CHECK(calls == 4 && out.ptr == NULL);
    CHECK_OK(nis_laplace_describe(system, NULL, &out));
    CHECK(holds(&out, "\"stable\":true") && holds(&out, "\"zeros\":[]"));
    nis_buffer_free(&out);
    CHECK_FAILS(nis_laplace_response(system, 3, NULL, x, 3, a, 3), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_response(system, 1, NULL, x, 3, a, 2), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_response(NULL, 1, NULL, x, 3, a, 3), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_describe(system, NULL, NULL), NIS_ERR_INVALID_INPUT);
    nis_laplace_system_free(system);
}

static void design(void) {
    nis_system_t *plant = make("{\"zpk\": {\"zeros\": [], \"poles\": [[0, 0], [-1, 0], [-2, 0]], \"gain\": 4}}");
    nis_buffer out = {0};
    CHECK_OK(nis_laplace_margins(plant, NULL, &out));
    CHECK(holds(&out, "\"closed_loop_stable\":true"));
    nis_buffer_free(&out);

    nis_system_t *one = make("{\"state_space\": {\"states\": 0, \"inputs\": 1, \"outputs\": 1, \"a\": [], \"b\": [],"
                             " \"c\": [], \"d\": [1]}}");
    const char *const ways[] = {"series", "parallel", "append", "feedback", "positive_feedback"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        nis_system_t *joined = NULL;
        size_t outputs = 0, inputs = 0;
        CHECK_OK(nis_laplace_connect(plant, one, ways[i], strlen(ways[i]), &joined));
        CHECK_OK(nis_laplace_system_size(joined, &outputs, &inputs));
        CHECK(outputs == inputs && outputs == (i == 2 ? 2u : 1u));
        nis_laplace_system_free(joined);
    }
    nis_system_t *closed = NULL;
    CHECK_OK(nis_laplace_connect(plant, one, "feedback", 8, &closed));
    const char *reduce = "{\"order\": 2, \"match_dc\": true}";
    CHECK_OK(nis_laplace_reduce(closed, reduce, strlen(reduce), NULL, &out));
    CHECK(holds(&out, "\"order\":2") && holds(&out, "\"error_bound\":"));
    nis_buffer_free(&out);
    nis_cancel_t *cancel = NULL;
    CHECK_OK(nis_cancel_new(&cancel));
    nis_cancel_set(cancel);
    nis_call_options stop = {.struct_size = sizeof stop};
    stop.cancel = cancel;
    CHECK_FAILS(nis_laplace_reduce(closed, NULL, 0, &stop, &out), NIS_ERR_CANCELLED);
    CHECK(out.ptr == NULL);
    nis_cancel_free(cancel);

    nis_system_t *sampled = NULL;
    const char *tustin = "{\"method\": \"tustin\", \"prewarp\": 1.0}";
    CHECK_OK(nis_laplace_discretize(closed, 0.1, tustin, strlen(tustin), &sampled));
    const double omega = 1.0;
    double a[2] = {0}, b[2] = {0};
    CHECK_OK(nis_laplace_frequency_response(closed, &omega, 1, a, 2));
    CHECK_OK(nis_laplace_frequency_response(sampled, &omega, 1, b, 2));
    CHECK(hypot(a[0] - b[0], a[1] - b[1]) < 1e-12);
    nis_laplace_system_free(sampled);
    nis_laplace_system_free(closed);
    nis_laplace_system_free(one);
    nis_laplace_system_free(plant);
}

static void misuse(void) {
    nis_system_t *system = NULL;
    nis_buffer out = {0};
    const char *no_pair = "{\"zpk\": {\"zeros\": [], \"poles\": [[-1, 1]], \"gain\": 1}}";
    CHECK_FAILS(nis_laplace_system_new(NULL, 0, &system), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_system_new("{", 1, &system), NIS_ERR_PARSE);
    CHECK_FAILS(nis_laplace_system_new("{}", 2, &system), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_system_new(no_pair, strlen(no_pair), &system), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_system_new(no_pair, strlen(no_pair), NULL), NIS_ERR_INVALID_INPUT);
    CHECK(system == NULL);
    system = make("{\"zpk\": {\"zeros\": [], \"poles\": [[-1, 0]], \"gain\": 1}}");
    const double t[] = {0.0, 1.0}, backwards[] = {1.0, 0.0};
    double y[2] = {7, 7};
    CHECK_FAILS(nis_laplace_step(NULL, t, 2, y, 2), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_step(system, t, 2, y, 1), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_step(system, backwards, 2, y, 2), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_step(system, NULL, 2, y, 2), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_simulate(system, t, 2, t, 2, NULL, 0, 9, y, 2), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_simulate(system, t, 2, t, 1, NULL, 0, 1, y, 2), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_grid(system, 2, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_connect(system, system, "twist", 5, &system), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_convert(system, 7, 1e-9, &system), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_discretize(system, -1.0, NULL, 0, &system), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_laplace_reduce(system, "{\"order\": 9}", 12, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK(y[0] == 7 && y[1] == 7 && out.ptr == NULL);
    nis_laplace_system_free(system);
    nis_laplace_system_free(NULL);
}

int main(void) {
    forms();
    long_responses();
    design();
    misuse();
    puts("laplace_system: ok");
    return 0;
}
