#include "server_tls.h"

#include "mem.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 256 };

/* A complete struct from one of any earlier size. */
static int read_settings(sio_server_tls *out, const sio_server_tls *tls) {
    if (!tls || tls->size < sizeof(tls->size) || tls->size > sizeof(*tls)) {
        return SIO_ERR_INVALID;
    }
    *out = (sio_server_tls)SIO_SERVER_TLS_INIT;
    memcpy(out, tls, tls->size);
    bool ready = out->ctx != NULL;
    bool named = out->name_count > 0 || out->choose || out->refuse_unknown_names;
    bool files = out->cert_file || out->key_file || out->pkcs12_file;
    if ((ready && (named || files)) || out->name_count > NAMES_MAX ||
        (out->name_count > 0 && !out->names)) {
        return SIO_ERR_INVALID;
    }
    return 0;
}

static sio_tls_options options_of(const sio_server_tls *tls) {
    return (sio_tls_options){
        .context = tls->ctx,
        .cert_file = tls->cert_file,
        .key_file = tls->key_file,
        .pkcs12_file = tls->pkcs12_file,
        .passphrase = tls->key_passphrase,
        .ca_file = tls->client_ca_file,
        .ciphers = tls->ciphers,
        .min_version = tls->min_version,
        .request_cert = tls->client_ca_file != NULL,
        .require_cert = tls->client_ca_file != NULL && !tls->client_cert_optional,
        .alpn = "http/1.1",
        .choose = tls->choose,
        .choose_user = tls->choose_user,
        .refuse_unknown_names = tls->refuse_unknown_names,
    };
}

static int make_named(sio_tls_name *out, const sio_server_tls_name *named,
                      char detail[SIO_TLS_DETAIL_MAX], const sio_mem *mem) {
    sio_server_tls tls;
    if (!named->name || read_settings(&tls, named->tls) != 0 || tls.name_count > 0 || tls.choose) {
        return SIO_ERR_INVALID;
    }
    sio_tls_options options = options_of(&tls);
    char inner[SIO_TLS_DETAIL_MAX] = "";
    int rc = sio_tls_server_new(&out->tls, &options, inner, mem);
    if (rc != 0) {
        snprintf(detail, SIO_TLS_DETAIL_MAX, "%.80s: %.160s", named->name, inner);
        return rc;
    }
    out->name = named->name;
    return 0;
}

int sio_server_tls_make(sio_tls **out, const sio_server_tls *tls, char detail[SIO_TLS_DETAIL_MAX],
                        const sio_mem *mem) {
    sio_server_tls full;
    int rc = read_settings(&full, tls);
    if (rc != 0) {
        snprintf(detail, SIO_TLS_DETAIL_MAX, "settings contradict each other");
        return rc;
    }
    sio_tls_name *names = NULL;
    if (full.name_count > 0) {
        names = sio_mem_zalloc(mem, full.name_count * sizeof(*names));
        rc = names ? 0 : SIO_ERR_NOMEM;
    }
    for (size_t i = 0; rc == 0 && i < full.name_count; i++) {
        rc = make_named(&names[i], &full.names[i], detail, mem);
    }
    if (rc == 0) {
        sio_tls_options options = options_of(&full);
        options.names = names;
        options.name_count = full.name_count;
        rc = sio_tls_server_new(out, &options, detail, mem);
    }
    for (size_t i = 0; names && i < full.name_count; i++) {
        sio_tls_unref(names[i].tls);
    }
    sio_mem_release(mem, names);
    return rc;
}
