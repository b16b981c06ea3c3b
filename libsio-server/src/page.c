/* One page of the server's own, made when it is asked for. */
#include "front_state.h"

#include "mem.h"

#include <string.h>

int sio_front_set_page(sio_front *front, const char *path, const char *content_type,
                       sio_front_page_fn write, void *ctx) {
    char *copy = NULL;
    if (path) {
        if (path[0] != '/') {
            return SIO_ERR_INVALID;
        }
        copy = sio_mem_strndup(front->mem, path, strlen(path));
        if (!copy) {
            return SIO_ERR_NOMEM;
        }
    }
    sio_mem_release(front->mem, front->page.path);
    front->page = (sio_front_page){copy, content_type, write, ctx};
    return 0;
}

static bool is_read(const sio_http1_head *head) {
    return (head->method.len == 3 && memcmp(head->method.ptr, "GET", 3) == 0) ||
           (head->method.len == 4 && memcmp(head->method.ptr, "HEAD", 4) == 0);
}

static void answer(sio_front *front, sio_exchange *exchange) {
    sio_buf body;
    sio_buf_init(&body, 0, front->mem);
    if (front->page.write(front->page.ctx, &body) == 0) {
        sio_exchange_answer(exchange, 200, front->page.content_type,
                            (sio_bytes){body.data, body.len}, "Cache-Control: no-store\r\n");
    } else {
        sio_exchange_answer_status(exchange, 500, NULL);
    }
    sio_buf_free(&body);
}

bool sio_page_route(sio_front *front, sio_exchange *exchange, sio_str path) {
    const char *mine = front->page.path;
    if (!mine || strlen(mine) != path.len || memcmp(mine, path.ptr, path.len) != 0) {
        return false;
    }
    if (is_read(sio_exchange_head(exchange))) {
        answer(front, exchange);
    } else {
        sio_exchange_answer_status(exchange, 405, "Allow: GET, HEAD\r\n");
    }
    return true;
}
