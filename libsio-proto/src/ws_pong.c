#include <sio/ws.h>

#include <string.h>

void sio_ws_pong_set(sio_ws_pong *pong, const sio_ws_event *ping) {
    size_t len = ping->len < SIO_WS_CONTROL_MAX ? ping->len : SIO_WS_CONTROL_MAX;
    if (len > 0) {
        memcpy(pong->data, ping->data, len);
    }
    pong->len = (uint8_t)len;
    pong->pending = true;
}

int sio_ws_pong_write(sio_ws_pong *pong, sio_buf *out, const uint8_t *mask_key) {
    if (!pong->pending) {
        return 0;
    }
    int rc = sio_ws_write_frame(out, SIO_WS_PONG, pong->data, pong->len, false, mask_key);
    if (rc != 0) {
        return rc;
    }
    pong->pending = false;
    return 1;
}
