//! The C functions that generated sources share. `@P` stands for the prefix, `@R` for `double` or `float`, `@f` for
//! the suffix of functions of <math.h>, `@W` for the most values of a local basis.

/// The knot interval that holds x; the last one holds the end of the grid.
pub(super) const SPAN: &str = "\
static int @P_span(const @R *t, int n, int k, @R x)
{
    int low = k, high = n;
    while (high - low > 1) {
        const int middle = low + (high - low) / 2;
        if (t[middle] <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    while (low > k && t[low] == t[low + 1]) {
        low--;
    }
    return low;
}

/* The functions of degree p that do not vanish in a span: numbers span - p to span. */
static void @P_values(const @R *t, int span, int p, @R x, @R *v)
{
    int j, r;
    v[0] = 1;
    for (j = 1; j <= p; j++) {
        @R saved = 0;
        for (r = 0; r < j; r++) {
            const @R left = t[span + 1 + r - j], right = t[span + 1 + r];
            const @R term = v[r] / (right - left);
            v[r] = saved + (right - x) * term;
            saved = (x - left) * term;
        }
        v[j] = saved;
    }
}
";

/// B-splines that go on along their tangents.
pub(super) const LINEAR_SPLINE: &str = "\
static int @P_spline(const @R *t, int n, int k, @R x, @R *v)
{
    const @R a = t[k], b = t[n];
    @R lower[@W], end, step;
    int span, r;
    if (x >= a && x <= b) {
        span = @P_span(t, n, k, x);
        @P_values(t, span, k, x, v);
        return span - k;
    }
    end = x < a ? a : b;
    step = x - end;
    span = @P_span(t, n, k, end);
    @P_values(t, span, k, end, v);
    @P_values(t, span, k - 1, end, lower);
    for (r = 0; r <= k; r++) {
        const int i = span - k + r;
        @R slope = 0;
        if (r > 0 && t[i + k] > t[i]) {
            slope += lower[r - 1] / (t[i + k] - t[i]);
        }
        if (r < k && t[i + k + 1] > t[i + 1]) {
            slope -= lower[r] / (t[i + k + 1] - t[i + 1]);
        }
        v[r] += step * (@R)k * slope;
    }
    return span - k;
}
";

/// B-splines that fade to zero over the extension of the knots.
pub(super) const NATURAL_SPLINE: &str = "\
/* One function by the recurrence, for points beyond the grid. */
static @R @P_one(const @R *t, int k, @R x)
{
    @R b[@W];
    int j, p;
    for (j = 0; j <= k; j++) {
        b[j] = t[j] <= x && x < t[j + 1] ? 1 : 0;
    }
    for (p = 1; p <= k; p++) {
        for (j = 0; j <= k - p; j++) {
            const @R left = t[j + p] - t[j], right = t[j + p + 1] - t[j + 1];
            b[j] = (left > 0 ? (x - t[j]) / left * b[j] : 0) + (right > 0 ? (t[j + p + 1] - x) / right * b[j + 1] : 0);
        }
    }
    return b[0];
}

static int @P_fading_spline(const @R *t, int n, int k, @R x, @R *v)
{
    int span, first, r;
    if (x >= t[k] && x <= t[n]) {
        span = @P_span(t, n, k, x);
        @P_values(t, span, k, x, v);
        return span - k;
    }
    if (x >= t[0] && x < t[n + k]) {
        for (span = 0; t[span + 1] <= x; span++) {
        }
        first = span < k ? 0 : span - k;
        first = first > n - k - 1 ? n - k - 1 : first;
        for (r = 0; r <= k; r++) {
            v[r] = @P_one(t + first + r, k, x);
        }
        return first;
    }
    for (r = 0; r <= k; r++) {
        v[r] = 0;
    }
    return 0;
}
";

/// Families that reach over the whole grid: values and derivatives by the variable that is -1 and 1 at its ends.
pub(super) const CHEBYSHEV: &str = "\
static void @P_chebyshev(int n, @R t, @R *v, @R *d)
{
    int i;
    for (i = 0; i < n; i++) {
        v[i] = i == 0 ? 1 : i == 1 ? t : 2 * t * v[i - 1] - v[i - 2];
        d[i] = i == 0 ? 0 : i == 1 ? 1 : 2 * v[i - 1] + 2 * t * d[i - 1] - d[i - 2];
    }
}
";

pub(super) const FOURIER: &str = "\
static void @P_fourier(int n, @R t, @R *v, @R *d)
{
    int i;
    for (i = 0; i < n; i++) {
        const @R w = @PI * (@R)((i + 1) / 2);
        const @R s = sin@f(w * t), c = cos@f(w * t);
        const int odd = i % 2 == 0 && i > 0;
        v[i] = odd ? s : c;
        d[i] = odd ? w * c : -w * s;
    }
}
";

pub(super) const RBF: &str = "\
static void @P_rbf(int n, @R t, @R *v, @R *d)
{
    const @R h = 2 / (@R)((n > 2 ? n : 2) - 1);
    int i;
    for (i = 0; i < n; i++) {
        const @R u = (t + 1) / h - (@R)i;
        v[i] = exp@f(-u * u);
        d[i] = -2 * u * v[i] / h;
    }
}
";

pub(super) const RATIONAL: &str = "\
static void @P_rational(int n, @R t, @R *v, @R *d)
{
    const @R root = hypot@f(t, 1), slope = 1 / (root * root * root);
    int i;
    @P_chebyshev(n, t / root, v, d);
    for (i = 0; i < n; i++) {
        d[i] *= slope;
    }
}
";

pub(super) const SILU: &str = "\
static @R @P_silu(@R x)
{
    return x * (1 / (1 + exp@f(-x)));
}
";

pub(super) const POWER: &str = "\
static @R @P_power(@R x, int n)
{
    @R out = 1;
    unsigned left = n < 0 ? 0u - (unsigned)n : (unsigned)n;
    for (; left > 0; left >>= 1) {
        if (left & 1u) {
            out *= x;
        }
        x *= x;
    }
    return n < 0 ? 1 / out : out;
}
";

pub(super) const SIGN: &str = "\
static @R @P_sign(@R x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x * 0;
}
";
