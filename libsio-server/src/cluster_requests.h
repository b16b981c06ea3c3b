/* What a server has asked the others of its cluster, until they have answered, the time is up or
 * the namespace ends. */
#ifndef SIO_SERVER_CLUSTER_REQUESTS_H
#define SIO_SERVER_CLUSTER_REQUESTS_H

#include "adapter_cluster.h"
#include "pending.h"

#include <net/table.h>
#include <net/timer.h>

typedef struct sio_cluster_requests {
    sio_namespace *ns;
    sio_table by_id;
    uint64_t last_id;
    uint32_t max_others;
    uint32_t limit; /* of requests that are awaited */
} sio_cluster_requests;

/* One server that was asked. */
typedef struct sio_cluster_slot {
    uint64_t left; /* for the request's own use */
    bool answered;
} sio_cluster_slot;

/* What every request begins with. */
typedef struct sio_cluster_request {
    sio_pending pending;
    sio_timer timer;
    sio_cluster_requests *requests;
    uint64_t id;
    sio_cluster_audience audience; /* of the carrier's publish */
    sio_cluster_slot *slots;       /* one for each of those */
    uint32_t open;                 /* servers that have not answered */
    bool begun;
    sio_cluster_type answers; /* the type that counts as a server's answer */
    /* An answer has come, from one that was asked; `first`: it is this one's of that type. */
    void (*on_answer)(struct sio_cluster_request *request, sio_cluster_slot *slot,
                      const sio_cluster_message *message, bool first);
    /* All have answered, or one that has not will not: what that means. */
    void (*on_complete)(struct sio_cluster_request *request);
    /* SIO_ERR_TIMEOUT or SIO_ERR_DISCONNECTED: it is over. */
    void (*on_failed)(struct sio_cluster_request *request, int status);
} sio_cluster_request;

/* Errors: SIO_ERR_RANDOM. */
int sio_cluster_requests_init(sio_cluster_requests *requests, sio_namespace *ns,
                              uint32_t max_others, uint32_t limit);
/* None is left. */
void sio_cluster_requests_done(sio_cluster_requests *requests);

/* A request of `size` bytes, zero beyond its beginning, with an id of its own, that nobody was
 * asked yet. Errors: SIO_ERR_NOMEM; SIO_ERR_LIMIT. */
int sio_cluster_request_new(sio_cluster_request **out, sio_cluster_requests *requests, size_t size);
/* An answer finds it again after sio_cluster_request_end. Errors: SIO_ERR_NOMEM. */
int sio_cluster_request_list(sio_cluster_request *request);
/* Its audience is known and its callbacks are set: they may be called from now on, but not in this
 * call. */
void sio_cluster_request_begin(sio_cluster_request *request, uint32_t timeout_ms);
/* No answer finds it any more, and no callback is called. May be called again. */
void sio_cluster_request_end(sio_cluster_request *request);
/* Ends it, too. */
void sio_cluster_request_free(sio_cluster_request *request);

/* Hand an answer to who has asked. Answers to nothing, of those who were not asked, of the wrong
 * type and of the second time are ignored, as far as the request does not know better. */
void sio_cluster_requests_answer(sio_cluster_requests *requests,
                                 const sio_cluster_message *message);
/* A server will not answer any more. */
void sio_cluster_requests_gone(sio_cluster_requests *requests, sio_cluster_uid uid);

#endif
