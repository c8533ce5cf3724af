/* Physics checks in C: claims as JSON, values from memory, misuse. */
#include "check.h"
#include <math.h>

static nis_buffer judged(const char *spec, const nis_physics_array *arrays, size_t count) {
    nis_buffer out = {0};
    CHECK_OK(nis_physics_validate(spec, strlen(spec), arrays, count, NULL, &out));
    return out;
}

static void says(const char *spec, const char *overall) {
    nis_buffer out = judged(spec, NULL, 0);
    CHECK(holds(&out, overall));
    nis_buffer_free(&out);
}

static void scenarios(void) {
    says("{\"claims\": [{\"law\": \"energy_balance\", \"before\": 0, \"after\": \"1 kJ\"}]}", "\"overall\":\"violated\"");
    says("{\"claims\": [{\"law\": \"speed\", \"value\": 4e8}]}", "\"overall\":\"violated\"");
    says("{\"claims\": [{\"law\": \"speed\", \"value\": \"5 km/h\"}]}", "\"overall\":\"valid\"");
    says("{\"claims\": [{\"law\": \"equation\", \"text\": \"test\"}]}", "\"overall\":\"not_checked\"");
    says("{\"numbers\": {\"F\": 100, \"m\": 5, \"a\": 20}, \"claims\": [{\"law\": \"equation\", \"text\": \"F = m*a\"}]}",
         "\"overall\":\"valid\"");
    says("{\"claims\": [{\"law\": \"collision\", \"masses\": [1, 2], \"before\": [3, 0], \"after\": [-2, 2.5]}]}",
         "\"overall\":\"violated\"");
    says("{}", "\"overall\":\"not_checked\"");
}

/* Free fall from arrays; the height is in centimetres. */
static void arrays(void) {
    enum { N = 75 };
    double t[N], y[N];
    for (int i = 0; i < N; i++) {
        t[i] = 0.02 * i;
        y[i] = 100.0 * (2.0 + 6.0 * t[i] - 0.5 * 9.80665 * t[i] * t[i]);
    }
    const nis_physics_array given[] = {{"t", 1, t, N}, {"y", 1, y, N}};
    const char *earth = "{\"columns\": {\"y\": {\"unit\": \"cm\"}}, \"claims\": [{\"law\": \"free_fall\", \"height\": \"y\"}]}";
    nis_buffer out = judged(earth, given, 2);
    CHECK(holds(&out, "\"overall\":\"valid\""));
    CHECK(holds(&out, "\"gravity\""));
    nis_buffer_free(&out);
    const char *moon = "{\"columns\": {\"y\": {\"unit\": \"cm\"}}, \"claims\": [{\"law\": \"free_fall\", \"height\": \"y\", "
                       "\"gravity\": 1.62}]}";
    out = judged(moon, given, 2);
    CHECK(holds(&out, "\"overall\":\"violated\""));
    nis_buffer_free(&out);
    /* One missing value: no verdict. */
    y[7] = NAN;
    out = judged(earth, given, 2);
    CHECK(holds(&out, "\"overall\":\"not_checked\""));
    nis_buffer_free(&out);
}

static int stop(const nis_step *step, void *user_data) {
    (void)step;
    (void)user_data;
    return 1;
}

static void misuse(void) {
    nis_buffer out = {0};
    const char *spec = "{}";
    CHECK_FAILS(nis_physics_validate(NULL, 0, NULL, 0, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_physics_validate(spec, 2, NULL, 0, NULL, NULL), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_physics_validate(spec, 2, NULL, 1, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_physics_validate("{", 1, NULL, 0, NULL, &out), NIS_ERR_PARSE);
    const nis_physics_array nameless = {NULL, 0, NULL, 0}, empty = {"x", 1, NULL, 3};
    CHECK_FAILS(nis_physics_validate(spec, 2, &nameless, 1, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK_FAILS(nis_physics_validate(spec, 2, &empty, 1, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "arrays[0].values") != NULL);
    const char *wrong = "{\"claims\": [{\"law\": \"magic\"}]}";
    CHECK_FAILS(nis_physics_validate(wrong, strlen(wrong), NULL, 0, NULL, &out), NIS_ERR_INVALID_INPUT);
    const char *unit = "{\"claims\": [{\"law\": \"speed\", \"value\": \"5 kg\"}]}";
    CHECK_FAILS(nis_physics_validate(unit, strlen(unit), NULL, 0, NULL, &out), NIS_ERR_INVALID_INPUT);
    CHECK(strstr(nis_last_error()->message, "claims[0].value") != NULL);
    nis_call_options options = {.struct_size = sizeof options};
    options.progress = stop;
    CHECK_FAILS(nis_physics_validate(spec, 2, NULL, 0, &options, &out), NIS_ERR_CANCELLED);
    CHECK(out.ptr == NULL);
}

int main(void) {
    scenarios();
    arrays();
    misuse();
    return 0;
}
