/* Which member a request belongs to: the first character of a session's id says it. */
#include "group.h"

static const char tags[SIO_GROUP_MAX + 1] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char sio_group_tag(const sio_server *server) {
    return server->group ? tags[server->index] : '\0';
}

void sio_group_route(sio_server *server) {
}
