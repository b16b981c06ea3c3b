#include "net/tls.h"

#if SIO_HAVE_TLS

#include "tls_internal.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

static const char separators[] = ", \t\r\n";

enum { TEXT_LEN = 44 };

/* Length of what stands before the digest: nothing, "sha256/" or "sha256//". A digest may itself
 * begin with a slash, so the length decides about the second one. */
static size_t prefix_len(const char *text, size_t len) {
    if (len <= 8 || strncmp(text, "sha256/", 7) != 0) {
        return 0;
    }
    size_t rest = len - 7;
    bool padded = text[len - 1] == '=';
    bool longer = rest > TEXT_LEN || (rest == TEXT_LEN && !padded);
    return text[7] == '/' && longer ? 8 : 7;
}

/* 32 bytes in base64 are 43 characters, and one of padding that may be missing. */
static int read_pin(sio_tls *tls, const char *text, size_t len) {
    unsigned char padded[TEXT_LEN];
    unsigned char digest[TEXT_LEN / 4 * 3];
    size_t prefix = prefix_len(text, len);
    text += prefix;
    len -= prefix;
    bool fits = len == TEXT_LEN - 1 || (len == TEXT_LEN && text[TEXT_LEN - 1] == '=');
    if (tls->pin_count == SIO_TLS_PINS_MAX || !fits || memchr(text, '=', TEXT_LEN - 1)) {
        return SIO_ERR_TLS_CONFIG;
    }
    memcpy(padded, text, TEXT_LEN - 1);
    padded[TEXT_LEN - 1] = '=';
    if (EVP_DecodeBlock(digest, padded, TEXT_LEN) != (int)sizeof digest) {
        return SIO_ERR_TLS_CONFIG;
    }
    memcpy(tls->pins[tls->pin_count++], digest, SIO_TLS_PIN_LEN);
    return 0;
}

int sio_tls_pins_read(sio_tls *tls, const char *list) {
    int rc = 0;
    for (list += strspn(list, separators); *list && rc == 0; list += strspn(list, separators)) {
        size_t len = strcspn(list, separators);
        rc = read_pin(tls, list, len);
        list += len;
    }
    return tls->pin_count > 0 ? rc : SIO_ERR_TLS_CONFIG;
}

bool sio_tls_pin_matches(const sio_tls *tls, const SSL *ssl) {
    if (tls->pin_count == 0) {
        return true;
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    const X509 *cert = SSL_get0_peer_certificate(ssl);
    unsigned char *key = NULL;
    int len = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &key) : -1;
    bool known = len > 0 && EVP_Digest(key, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(key);
    bool found = false;
    for (size_t i = 0; known && i < tls->pin_count; i++) {
        found |= memcmp(digest, tls->pins[i], SIO_TLS_PIN_LEN) == 0;
    }
    return found;
}

#endif
