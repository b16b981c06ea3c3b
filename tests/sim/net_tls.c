/* net/tls.h as in a build without TLS: it is not simulated. */
#include <net/tls.h>

int sio_tls_client_new(sio_tls **out, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem) {
    return SIO_ERR_UNSUPPORTED;
}

int sio_tls_server_new(sio_tls **out, const sio_tls_options *options,
                       char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem) {
    return SIO_ERR_UNSUPPORTED;
}

sio_tls *sio_tls_ref(sio_tls *tls) {
    return tls;
}

void sio_tls_unref(sio_tls *tls) {
}

bool sio_tls_is_insecure(const sio_tls *tls) {
    return false;
}

struct ssl_ctx_st *sio_tls_context(const sio_tls *tls) {
    return NULL;
}
