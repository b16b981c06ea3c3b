/* Binary nodes of cJSON trees.
 *
 * The bytes follow the node in its own allocation and `valuestring` points at them, marked as a
 * reference so that cJSON_Delete leaves it alone. They begin at an odd address: what an allocator
 * returns never does, so a node copied by cJSON_Duplicate, whose `valuestring` is a fresh copy up
 * to the first NUL, can never pass for one, while reference nodes, which copy the pointer, do. */
#include "json_binary.h"

#include <string.h>

enum {
    BINARY_FLAG = 1 << 24,
    BINARY_TYPE = cJSON_Invalid | cJSON_IsReference | BINARY_FLAG,
    /* node, length, one byte that makes the address odd, data */
    DATA_OFFSET = sizeof(cJSON) + sizeof(size_t) + 1
};

_Static_assert(DATA_OFFSET % 2 == 1, "the data of a binary node stand at an odd address");

cJSON *sio_json_binary(const void *data, size_t len) {
    if (len > SIZE_MAX - DATA_OFFSET - 1) {
        return NULL;
    }
    char *block = cJSON_malloc(DATA_OFFSET + len + 1);
    if (!block) {
        return NULL;
    }
    memcpy(block + sizeof(cJSON), &len, sizeof(len));
    if (len > 0) {
        memcpy(block + DATA_OFFSET, data, len);
    }
    block[DATA_OFFSET + len] = '\0'; /* cJSON_Duplicate reads up to a NUL */
    cJSON *node = (cJSON *)(void *)block;
    *node = (cJSON){.type = BINARY_TYPE, .valuestring = block + DATA_OFFSET};
    return node;
}

bool sio_json_is_binary(const cJSON *item) {
    return item && (item->type & ~cJSON_StringIsConst) == BINARY_TYPE &&
           ((uintptr_t)item->valuestring & 1) != 0;
}

sio_bytes sio_json_binary_get(const cJSON *item) {
    if (!sio_json_is_binary(item)) {
        return (sio_bytes){NULL, 0};
    }
    size_t len;
    memcpy(&len, item->valuestring - 1 - sizeof(len), sizeof(len));
    return (sio_bytes){(const uint8_t *)item->valuestring, len};
}

void sio_json_binary_refer(cJSON *item, const cJSON *binary) {
    cJSON_Delete(item->child);
    item->child = NULL;
    item->type = BINARY_TYPE | (item->type & cJSON_StringIsConst);
    item->valuestring = binary->valuestring;
}
