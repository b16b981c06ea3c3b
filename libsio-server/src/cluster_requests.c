#include "cluster_requests.h"

#include "mem.h"

#include <net/random.h>

#include <string.h>

int sio_cluster_requests_init(sio_cluster_requests *requests, sio_namespace *ns,
                              uint32_t max_others, uint32_t limit) {
    sio_loop *loop = ns->server->loop;
    *requests = (sio_cluster_requests){.ns = ns, .max_others = max_others, .limit = limit};
    int rc = sio_table_init(&requests->by_id, loop);
    return rc == 0 ? sio_random_fill(loop, &requests->last_id, sizeof(requests->last_id)) : rc;
}

void sio_cluster_requests_done(sio_cluster_requests *requests) {
    sio_table_done(&requests->by_id);
}

/* ---- the end of one ---- */

void sio_cluster_request_end(sio_cluster_request *request) {
    sio_table_remove(&request->requests->by_id, &request->id, sizeof(request->id));
    sio_timer_stop(&request->timer);
    if (request->begun) {
        request->begun = false;
        sio_pending_done(&request->pending);
    }
}

void sio_cluster_request_free(sio_cluster_request *request) {
    const sio_mem *mem = request->requests->ns->server->mem;
    sio_cluster_request_end(request);
    sio_timer_done(&request->timer);
    sio_mem_release(mem, request);
}

static void complete(sio_cluster_request *request) {
    sio_server *server = request->requests->ns->server;
    sio_server_enter(server);
    request->on_complete(request);
    sio_server_leave(server);
}

static void fail(sio_cluster_request *request, int status) {
    sio_server *server = request->requests->ns->server;
    sio_server_enter(server);
    request->on_failed(request, status);
    sio_server_leave(server);
}

static void on_timeout(void *ctx) {
    fail(ctx, SIO_ERR_TIMEOUT);
}

static void on_pending(sio_pending *pending, int status) {
    sio_cluster_request *request = SIO_CONTAINER(pending, sio_cluster_request, pending);
    if (status == SIO_OK) {
        complete(request);
    } else {
        fail(request, status);
    }
}

/* ---- asking ---- */

static uint64_t next_id(sio_cluster_requests *requests) {
    if (++requests->last_id == 0) {
        requests->last_id = 1; /* 0 stands for no request */
    }
    return requests->last_id;
}

/* One block: the request, then names and slots of those who may be asked. */
static sio_cluster_request *request_alloc(sio_cluster_requests *requests, size_t size) {
    size_t uids = (size + 7) & ~(size_t)7;
    size_t slots = uids + requests->max_others * sizeof(sio_cluster_uid);
    size_t all = slots + requests->max_others * sizeof(sio_cluster_slot);
    sio_cluster_request *request = sio_mem_zalloc(requests->ns->server->mem, all);
    if (request) {
        request->requests = requests;
        request->audience.uids = (sio_cluster_uid *)(void *)((char *)request + uids);
        request->slots = (sio_cluster_slot *)(void *)((char *)request + slots);
    }
    return request;
}

int sio_cluster_request_new(sio_cluster_request **out, sio_cluster_requests *requests,
                            size_t size) {
    sio_server *server = requests->ns->server;
    if (requests->by_id.count >= requests->limit) {
        return SIO_ERR_LIMIT;
    }
    sio_cluster_request *request = request_alloc(requests, size);
    if (!request) {
        return SIO_ERR_NOMEM;
    }
    request->id = next_id(requests);
    int rc = sio_timer_init(&request->timer, server->loop, on_timeout, request);
    if (rc == 0) {
        rc = sio_table_put(&requests->by_id, &request->id, sizeof(request->id), request);
    }
    if (rc != 0) {
        sio_timer_done(&request->timer);
        sio_mem_release(server->mem, request);
        return rc;
    }
    *out = request;
    return 0;
}

int sio_cluster_request_list(sio_cluster_request *request) {
    sio_cluster_requests *requests = request->requests;
    int rc = sio_table_put(&requests->by_id, &request->id, sizeof(request->id), request);
    return rc == SIO_ERR_EXISTS ? 0 : rc;
}

void sio_cluster_request_begin(sio_cluster_request *request, uint32_t timeout_ms) {
    request->open = request->audience.count;
    memset(request->slots, 0, request->open * sizeof(*request->slots));
    request->begun = true;
    sio_pending_init(&request->pending, request->requests->ns, on_pending);
    sio_timer_start(&request->timer, timeout_ms ? timeout_ms : SIO_CLUSTER_TIMEOUT_MS);
    if (request->open == 0) {
        sio_pending_defer(&request->pending);
    }
}

/* ---- answers ---- */

/* The slot of a server; one that is known by number only gets it with its first answer. */
static sio_cluster_slot *slot_of(sio_cluster_request *request, sio_cluster_uid uid, bool claim) {
    sio_cluster_audience *audience = &request->audience;
    sio_cluster_slot *unnamed = NULL;
    for (uint32_t i = 0; i < audience->count; i++) {
        if (audience->uids[i] == uid) {
            return &request->slots[i];
        }
        if (audience->uids[i] == 0 && !unnamed) {
            unnamed = &request->slots[i];
        }
    }
    if (unnamed && claim) {
        audience->uids[unnamed - request->slots] = uid;
        return unnamed;
    }
    return NULL;
}

void sio_cluster_requests_answer(sio_cluster_requests *requests,
                                 const sio_cluster_message *message) {
    const sio_cluster_content *content = &message->content;
    sio_cluster_request *request =
        sio_table_get(&requests->by_id, &content->request_id, sizeof(content->request_id));
    if (!request || !request->begun) {
        return;
    }
    bool counts = content->type == request->answers;
    sio_cluster_slot *slot = slot_of(request, content->uid, counts);
    if (!slot) {
        return;
    }
    bool first = counts && !slot->answered;
    if (first) {
        slot->answered = true;
        request->open--;
    }
    request->on_answer(request, slot, message, first);
}

void sio_cluster_requests_gone(sio_cluster_requests *requests, sio_cluster_uid uid) {
    sio_table_iter it = sio_table_iter_start(&requests->by_id);
    sio_cluster_request *request;
    while ((request = sio_table_next(&requests->by_id, &it)) != NULL) {
        sio_cluster_slot *slot = request->begun ? slot_of(request, uid, false) : NULL;
        if (slot && !slot->answered) {
            slot->answered = true;
            if (--request->open == 0) {
                sio_pending_defer(&request->pending);
            }
        }
    }
}
