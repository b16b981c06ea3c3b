/* What connects servers that run in threads of one process: the place where their adapters meet,
 * and the carrier between them.
 *
 * A hub is made first, then one server for each member, each with sio_hub_adapter() as its adapter
 * and all with the same recovery settings. The servers may be made and freed in any order and on
 * any threads; each runs on a thread of its own. A hub that nobody refers to goes with the last
 * adapter.
 *
 *     sio_hub *hub;
 *     sio_hub_new(&hub, &(sio_hub_options){.members = 4});
 *     for (unsigned i = 0; i < 4; i++) {
 *         options.adapter = sio_hub_adapter(hub, i);
 *         sio_server_new(&server[i], &options);
 *     }
 *     sio_hub_unref(hub);
 *
 * ### What is kept
 * A message is one block of memory for all members. Each member has a limit of bytes that wait for
 * its thread. One that is behind by more loses messages, which is logged; when it comes to the gap,
 * the clients of that namespace and member are closed, so that none lives on without knowing that
 * it missed something, and with recovery they come back and miss nothing. Requests and answers
 * that are lost so end with SIO_ERR_TIMEOUT. */
#ifndef SIO_SERVER_HUB_H
#define SIO_SERVER_HUB_H

#include <sio/server.h>
#include <sio/sys/adapter.h>

enum { SIO_HUB_MAX_MEMBERS = 64 };

typedef struct sio_hub sio_hub;

typedef struct sio_hub_options {
    const sio_mem *mem;       /* copied; thread-safe. NULL: the C library's */
    unsigned members;         /* 1 to SIO_HUB_MAX_MEMBERS */
    uint64_t max_inbox_bytes; /* of messages that wait for one member; 0: 64 MiB */
} sio_hub_options;

/* With one reference. Errors: SIO_ERR_INVALID, SIO_ERR_NOMEM, SIO_ERR_RANDOM. */
int sio_hub_new(sio_hub **out, const sio_hub_options *options);
/* Thread: any. @return its argument */
sio_hub *sio_hub_ref(sio_hub *hub);
/* Thread: any. NULL is allowed. */
void sio_hub_unref(sio_hub *hub);

/* For sio_server_options.adapter of member `index`. Borrowed from the hub. */
const sio_server_adapter *sio_hub_adapter(sio_hub *hub, unsigned index);

/* Whether a hub's adapter is the server's. */
bool sio_hub_serves(const sio_server *server);

/* Messages that members have lost because they were too far behind. Thread: any. */
uint64_t sio_hub_lost(const sio_hub *hub);

#endif
