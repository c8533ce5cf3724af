/* Real work through every function: chat, health, analysis, progress, cancelling, errors per thread. */
#include "check.h"
#include <pthread.h>
#include <time.h>

static nis_t *nis;

static const char *const SUNSPOTS = "{\"path\": \"examples/data/sunspots.csv\"}";

typedef struct {
    unsigned calls;
    unsigned stop_at; /* 0: never */
    int inside;
} Watch;

static int watch(const nis_step *step, void *user_data) {
    Watch *w = user_data;
    CHECK(++w->inside == 1); /* never two at once */
    CHECK(step->stage_len > 0);
    CHECK(step->total == 0 || step->done <= step->total);
    w->calls++;
    w->inside--;
    return w->stop_at != 0 && w->calls >= w->stop_at;
}

static void chat_and_health(void) {
    nis_buffer out = {0};
    const char *request = "{\"message\": \"What is 2+2?\", \"user_id\": \"c\"}";
    CHECK_OK(nis_chat(nis, request, strlen(request), &out));
    CHECK(holds(&out, "\"response\":"));
    CHECK(holds(&out, "4"));
    CHECK(holds(&out, "\"real_ai\":false"));
    CHECK(holds(&out, "\"user_id\":\"c\""));
    CHECK(holds(&out, "\"conversation_id\":\"conv_"));
    nis_buffer_free(&out);
    CHECK_OK(nis_health(nis, &out));
    CHECK(holds(&out, "\"agents_registered\":14"));
    CHECK(holds(&out, "\"offline\""));
    nis_buffer_free(&out);
}

static void analysis(void) {
    nis_buffer out = {0};
    Watch w = {0};
    nis_call_options options = {.struct_size = sizeof options};
    options.progress = watch;
    options.user_data = &w;
    CHECK_OK(nis_analyze(nis, SUNSPOTS, strlen(SUNSPOTS), &options, &out));
    CHECK(w.calls > 0);
    CHECK(holds(&out, "\"mode\":\"series\""));
    CHECK(holds(&out, "\"findings\":["));
    nis_buffer_free(&out);

    /* Columns keep their order, and a law explains the last: y = 2 x here. */
    const char *law = "{\"columns\": {\"x\": [1,2,3,4,5,6,7,8,9,10,11,12], \"a\": [2,4,6,8,10,12,14,16,18,20,22,24]},"
                      " \"source\": \"twice\", \"options\": {\"law\": true}}";
    CHECK_OK(nis_analyze(nis, law, strlen(law), NULL, &out));
    CHECK(holds(&out, "\"source\":\"twice\""));
    CHECK(holds(&out, "\"mode\":\"law\""));
    nis_buffer_free(&out);
}

static void stopping(void) {
    nis_buffer out = {0};
    Watch w = {0, 1, 0};
    nis_call_options options = {.struct_size = sizeof options};
    options.progress = watch;
    options.user_data = &w;
    CHECK_FAILS(nis_analyze(nis, SUNSPOTS, strlen(SUNSPOTS), &options, &out), NIS_ERR_CANCELLED);
    CHECK(w.calls == 1); /* no call after it said stop */
    CHECK(out.ptr == NULL);

    /* A flag that is set before. */
    nis_cancel_t *cancel = NULL;
    CHECK_OK(nis_cancel_new(&cancel));
    nis_cancel_set(cancel);
    nis_call_options flagged = {.struct_size = sizeof flagged};
    flagged.cancel = cancel;
    CHECK_FAILS(nis_analyze(nis, SUNSPOTS, strlen(SUNSPOTS), &flagged, &out), NIS_ERR_CANCELLED);
    CHECK(out.ptr == NULL);
    nis_cancel_free(cancel);
}

/* Another thread sets the flag as soon as the work reports; it goes on until then. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t started;
    int running;
    nis_cancel_t *cancel;
} Race;

static int tell(const nis_step *step, void *user_data) {
    Race *race = user_data;
    (void)step;
    pthread_mutex_lock(&race->lock);
    const int first = !race->running;
    race->running = 1;
    pthread_cond_signal(&race->started);
    pthread_mutex_unlock(&race->lock);
    if (first) {
        const struct timespec pause = {0, 200 * 1000 * 1000}; /* for the other thread to set the flag */
        nanosleep(&pause, NULL);
    }
    return 0;
}

static void *canceller(void *argument) {
    Race *race = argument;
    pthread_mutex_lock(&race->lock);
    while (!race->running) {
        pthread_cond_wait(&race->started, &race->lock);
    }
    pthread_mutex_unlock(&race->lock);
    nis_cancel_set(race->cancel);
    return NULL;
}

static void stopping_from_another_thread(void) {
    Race race = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, NULL};
    CHECK_OK(nis_cancel_new(&race.cancel));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, canceller, &race) == 0);
    nis_call_options options = {.struct_size = sizeof options};
    options.progress = tell;
    options.user_data = &race;
    options.cancel = race.cancel;
    nis_buffer out = {0};
    CHECK_FAILS(nis_analyze(nis, SUNSPOTS, strlen(SUNSPOTS), &options, &out), NIS_ERR_CANCELLED);
    CHECK(out.ptr == NULL);
    pthread_join(thread, NULL);
    nis_cancel_free(race.cancel);
}

/* Threads share the handle; each has its own last error. */
static void *other_thread(void *argument) {
    nis_buffer out = {0};
    CHECK(nis_last_error()->code == NIS_OK); /* the main thread's failure is not seen here */
    CHECK_FAILS(nis_chat(nis, "{", 1, &out), NIS_ERR_PARSE);
    for (int i = 0; i < 20; i++) {
        chat_and_health();
    }
    CHECK_FAILS(nis_chat(nis, "{", 1, &out), NIS_ERR_PARSE);
    return argument;
}

static void errors_per_thread(void) {
    nis_buffer out = {0};
    CHECK_FAILS(nis_health(NULL, &out), NIS_ERR_INVALID_INPUT);
    const nis_error *mine = nis_last_error();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&threads[i], NULL, other_thread, NULL) == 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(nis_last_error() == mine);
    CHECK(mine->code == NIS_ERR_INVALID_INPUT);
}

static void several_runtimes(void) {
    for (int i = 0; i < 5; i++) {
        nis_t *one = NULL;
        CHECK_OK(nis_new("{}", 2, &one));
        nis_buffer out = {0};
        CHECK_OK(nis_health(one, &out));
        CHECK(holds(&out, "\"conversations_active\":0")); /* isolated from the others */
        nis_buffer_free(&out);
        nis_free(one);
    }
}

int main(void) {
    CHECK_OK(nis_new("{}", 2, &nis));
    chat_and_health();
    analysis();
    stopping();
    stopping_from_another_thread();
    errors_per_thread();
    several_runtimes();
    nis_free(nis);
    return 0;
}
