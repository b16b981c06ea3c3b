/* Connection state recovery (spec: Socket.IO protocol 5, CONNECT with pid and offset): what peers
 * and connecting clients do with an adapter that keeps sessions, and the adapter that does so in
 * memory. */
#ifndef SIO_SERVER_RECOVERY_H
#define SIO_SERVER_RECOVERY_H

#include "peer.h"

/* The adapter in memory that keeps events and sessions as the server's options say. Errors:
 * SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_recovery_adapter_new(sio_adapter **out, sio_namespace *ns);

/* A new secret for a peer that may come back. Errors: SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_recovery_begin(sio_peer *peer);

/* A client that comes back has given its old connection up. If the server does not know of that
 * yet, as when it was cut in the middle of an upgrade, the connection is closed, so that its
 * session is kept and can be given back. Runs handlers.
 * @param by the new connection; NULL: it is on another server */
void sio_recovery_take_over(sio_namespace *ns, sio_str pid, const sio_conn *by);

/* Make a peer that is not in yet the one that was kept: its ids, then, when it was sent what it has
 * missed, its data and rooms. The second runs handlers of rooms. Errors: SIO_ERR_NOMEM. */
int sio_recovery_take_ids(sio_peer *peer, const sio_adapter_session *session);
int sio_recovery_take_rooms(sio_peer *peer, const sio_adapter_session *session);

/* Keep the session of a peer whose connection ended for this reason, if that is one after which
 * clients come back. Its rooms are still there. Without memory it is not kept. */
void sio_recovery_keep(sio_peer *peer, const char *reason);
/* The same whatever the reason. */
void sio_recovery_keep_always(sio_peer *peer);

#endif
