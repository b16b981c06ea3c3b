/* net/loop.h, net/clock.h and net/random.h on the simulated clock. */
#include "net_internal.h"

#include "mem.h"

#include <net/clock.h>
#include <net/random.h>

#include <stdlib.h>
#include <string.h>

/* ---- clocks ---- */

/* 2026-01-01 */
static const uint64_t WALL_BEGIN_MS = 1767225600000;

uint64_t sio_clock_wall_ms(void) {
    return WALL_BEGIN_MS + sim_the.now_us / 1000;
}

uint64_t sio_clock_us(void) {
    return sim_the.now_us;
}

sio_time sio_loop_now(sio_loop *loop) {
    return sim_the.now_us / 1000;
}

/* ---- callbacks and deferred work ---- */

void sim_loop_enter(sio_loop *loop) {
    loop->depth++;
}

void sim_loop_run_tasks(sio_loop *loop) {
    sio_list *link;
    while ((link = sio_list_shift(&loop->tasks)) != NULL) {
        sio_task *task = SIO_CONTAINER(link, sio_task, link);
        task->fn(task->ctx);
    }
}

void sim_loop_leave(sio_loop *loop) {
    if (loop->depth == 1) {
        sim_loop_run_tasks(loop);
    }
    loop->depth--;
}

bool sio_loop_in_callback(const sio_loop *loop) {
    return loop->depth > 0;
}

/* One thread runs everything. */
bool sio_loop_in_thread(const sio_loop *loop) {
    return true;
}

void sio_task_init(sio_task *task, void (*fn)(void *ctx), void *ctx) {
    sio_list_init(&task->link);
    task->fn = fn;
    task->ctx = ctx;
}

void sio_loop_defer(sio_loop *loop, sio_task *task) {
    if (sio_list_linked(&task->link)) {
        return;
    }
    sio_list_push(&loop->tasks, &task->link);
    if (loop->depth == 0) {
        sim_loop_schedule_turn(loop);
    }
}

void sio_task_cancel(sio_task *task) {
    sio_list_remove(&task->link);
}

bool sim_loop_puts_off(const sio_loop *loop, sim_event *event) {
    if (loop->stalled_until <= sim_the.now_us) {
        return false;
    }
    sim_event_at(event, loop->stalled_until);
    return true;
}

void sim_loop_schedule_turn(sio_loop *loop) {
    if (!sim_event_queued(&loop->turn)) {
        sim_event_after(&loop->turn, 0);
    }
}

static void on_turn(void *ctx) {
    sio_loop *loop = ctx;
    if (sim_loop_puts_off(loop, &loop->turn)) {
        return;
    }
    sim_loop_enter(loop);
    sim_loop_run_tasks(loop);
    sim_loop_flush_streams(loop);
    sim_loop_run_tasks(loop);
    sim_loop_leave(loop);
}

void sio_loop_on_quiet(sio_loop *loop, void (*fn)(void *ctx), void *ctx) {
    sio_task_cancel(&loop->quiet_task);
    sio_task_init(&loop->quiet_task, fn, ctx);
}

void sim_loop_stream_gone(sio_loop *loop) {
    if (--loop->streams == 0 && loop->quiet_task.fn) {
        sio_loop_defer(loop, &loop->quiet_task);
    }
}

static void on_after(void *ctx) {
    sio_loop *loop = ctx;
    if (!sim_loop_puts_off(loop, &loop->after)) {
        loop->after_fn(loop->after_ctx);
    }
}

void sio_loop_after(sio_loop *loop, void (*fn)(void *ctx), void *ctx) {
    loop->after_fn = fn;
    loop->after_ctx = ctx;
    sim_event_after(&loop->after, 0);
}

/* ---- posts ---- */

static void run_posts(sio_loop *loop, bool cancelled) {
    sio_post *post = loop->posts;
    loop->posts = NULL;
    loop->posts_end = &loop->posts;
    while (post) {
        sio_post *next = post->next;
        sim_loop_enter(loop);
        post->fn(post, cancelled);
        sim_loop_leave(loop);
        post = next;
    }
}

static void on_posted(void *ctx) {
    sio_loop *loop = ctx;
    if (!sim_loop_puts_off(loop, &loop->posted)) {
        run_posts(loop, false);
    }
}

void sio_loop_post_node(sio_loop *loop, sio_post *post) {
    post->next = NULL;
    *loop->posts_end = post;
    loop->posts_end = &post->next;
    if (!sim_event_queued(&loop->posted)) {
        sim_event_after(&loop->posted, 0);
    }
}

typedef struct post_call {
    sio_post post;
    sio_loop *loop;
    sio_post_fn fn;
    void *arg;
} post_call;

static void call_post(sio_post *post, bool cancelled) {
    post_call call = *SIO_CONTAINER(post, post_call, post);
    sio_mem_release(call.loop->mem, SIO_CONTAINER(post, post_call, post));
    call.fn(call.arg, cancelled);
}

int sio_loop_post(sio_loop *loop, sio_post_fn fn, void *arg) {
    post_call *call = sio_mem_alloc(loop->mem, sizeof(*call));
    if (!call) {
        return SIO_ERR_NOMEM;
    }
    *call = (post_call){.post.fn = call_post, .loop = loop, .fn = fn, .arg = arg};
    sio_loop_post_node(loop, &call->post);
    return 0;
}

/* ---- memory for messages, as in libsio-net ---- */

enum { BUFFERS_AGE_MS = 1000 };

static void age_buffers(void *ctx) {
    sio_loop *loop = ctx;
    sio_buffer_pool_age(loop->buffers);
    if (sio_buffer_pool_kept(loop->buffers) > 0) {
        sio_timer_start(&loop->buffers_timer, BUFFERS_AGE_MS);
    }
}

static void buffers_kept(void *ctx) {
    sio_loop *loop = ctx;
    if (!sio_timer_running(&loop->buffers_timer)) {
        sio_timer_start(&loop->buffers_timer, BUFFERS_AGE_MS);
    }
}

static int open_buffers(sio_loop *loop) {
    int rc = sio_timer_init(&loop->buffers_timer, loop, age_buffers, loop);
    return rc != 0 ? rc : sio_buffer_pool_new(&loop->buffers, loop->mem, buffers_kept, loop);
}

const sio_mem *sio_loop_message_mem(const sio_loop *loop) {
    return sio_buffer_pool_mem(loop->buffers);
}

/* ---- life ---- */

int sio_loop_new(sio_loop **out, const sio_loop_options *options) {
    const sio_mem *mem = options ? options->mem : NULL;
    sio_loop *loop = sio_mem_zalloc(mem, sizeof(*loop));
    if (!loop) {
        return SIO_ERR_NOMEM;
    }
    if (mem) {
        loop->mem_copy = *mem;
        loop->mem = &loop->mem_copy;
    }
    if (options) {
        loop->log = options->log;
    }
    loop->id = ++sim_the.loop_ids;
    loop->posts_end = &loop->posts;
    sio_list_push(&sim_the.loops, &loop->link);
    sio_list_init(&loop->tasks);
    sio_list_init(&loop->dirty);
    sio_list_init(&loop->closing);
    sio_list_init(&loop->lookups);
    sio_task_init(&loop->quiet_task, NULL, NULL);
    sio_chunk_pool_init(&loop->pool, loop->mem);
    sim_event_init(&loop->turn, on_turn, loop);
    sim_event_init(&loop->posted, on_posted, loop);
    sim_event_init(&loop->after, on_after, loop);
    int rc = open_buffers(loop);
    if (rc != 0) {
        sio_loop_free(loop);
        return rc;
    }
    *out = loop;
    return 0;
}

void sio_loop_free(sio_loop *loop) {
    if (!loop) {
        return;
    }
    SIM_CHECK(loop->depth == 0, "a loop is freed inside its own callback");
    sim_lookups_cancel(loop);
    while (loop->posts) {
        run_posts(loop, true);
    }
    sim_loop_cut_closing(loop);
    sio_buffer_pool_free(loop->buffers);
    sio_timer_done(&loop->buffers_timer);
    SIM_CHECK(loop->streams == 0, "a loop is freed while it has %zu streams", loop->streams);
    SIM_CHECK(loop->timers == 0, "a loop is freed while it has %zu timers", loop->timers);
    sim_event_cancel(&loop->turn);
    sim_event_cancel(&loop->posted);
    sim_event_cancel(&loop->after);
    sio_chunk_pool_free(&loop->pool);
    sio_list_remove(&loop->link);
    sio_mem mem = loop->mem_copy;
    sio_mem_release(loop->mem ? &mem : NULL, loop);
}

int sio_loop_run(sio_loop *loop) {
    if (loop->running || loop->depth > 0) {
        return SIO_ERR_STATE;
    }
    loop->running = true;
    while (!loop->stopping && sim_step()) {
    }
    loop->running = false;
    loop->stopping = false;
    return 0;
}

void sio_loop_stop(sio_loop *loop) {
    loop->stopping = true;
}

void sim_stall_all(bool (*pick)(const sio_loop *loop, void *user), void *user, uint64_t until_us) {
    for (sio_list *link = sim_the.loops.next; link != &sim_the.loops; link = link->next) {
        sio_loop *loop = SIO_CONTAINER(link, sio_loop, link);
        if (pick(loop, user)) {
            loop->stalled_until = until_us;
        }
    }
}

/* ---- asking ---- */

size_t sio_loop_stream_count(const sio_loop *loop) {
    return loop->streams;
}

size_t sio_loop_queued(const sio_loop *loop) {
    return loop->pool.queued;
}

struct event_base *sio_loop_base(const sio_loop *loop) {
    return NULL;
}

const sio_mem *sio_loop_mem(const sio_loop *loop) {
    return loop->mem;
}

const sio_log *sio_loop_log(const sio_loop *loop) {
    return &loop->log;
}

/* ---- randomness ---- */

void sim_net_no_random(bool on) {
    sim_the.no_random = on;
}

int sio_random_fill(sio_loop *loop, void *out, size_t len) {
    uint8_t *to = out;
    if (sim_the.no_random) {
        memset(out, 0, len);
        return SIO_ERR_RANDOM;
    }
    for (size_t done = 0; done < len; done += 8) {
        uint64_t word = sim_next(&sim_the.random);
        memcpy(to + done, &word, len - done < 8 ? len - done : 8);
    }
    return 0;
}

int sio_random_sid(sio_loop *loop, char out[SIO_SID_LEN]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t raw[SIO_SID_LEN];
    int rc = sio_random_fill(loop, raw, sizeof(raw));
    for (size_t i = 0; rc == 0 && i < SIO_SID_LEN; i++) {
        out[i] = digits[raw[i] & 63];
    }
    return rc;
}
