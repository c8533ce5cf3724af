/* The inverse Laplace transform from C: formulas, functions, pole-residue forms, and what is refused. */
#include "check.h"
#include <math.h>

typedef struct {
    unsigned calls;
    size_t points;
    unsigned stop_at; /* 0: never */
} Seen;

/* 1/(s + 1) */
static int decay(const double *s, double *out, size_t n, void *user_data) {
    Seen *seen = user_data;
    seen->calls++;
    seen->points += n;
    for (size_t i = 0; i < n; i++) {
        double re = s[2 * i] + 1.0, im = s[2 * i + 1];
        double d = re * re + im * im;
        out[2 * i] = re / d;
        out[2 * i + 1] = -im / d;
    }
    return seen->stop_at != 0 && seen->calls >= seen->stop_at;
}

int main(void) {
    const double t[] = {0.5, 1.5, 2.5};
    double value[3] = {7.0, 7.0, 7.0}, error[3] = {7.0, 7.0, 7.0};
    nis_buffer out = {0};

    const char *square = "1/(s*(1 + exp(-s)))";
    CHECK_OK(nis_laplace_invert(square, strlen(square), t, 3, NULL, 0, NULL, &out));
    CHECK(holds(&out, "\"delays\":[0.0,1.0,2.0]"));
    CHECK(holds(&out, "\"error\":["));
    nis_buffer_free(&out);

    Seen seen = {0};
    CHECK_OK(nis_laplace_invert_function(decay, &seen, t, 3, NULL, 0, NULL, value, error, NULL));
    CHECK(seen.calls > 0 && seen.points > seen.calls);
    for (int i = 0; i < 3; i++) {
        CHECK(fabs(value[i] - exp(-t[i])) <= 1e-12);
        CHECK(error[i] >= 0.0 && error[i] <= 1e-11);
    }
    const char *talbot = "{\"method\": \"talbot\", \"abscissa\": 0.0, \"nodes\": 12}";
    CHECK_OK(nis_laplace_invert_function(decay, &seen, t, 3, talbot, strlen(talbot), NULL, value, error, &out));
    CHECK(holds(&out, "\"method\":[\"talbot\",\"talbot\",\"talbot\"]"));
    CHECK(fabs(value[0] - exp(-0.5)) <= 1e-10);
    nis_buffer_free(&out);

    const char *system = "{\"outputs\": 1, \"inputs\": 1, \"terms\": [{\"pole\": [-2, 0], \"residue\": [[3, 0]]}]}";
    CHECK_OK(nis_laplace_invert_poles(system, strlen(system), t, 3, value, error));
    CHECK(fabs(value[1] - 3.0 * exp(-3.0)) <= 1e-15);

    /* What is refused leaves the results as they were. */
    value[0] = 7.0;
    const double bad[] = {1.0, -1.0};
    CHECK(nis_laplace_invert_function(decay, &seen, bad, 2, NULL, 0, NULL, value, error, NULL) ==
          NIS_ERR_INVALID_INPUT);
    CHECK(value[0] == 7.0);
    CHECK(nis_laplace_invert_function(NULL, NULL, t, 3, NULL, 0, NULL, value, error, NULL) == NIS_ERR_INVALID_INPUT);
    Seen stop = {.stop_at = 1};
    CHECK(nis_laplace_invert_function(decay, &stop, t, 3, NULL, 0, NULL, value, error, NULL) == NIS_ERR_CANCELLED);
    CHECK(nis_laplace_invert("1/(s +", 6, t, 3, NULL, 0, NULL, &out) == NIS_ERR_PARSE);
    CHECK(nis_laplace_invert("abs(s)", 6, t, 3, NULL, 0, NULL, &out) == NIS_ERR_INVALID_INPUT);
    CHECK(nis_laplace_invert("1/(s+a)", 7, t, 3, NULL, 0, NULL, &out) == NIS_ERR_NOT_FOUND);
    CHECK(nis_laplace_invert(square, strlen(square), t, 3, "{\"metod\":1}", 11, NULL, &out) != NIS_OK);
    CHECK(nis_laplace_invert_poles("{}", 2, t, 3, value, error) != NIS_OK);
    CHECK(out.ptr == NULL);
    puts("laplace_inverse: ok");
    return 0;
}
