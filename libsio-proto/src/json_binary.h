/* Binary nodes of cJSON trees, beyond what <sio/json.h> offers. */
#ifndef SIO_SRC_JSON_BINARY_H
#define SIO_SRC_JSON_BINARY_H

#include <sio/json.h>

#include <cjson/cJSON.h>

/* Turn an object in its place into a node that shares the bytes of a binary node, which must
 * outlive it. */
void sio_json_binary_refer(cJSON *item, const cJSON *binary);

#endif
