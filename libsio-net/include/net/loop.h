/* The loop: readiness, deferred work, wake-ups from other threads, and the clock.
 *
 * Everything made on a loop belongs to the thread that runs it. Only sio_loop_post and
 * sio_loop_stop may be called from elsewhere. Objects made on a loop are freed before it. */
#ifndef SIO_NET_LOOP_H
#define SIO_NET_LOOP_H

#include <sio/error.h>
#include <sio/types.h>

#include "net/list.h"
#include "net/log.h"

struct event_base;

typedef struct sio_loop sio_loop;

typedef struct sio_loop_options {
    struct event_base *base; /* borrowed, outlives the loop; NULL makes an own one */
    const sio_mem *mem;      /* copied; NULL means the C library's. Posting calls it on the poster's
                              * thread, so it must be thread-safe where posts are used */
    sio_log log;             /* copied */
} sio_loop_options;

/* `options` may be NULL. Several loops may live on one base.
 * Errors: SIO_ERR_NOMEM; SIO_ERR_NET when the kernel refuses a descriptor. */
int sio_loop_new(sio_loop **out, const sio_loop_options *options);

/* Not from inside one of the loop's callbacks. Streams that are still closing are cut off, posts
 * that have not run are called with `cancelled` set, lookups are cancelled. NULL is allowed. */
void sio_loop_free(sio_loop *loop);

/* Run the base until sio_loop_stop, or until the owner of a borrowed base breaks out of it.
 * Errors: SIO_ERR_STATE inside one of the loop's callbacks, SIO_ERR_NET when the base fails. */
int sio_loop_run(sio_loop *loop);

/* Make sio_loop_run return at the end of this turn; without one running, the next returns at once.
 * Thread: any. */
void sio_loop_stop(sio_loop *loop);

/* Milliseconds of the monotonic clock, read at most once per turn. */
sio_time sio_loop_now(sio_loop *loop);

/* The thread that runs the loop: the one inside sio_loop_run or, on a borrowed base, the one that
 * ran the loop's last callback; before either, the one that made it. Thread: any. */
bool sio_loop_in_thread(const sio_loop *loop);

/* Whether one of the loop's callbacks is running. */
bool sio_loop_in_callback(const sio_loop *loop);

/* Call `fn` once outside all of the loop's callbacks, from its base; there `sio_loop_free` is legal
 * unless sio_loop_run is running that base: stop it then, and free when it has returned. One call
 * at a time; asking for the same again before it came makes no second one. */
void sio_loop_after(sio_loop *loop, void (*fn)(void *ctx), void *ctx);

/* Streams that are open, connecting or still closing. Thread: any, which may see it a little late.
 */
size_t sio_loop_stream_count(const sio_loop *loop);

/* Bytes queued on all of them; with TLS, of both sides of the encryption. Thread: any, as above. */
size_t sio_loop_queued(const sio_loop *loop);

/* Have `fn` called, as deferred work, whenever the last of those streams has gone. */
void sio_loop_on_quiet(sio_loop *loop, void (*fn)(void *ctx), void *ctx);

/* Borrowed. */
struct event_base *sio_loop_base(const sio_loop *loop);
const sio_mem *sio_loop_mem(const sio_loop *loop);
const sio_log *sio_loop_log(const sio_loop *loop);

/* An allocator for messages: large, and gone within a turn or a few. Blocks of 16 KiB to 2 MiB are
 * kept for the next message, at most 4 MiB in all; what was not used for a second or two goes.
 * Taking and resizing is for the loop's thread, giving back for any, also when the loop is gone.
 * Borrowed; it stands as long as the loop or a block of it. */
const sio_mem *sio_loop_message_mem(const sio_loop *loop);

/* Called on the loop's thread; with `cancelled`, from sio_loop_free: release `arg`, do no work. */
typedef void (*sio_post_fn)(void *arg, bool cancelled);

/* Have `fn` called from the loop, in the order of posting. Wakes a sleeping loop, once for any
 * number of posts. Thread: any, as long as the loop is not being freed.
 * Errors: SIO_ERR_NOMEM; then `fn` is not called. */
int sio_loop_post(sio_loop *loop, sio_post_fn fn, void *arg);

/* A post without an allocation: lives inside what it delivers. */
typedef struct sio_post {
    struct sio_post *next;
    void (*fn)(struct sio_post *post, bool cancelled); /* set by its owner; as sio_post_fn */
} sio_post;

/* Queue a post that cannot fail. It is the loop's until `fn` is called. Thread: any, as above. */
void sio_loop_post_node(sio_loop *loop, sio_post *post);

/* Work for right after the current callback, before the loop looks at I/O again. Lives inside its
 * owner. */
typedef struct sio_task {
    sio_list link;
    void (*fn)(void *ctx);
    void *ctx;
} sio_task;

void sio_task_init(sio_task *task, void (*fn)(void *ctx), void *ctx);

/* Queue it, first in first out; what is queued while the queue runs, runs in the same go. No effect
 * when it is queued already. Its writes leave in the same send as those of the callback. */
void sio_loop_defer(sio_loop *loop, sio_task *task);

/* Not run any more unless queued again. Required before its memory goes. */
void sio_task_cancel(sio_task *task);

#endif
