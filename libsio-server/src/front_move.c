/* Connections that go to another front of the process, because it has the session that a request is
 * for, and that come from there. The request is read anew where it arrives, so only its head has
 * been looked at here. */
#include "front_state.h"
#include "shared.h"

#include <net/log.h>
#include <sio/url.h>

void sio_front_set_elsewhere(sio_front *front, const sio_front_elsewhere *elsewhere) {
    front->elsewhere = elsewhere ? *elsewhere : (sio_front_elsewhere){0};
}

static void failed(sio_front *front, int err) {
    SIO_COUNT(front->counters->connections_move_failed);
    SIO_LOG(sio_loop_log(front->loop), SIO_LOG_WARN, "engine:http",
            "a connection for another loop was cut: %s", sio_error_text(err));
}

/* @return negative: here */
static int where_to(const sio_front *front, const sio_http1_head *head) {
    sio_url_target target;
    sio_url_split_target(&target, head->target);
    const sio_engine *engine = sio_front_engine(front, target.path);
    return engine ? front->elsewhere.where(front->elsewhere.ctx, engine, head) : -1;
}

/* On its way a connection is on no loop, but counts. */
static void leaves(const sio_front *front) {
    if (front->shared) {
        sio_shared_depart(front->shared);
    }
}

static void arrived(const sio_front *front) {
    if (front->shared) {
        sio_shared_arrive(front->shared);
    }
}

bool sio_front_send_away(sio_front_conn *conn, const sio_http1_head *head) {
    sio_front *front = conn->front;
    int where = front->elsewhere.where ? where_to(front, head) : -1;
    if (where < 0) {
        return false;
    }
    sio_parcel *parcel;
    leaves(front);
    int rc = sio_front_conn_pack(conn, &parcel);
    if (rc == 0) {
        SIO_COUNT(front->counters->connections_moved);
        front->elsewhere.send(front->elsewhere.ctx, where, parcel);
    } else {
        arrived(front);
        failed(front, rc);
        sio_front_conn_cut(conn);
    }
    return true;
}

/* It still counts for its address: limits have nothing to say about it. */
void sio_front_arrive(sio_front *front, sio_parcel *parcel) {
    sio_stream *stream;
    if (sio_front_ends(front)) {
        SIO_COUNT(front->counters->connections_refused_closing);
        arrived(front);
        sio_parcel_free(parcel);
        return;
    }
    int rc = sio_stream_unpack(&stream, front->loop, parcel, NULL, NULL);
    arrived(front);
    if (rc == 0) {
        rc = sio_front_conn_new(front, stream, (sio_bytes){NULL, 0}, false);
    }
    if (rc != 0) {
        failed(front, rc);
    }
}
