/* Looking into the payload of a CONNECT: the members of a JSON object, without a tree. */
#ifndef SIO_SRC_SIO_MEMBERS_H
#define SIO_SRC_SIO_MEMBERS_H

#include <sio/types.h>

/* A walk over the members of a valid JSON object. */
typedef struct sio_members {
    const char *at;
    const char *end;
} sio_members;

typedef struct sio_member {
    sio_str key;   /* raw, without its quotes */
    sio_str value; /* raw */
} sio_member;

/* `object` is valid JSON and an object, or empty. White space around it is allowed. */
sio_members sio_members_of(sio_str object);
/* False at the end. */
bool sio_members_next(sio_members *members, sio_member *out);

/* The value of the last member of this name, as it counts in JavaScript. False when there is none.
 * `name` is plain ASCII. */
bool sio_member_find(sio_str object, const char *name, sio_str *value);

#endif
