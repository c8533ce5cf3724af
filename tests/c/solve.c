/* Differential equations as text: solve, values, derivatives, certificate, save and load, data arrays, stopping. */
#include "check.h"
#include <math.h>

static const char heat[] = "{\"equations\": [\"u_t = a*u_xx\"], \"domain\": {\"x\": [0, 1], \"t\": [0, 0.5]},"
                           " \"conditions\": [\"u(x,0) = sin(pi*x)\", \"u(0,t) = 0\", \"u(1,t) = 0\"],"
                           " \"parameters\": {\"a\": 0.4}}";
/* Accuracy that takes little time under valgrind. */
static const char rough[] = "{\"tolerance\": 1e-4, \"threads\": 1}";

static double exact(double x, double t) {
    const double pi = acos(-1.0);
    return exp(-0.4 * pi * pi * t) * sin(pi * x);
}

static int count(const nis_step *step, void *user_data) {
    CHECK(step->stage_len > 0);
    ++*(int *)user_data;
    return 0;
}

static int stop(const nis_step *step, void *user_data) {
    (void)step;
    ++*(int *)user_data;
    return 1;
}

static nis_status solved(const char *problem, const char *options, const nis_call_options *call,
                         nis_solution_t **out) {
    return nis_solve(problem, strlen(problem), options, options == NULL ? 0 : strlen(options), NULL, NULL, 0, call,
                     out);
}

static void partial_differential_equation(void) {
    int calls = 0;
    nis_call_options call = {.struct_size = sizeof call};
    call.progress = count;
    call.user_data = &calls;
    nis_solution_t *solution = NULL;
    CHECK_OK(solved(heat, rough, &call, &solution));
    CHECK(calls > 0);

    size_t coordinates = 0, fields = 0;
    CHECK_OK(nis_solution_size(solution, &coordinates, &fields));
    CHECK(coordinates == 2 && fields == 1);
    CHECK_OK(nis_solution_size(solution, NULL, NULL));

    const double points[] = {0.5, 0.1, 0.25, 0.3, 0.9, 0.45};
    double u[3], u_t[3], u_xx[3];
    CHECK_OK(nis_solution_evaluate(solution, points, 3, 0, u, 3));
    CHECK_OK(nis_solution_derivative(solution, "u_t", 3, points, 3, u_t, 3));
    CHECK_OK(nis_solution_derivative(solution, "u_xx", 4, points, 3, u_xx, 3));
    for (int i = 0; i < 3; i++) {
        CHECK(fabs(u[i] - exact(points[2 * i], points[2 * i + 1])) < 1e-3);
        CHECK(fabs(u_t[i] - 0.4 * u_xx[i]) < 1e-2);
    }
    CHECK_OK(nis_solution_evaluate(solution, NULL, 0, 0, NULL, 0));

    /* Outside the domain only where asked for. */
    const double beyond[] = {0.5, 0.51};
    CHECK_FAILS(nis_solution_evaluate(solution, beyond, 1, 0, u, 1), NIS_ERR_INVALID_INPUT);
    CHECK_OK(nis_solution_evaluate(solution, beyond, 1, 1, u, 1));
    CHECK(fabs(u[0] - exact(0.5, 0.51)) < 1e-2);

    nis_buffer out = {0};
    CHECK_OK(nis_solution_json(solution, &out));
    CHECK(holds(&out, "\"coordinates\":[\"x\",\"t\"]") && holds(&out, "\"certificate\":{"));
    CHECK(holds(&out, "\"valid\":true"));
    nis_buffer_free(&out);

    const double values[] = {exact(0.5, 0.1), exact(0.25, 0.3), exact(0.9, 0.45)};
    CHECK_OK(nis_solution_compare(solution, points, values, 3, &out));
    CHECK(holds(&out, "\"points\":3") && holds(&out, "\"relative_l2\":"));
    nis_buffer_free(&out);

    /* Saved and loaded, it gives the same bits. */
    CHECK_OK(nis_solution_save(solution, &out));
    nis_solution_t *again = NULL;
    CHECK_OK(nis_solution_load((const char *)out.ptr, out.len, &again));
    double other[3];
    CHECK_OK(nis_solution_evaluate(solution, points, 3, 0, u, 3));
    CHECK_OK(nis_solution_evaluate(again, points, 3, 0, other, 3));
    CHECK(memcmp(u, other, sizeof u) == 0);
    nis_solution_free(again);
    nis_solution_t *untouched = NULL;
    CHECK_FAILS(nis_solution_load((const char *)out.ptr, out.len / 2, &untouched), NIS_ERR_PARSE);
    CHECK(untouched == NULL);
    nis_buffer_free(&out);

    /* What does not fit leaves the outputs alone. */
    u[0] = 42.0;
    CHECK_FAILS(nis_solution_evaluate(solution, points, 3, 0, u, 2), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_solution_evaluate(NULL, points, 3, 0, u, 3), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_solution_derivative(solution, "w_x", 3, points, 3, u, 3), NIS_ERR_NOT_FOUND);
    CHECK_FAILS(nis_solution_compare(solution, points, NULL, 3, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_solution_json(NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_solution_save(NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_solution_size(NULL, NULL, NULL), NIS_ERR_INVALID_INPUT);
    CHECK(u[0] == 42.0 && out.ptr == NULL);
    nis_solution_free(solution);
    nis_solution_free(NULL);
}

static void parameter_from_arrays(void) {
    const char *problem = "{\"equations\": [\"y' = -k*y\"], \"domain\": {\"t\": [0, 2]},"
                          " \"conditions\": [\"y(0) = 1\"], \"parameters\": {\"k\": {\"start\": 1.0}},"
                          " \"data\": {\"fields\": [\"y\"]}}";
    double t[21], y[21];
    for (int i = 0; i < 21; i++) {
        t[i] = 0.1 * i;
        y[i] = exp(-0.7 * t[i]);
    }
    nis_solution_t *solution = NULL;
    CHECK_OK(nis_solve(problem, strlen(problem), NULL, 0, t, y, 21, NULL, &solution));
    nis_buffer out = {0};
    CHECK_OK(nis_solution_json(solution, &out));
    CHECK(holds(&out, "\"parameters\":[{\"name\":\"k\",\"value\":0.7") ||
          holds(&out, "\"parameters\":[{\"name\":\"k\",\"value\":0.69999"));
    nis_buffer_free(&out);
    nis_solution_free(solution);

    nis_solution_t *untouched = NULL;
    CHECK_FAILS(nis_solve(problem, strlen(problem), NULL, 0, NULL, y, 21, NULL, &untouched), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_solve(heat, strlen(heat), NULL, 0, t, y, 21, NULL, &untouched), NIS_ERR_INVALID_INPUT);
    CHECK(untouched == NULL);
}

static void refusals_and_stopping(void) {
    nis_solution_t *out = NULL;
    CHECK_FAILS(solved("{", NULL, NULL, &out), NIS_ERR_PARSE);
    CHECK_FAILS(solved("{\"equations\": [\"u_t = a*u_xx\"], \"nonsense\": 1}", NULL, NULL, &out),
                NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(solved(heat, "{\"metod\": \"auto\"}", NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_solve(NULL, 0, NULL, 0, NULL, NULL, 0, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(solved(heat, NULL, NULL, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_solution_load(NULL, 0, &out), NIS_ERR_INVALID_INPUT);

    int calls = 0;
    nis_call_options call = {.struct_size = sizeof call};
    call.progress = stop;
    call.user_data = &calls;
    CHECK_FAILS(solved(heat, rough, &call, &out), NIS_ERR_CANCELLED);
    CHECK(calls == 1);

    nis_cancel_t *cancel = NULL;
    CHECK_OK(nis_cancel_new(&cancel));
    nis_cancel_set(cancel);
    call.progress = NULL;
    call.cancel = cancel;
    CHECK_FAILS(solved(heat, rough, &call, &out), NIS_ERR_CANCELLED);
    nis_cancel_free(cancel);
    CHECK(out == NULL);
}

int main(void) {
    partial_differential_equation();
    parameter_from_arrays();
    refusals_and_stopping();
    return 0;
}
