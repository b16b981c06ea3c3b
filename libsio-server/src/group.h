/* The members of a server with `threads`: whole servers, each with a loop of its own, which share
 * the connections. Member 0 is the one that the application has; it listens, and whatever is done
 * to all of them begins there, on its thread. The others' threads are the library's.
 *
 * Every function takes any member, or a server without a group, which is the only one of its kind.
 */
#ifndef SIO_SERVER_GROUP_H
#define SIO_SERVER_GROUP_H

#include "server_state.h"

typedef struct sio_group sio_group;

enum { SIO_GROUP_MAX = 64 }; /* one for each tag */

/* Make all members; `options` are complete, with `threads` above 1.
 * Errors: those of sio_server_new(). */
int sio_group_new(sio_server **out, const sio_server_options *options);
/* `setup` has been called for each. */
void sio_group_ready(sio_server *server);

/* Member 0 goes: first the others, which have ended, and when its loop is gone, what all of them
 * use. NULL is allowed. */
void sio_group_destroy_others(sio_group *group);
void sio_group_free(sio_group *group);

/* ---- group_route.c ---- */

/* What its session ids begin with; '\0': with anything. */
char sio_group_tag(const sio_server *server);

/* Have its front send the requests of other members' sessions there. */
void sio_group_route(sio_server *server);

/* ---- group.c ---- */

/* Whether the server is a member other than 0. */
bool sio_group_is_other(const sio_server *server);

/* ---- for member 0, on its thread ---- */

/* Let the others' threads run, unless they do. Errors: SIO_ERR_NOMEM when there is none for one of
 * them, SIO_ERR_STATE while `setup` is being called. */
int sio_group_start(sio_server *server);

/* Let them return, and wait for that. */
void sio_group_halt(sio_server *server);

/* Have a connection served by the member that has the fewest, with these settings of TLS. `early`
 * was read from it; `accepted` by a listener. The descriptor is consumed, also on failure.
 * Errors: those of sio_server_adopt(), unless another member finds them out later. */
int sio_group_take(sio_server *server, int fd, sio_tls *tls, sio_bytes early, bool accepted);

/* The others close, each on its thread; those of a server that is closed begin anew. */
void sio_group_close(sio_server *server, uint32_t deadline_ms);
void sio_group_reopen(sio_server *server);

/* Free the others, each on its thread, and wait for that; no handler of theirs runs any more. */
void sio_group_end(sio_server *server);

/* ---- for each member, on its thread ---- */

/* While it is closing: the last session of all has ended on this member. */
void sio_group_sessions_ended(sio_server *server);

/* This member has closed. @return whether all have */
bool sio_group_closed(sio_server *server);

#endif
