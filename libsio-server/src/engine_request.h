/* The stations of a request on its way into the engine: middlewares, the rules, and for a handshake
 * the hooks that allow it and name it. */
#ifndef SIO_SERVER_ENGINE_REQUEST_H
#define SIO_SERVER_ENGINE_REQUEST_H

#include "engine_session.h"

/* ---- engine_request.c ---- */

/* The middlewares have let it pass. `body` is that of a POST that has arrived already, or NULL. */
void sio_engine_judge(sio_engine *engine, sio_exchange *exchange, const sio_bytes *body);
/* allow_request has, too. */
void sio_engine_allowed(sio_engine *engine, sio_exchange *exchange);
/* It gets a session: with this id, unless NULL. */
void sio_engine_open(sio_engine *engine, sio_exchange *exchange, const char *id);
void sio_engine_refuse(sio_engine *engine, sio_exchange *exchange, sio_engine_cause cause,
                       const char *text);

/* ---- engine_hooks.c ---- */

typedef enum sio_engine_station {
    SIO_ENGINE_ASK_MIDDLEWARES,
    SIO_ENGINE_ASK_ALLOW,
    SIO_ENGINE_ASK_ID,
} sio_engine_station;

/* Have the hooks of a station decide; what follows it is called from here, now or later. */
void sio_engine_ask(sio_engine *engine, sio_exchange *exchange, sio_engine_station station);

/* The engine goes: those that are undecided are let go. */
void sio_engine_requests_orphan(sio_engine *engine);

#endif
