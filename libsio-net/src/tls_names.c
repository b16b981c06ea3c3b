/* A server's settings by the host name that the client asks for (RFC 6066 §3). They are chosen
 * when the first message is read and before anything of it has had an effect, so that a session
 * made under one name's rules is not resumed under another's. */
#include "net/tls.h"

#if SIO_HAVE_TLS

#include "mem.h"
#include "tls_internal.h"

#include <openssl/rand.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_LEN = 255 };

static char lower(unsigned char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* The extension: length of the list, then type 0, length and text of its only entry. A malformed
 * one is left to OpenSSL, which ends the handshake.
 * @return whether there is a name */
static bool asked_name(SSL *ssl, char out[NAME_MAX_LEN + 1]) {
    const unsigned char *data;
    size_t len;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &len) != 1 || len < 5 ||
        data[2] != TLSEXT_NAMETYPE_host_name) {
        return false;
    }
    size_t list_len = (size_t)data[0] << 8 | data[1];
    size_t name_len = (size_t)data[3] << 8 | data[4];
    bool fits = list_len == len - 2 && name_len == len - 5;
    if (!fits || name_len == 0 || name_len > NAME_MAX_LEN || memchr(data + 5, 0, name_len)) {
        return false;
    }
    for (size_t i = 0; i < name_len; i++) {
        out[i] = lower(data[5 + i]);
    }
    out[name_len] = '\0';
    return true;
}

static bool matches(const char *pattern, const char *name) {
    if (pattern[0] == '*' && pattern[1] == '.') {
        const char *rest = strchr(name, '.');
        return rest && rest != name && strcasecmp(pattern + 1, rest) == 0;
    }
    return strcasecmp(pattern, name) == 0;
}

static sio_tls *find(const sio_tls *tls, const char *name) {
    for (size_t i = 0; i < tls->name_count; i++) {
        if (matches(tls->names[i].name, name)) {
            return tls->names[i].tls;
        }
    }
    return NULL;
}

/* The context alone does not bring these along. */
static bool use(SSL *ssl, SSL_CTX *context, const unsigned char *session_context) {
    int version = (int)SSL_CTX_get_min_proto_version(context);
    if (!SSL_set_SSL_CTX(ssl, context) ||
        SSL_set_session_id_context(ssl, session_context, SIO_TLS_SESSION_CONTEXT) != 1 ||
        SSL_set_min_proto_version(ssl, version) != 1) {
        return false;
    }
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), SSL_CTX_get_verify_callback(context));
    return true;
}

/* What the application chose may change its rules at any time: nobody resumes. */
static bool use_foreign(SSL *ssl, SSL_CTX *context) {
    unsigned char once[SIO_TLS_SESSION_CONTEXT];
    return RAND_bytes(once, sizeof once) == 1 && use(ssl, context, once);
}

static int on_client_hello(SSL *ssl, int *alert, void *arg) {
    const sio_tls *tls = arg;
    char name[NAME_MAX_LEN + 1];
    bool named = asked_name(ssl, name);
    SSL_CTX *chosen = tls->choose ? tls->choose(named ? name : NULL, tls->choose_user) : NULL;
    *alert = SSL_AD_INTERNAL_ERROR;
    if (chosen) {
        return use_foreign(ssl, chosen) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
    }
    const sio_tls *found = named ? find(tls, name) : NULL;
    if (found) {
        bool done = use(ssl, found->context, found->session_context);
        return done ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
    }
    if (tls->refuse_unknown_names) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int copy_names(sio_tls *tls, const sio_tls_options *options) {
    size_t count = options->name_count;
    tls->names = sio_mem_zalloc(tls->mem, count * sizeof *tls->names);
    if (!tls->names) {
        return SIO_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = options->names[i].name;
        sio_tls *other = options->names[i].tls;
        if (!name || name[0] == '\0' || !other || !other->server || other->name_count > 0) {
            return SIO_ERR_INVALID;
        }
        char *copy = sio_mem_strndup(tls->mem, name, strlen(name));
        if (!copy) {
            return SIO_ERR_NOMEM;
        }
        tls->names[i] = (sio_tls_name){copy, sio_tls_ref(other)};
        tls->name_count++;
    }
    return 0;
}

int sio_tls_names_open(sio_tls *tls, const sio_tls_options *options) {
    if (options->name_count == 0 && !options->choose && !options->refuse_unknown_names) {
        return 0;
    }
    if (options->context) {
        return SIO_ERR_INVALID; /* its own callbacks are the application's */
    }
    tls->choose = options->choose;
    tls->choose_user = options->choose_user;
    tls->refuse_unknown_names = options->refuse_unknown_names;
    int rc = options->name_count > 0 ? copy_names(tls, options) : 0;
    if (rc == 0) {
        SSL_CTX_set_client_hello_cb(tls->context, on_client_hello, tls);
    }
    return rc;
}

void sio_tls_names_close(sio_tls *tls) {
    for (size_t i = 0; i < tls->name_count; i++) {
        sio_mem_release(tls->mem, (char *)(uintptr_t)tls->names[i].name);
        sio_tls_unref(tls->names[i].tls);
    }
    sio_mem_release(tls->mem, tls->names);
}

#endif
