#include "loop_internal.h"

#include "net/figure.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* -- the clock -- */

static sio_time clock_ms(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (sio_time)ts.tv_sec * 1000 + (sio_time)ts.tv_nsec / 1000000;
}

sio_time sio_loop_now(sio_loop *loop) {
    if (!loop->now_valid) {
        loop->now = clock_ms();
        /* Outside of callbacks nobody would say when it is out of date. */
        loop->now_valid = loop->depth > 0;
    }
    return loop->now;
}

/* -- callbacks and deferred work -- */

static void note_thread(sio_loop *loop) {
    uintptr_t self = (uintptr_t)pthread_self();
    if (atomic_load_explicit(&loop->thread, memory_order_relaxed) != self) {
        atomic_store_explicit(&loop->thread, self, memory_order_relaxed);
    }
    sio_buffer_pool_own(loop->buffers, self);
}

bool sio_loop_in_thread(const sio_loop *loop) {
    return atomic_load_explicit(&loop->thread, memory_order_relaxed) == (uintptr_t)pthread_self();
}

void sio_loop_enter(sio_loop *loop) {
    if (loop->depth++ == 0 && !loop->running) {
        loop->now_valid = false;
        note_thread(loop);
    }
}

void sio_loop_run_tasks(sio_loop *loop) {
    sio_list *link;
    while ((link = sio_list_shift(&loop->tasks)) != NULL) {
        sio_task *task = SIO_CONTAINER(link, sio_task, link);
        task->fn(task->ctx);
    }
}

void sio_loop_leave(sio_loop *loop) {
    if (loop->depth == 1) {
        sio_loop_run_tasks(loop);
    }
    if (--loop->depth == 0 && !loop->running) {
        loop->now_valid = false;
    }
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
        sio_loop_schedule_turn(loop);
    }
}

void sio_task_cancel(sio_task *task) {
    sio_list_remove(&task->link);
}

/* libevent runs what is activated inside a callback behind all that is active, before it polls
 * again; an event that is added with no timeout comes after the poll. */
void sio_loop_schedule_turn(sio_loop *loop) {
    static const struct timeval at_once = {0, 0};
    if (loop->turn_pending) {
        return;
    }
    loop->turn_pending = true;
    if (!loop->flushing || event_add(&loop->turn_event, &at_once) != 0) {
        event_active(&loop->turn_event, EV_TIMEOUT, 0);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *arg) {
    sio_loop *loop = arg;
    loop->turn_pending = false;
    sio_loop_enter(loop);
    sio_loop_run_tasks(loop);
    loop->flushing = true;
    sio_loop_flush_streams(loop);
    sio_loop_run_tasks(loop);
    loop->flushing = false;
    sio_loop_leave(loop);
}

void sio_loop_on_quiet(sio_loop *loop, void (*fn)(void *ctx), void *ctx) {
    sio_task_cancel(&loop->quiet_task);
    sio_task_init(&loop->quiet_task, fn, ctx);
}

void sio_loop_stream_made(sio_loop *loop) {
    SIO_COUNT(loop->streams);
}

void sio_loop_stream_gone(sio_loop *loop) {
    SIO_FIGURE_SUB(loop->streams, 1);
    if (loop->streams == 0 && loop->quiet_task.fn) {
        sio_loop_defer(loop, &loop->quiet_task);
    }
}

static void on_after(evutil_socket_t fd, short what, void *arg) {
    sio_loop *loop = arg;
    loop->after_fn(loop->after_ctx);
}

void sio_loop_after(sio_loop *loop, void (*fn)(void *ctx), void *ctx) {
    loop->after_fn = fn;
    loop->after_ctx = ctx;
    event_active(&loop->after_event, EV_TIMEOUT, 0);
}

bool sio_loop_in_callback(const sio_loop *loop) {
    return loop->depth > 0;
}

/* -- posts -- */

static void wake(sio_loop *loop) {
    const uint64_t one = 1;
    ssize_t n;
    do {
        n = write(loop->wake_fd, &one, sizeof one);
    } while (n < 0 && errno == EINTR);
    /* EAGAIN means that the counter is full: the loop is as awake as can be. */
}

void sio_loop_post_node(sio_loop *loop, sio_post *post) {
    post->next = NULL;
    pthread_mutex_lock(&loop->post_lock);
    bool first = loop->posts == NULL;
    *loop->posts_end = post;
    loop->posts_end = &post->next;
    /* Under the lock, so that the loop cannot be freed between queueing and waking. */
    if (first) {
        wake(loop);
    }
    pthread_mutex_unlock(&loop->post_lock);
}

static sio_post *take_posts(sio_loop *loop) {
    pthread_mutex_lock(&loop->post_lock);
    sio_post *posts = loop->posts;
    loop->posts = NULL;
    loop->posts_end = &loop->posts;
    pthread_mutex_unlock(&loop->post_lock);
    return posts;
}

static void run_posts(sio_loop *loop, bool cancelled) {
    sio_post *post = take_posts(loop);
    while (post) {
        sio_post *next = post->next;
        sio_loop_enter(loop);
        post->fn(post, cancelled);
        sio_loop_leave(loop);
        post = next;
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
    sio_loop *loop = arg;
    uint64_t count;
    ssize_t n = read(loop->wake_fd, &count, sizeof count);
    (void)n; /* nothing there: another reader of the same turn was faster */
    run_posts(loop, false);
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
    post_call *call = sio_mem_alloc(loop->mem, sizeof *call);
    if (!call) {
        return SIO_ERR_NOMEM;
    }
    *call = (post_call){.post.fn = call_post, .loop = loop, .fn = fn, .arg = arg};
    sio_loop_post_node(loop, &call->post);
    return 0;
}

/* -- memory for messages -- */

enum { BUFFERS_AGE_MS = 1000 };

static void age_buffers(void *ctx) {
    sio_loop *loop = ctx;
    sio_buffer_pool_age(loop->buffers);
    if (sio_buffer_pool_kept(loop->buffers) > 0) {
        sio_timer_start(&loop->buffers_timer, BUFFERS_AGE_MS);
    }
}

/* Once a second at most, however often the pool is emptied and filled. */
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

static void close_buffers(sio_loop *loop) {
    sio_buffer_pool_free(loop->buffers);
    sio_timer_done(&loop->buffers_timer);
}

/* -- life -- */

static int open_base(sio_loop *loop, struct event_base *borrowed) {
    if (borrowed) {
        loop->base = borrowed;
        return 0;
    }
    struct event_config *config = event_config_new();
    if (!config) {
        return SIO_ERR_NOMEM;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST | EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    loop->own_base = loop->base != NULL;
    return loop->base ? 0 : SIO_ERR_NET;
}

static int open_wake(sio_loop *loop) {
    event_assign(&loop->turn_event, loop->base, -1, 0, on_turn, loop);
    event_assign(&loop->after_event, loop->base, -1, 0, on_after, loop);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        return SIO_ERR_NET;
    }
    event_assign(&loop->wake_event, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    return event_add(&loop->wake_event, NULL) == 0 ? 0 : SIO_ERR_NOMEM;
}

static void free_base(sio_loop *loop) {
    if (loop->own_base) {
        event_base_free(loop->base);
    }
}

static sio_loop *alloc_loop(const sio_loop_options *options) {
    sio_loop *loop = sio_mem_zalloc(options->mem, sizeof *loop);
    if (!loop) {
        return NULL;
    }
    if (options->mem) {
        loop->mem_copy = *options->mem;
        loop->mem = &loop->mem_copy;
    }
    loop->log = options->log;
    loop->wake_fd = -1;
    loop->timer_fd = -1;
    loop->poller.fd = -1;
    loop->posts_end = &loop->posts;
    loop->random_source = getrandom;
    sio_list_init(&loop->tasks);
    sio_task_init(&loop->quiet_task, NULL, NULL);
    sio_list_init(&loop->dirty);
    sio_list_init(&loop->closing);
    sio_chunk_pool_init(&loop->pool, loop->mem);
    atomic_init(&loop->stopping, false);
    atomic_init(&loop->thread, (uintptr_t)pthread_self());
    return loop;
}

int sio_loop_new(sio_loop **out, const sio_loop_options *options) {
    static const sio_loop_options defaults;
    if (!options) {
        options = &defaults;
    }
    sio_loop *loop = alloc_loop(options);
    if (!loop) {
        return SIO_ERR_NOMEM;
    }
    if (pthread_mutex_init(&loop->post_lock, NULL) != 0) {
        sio_mem_release(options->mem, loop);
        return SIO_ERR_NOMEM;
    }
    int rc = open_base(loop, options->base);
    if (rc == 0) {
        rc = open_wake(loop);
    }
    if (rc == 0) {
        rc = sio_loop_timers_open(loop);
    }
    if (rc == 0) {
        rc = sio_poller_open(&loop->poller, loop);
    }
    if (rc == 0) {
        rc = open_buffers(loop);
    }
    if (rc != 0) {
        sio_loop_free(loop);
        return rc;
    }
    *out = loop;
    return 0;
}

static void close_events(sio_loop *loop) {
    event_del(&loop->turn_event);
    event_del(&loop->after_event);
    if (loop->wake_fd >= 0) {
        event_del(&loop->wake_event);
        close(loop->wake_fd);
    }
    sio_loop_timers_close(loop);
    sio_poller_close(&loop->poller);
}

void sio_loop_free(sio_loop *loop) {
    if (!loop) {
        return;
    }
    sio_resolver_detach(loop);
    while (loop->posts) {
        run_posts(loop, true);
    }
    sio_loop_cut_closing(loop);
    close_buffers(loop);
    if (loop->base) {
        close_events(loop);
        free_base(loop);
    }
    pthread_mutex_destroy(&loop->post_lock);
    sio_chunk_pool_free(&loop->pool);
    sio_mem mem = loop->mem_copy;
    const sio_mem *with = loop->mem ? &mem : NULL;
    sio_mem_release(with, loop->read_buffer);
    sio_mem_release(with, loop->tls_buffer);
    explicit_bzero(loop->random, sizeof loop->random);
    sio_mem_release(with, loop);
}

/* -- running -- */

int sio_loop_run(sio_loop *loop) {
    if (loop->running || loop->depth > 0) {
        return SIO_ERR_STATE;
    }
    int rc = 0;
    loop->running = true;
    note_thread(loop);
    /* Turn by turn, so that the end of each is known: the clock is read once, and stopping lets the
     * turn finish. */
    while (!atomic_load(&loop->stopping)) {
        loop->now_valid = false;
        if (event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0) {
            rc = SIO_ERR_NET;
            break;
        }
        if (event_base_got_break(loop->base) || event_base_got_exit(loop->base)) {
            break;
        }
    }
    atomic_store(&loop->stopping, false);
    loop->running = false;
    loop->now_valid = false;
    /* The thread may end now, and the next one that begins be known by the same id. */
    sio_buffer_pool_own(loop->buffers, 0);
    return rc;
}

void sio_loop_stop(sio_loop *loop) {
    atomic_store(&loop->stopping, true);
    wake(loop);
}

/* -- asking -- */

size_t sio_loop_stream_count(const sio_loop *loop) {
    return SIO_FIGURE(loop->streams);
}

size_t sio_loop_queued(const sio_loop *loop) {
    return SIO_FIGURE(loop->pool.queued);
}

struct event_base *sio_loop_base(const sio_loop *loop) {
    return loop->base;
}

const sio_mem *sio_loop_mem(const sio_loop *loop) {
    return loop->mem;
}

const sio_mem *sio_loop_message_mem(const sio_loop *loop) {
    return sio_buffer_pool_mem(loop->buffers);
}

const sio_log *sio_loop_log(const sio_loop *loop) {
    return &loop->log;
}
