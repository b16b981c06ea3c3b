/**
 * @file listen.h
 * @brief Where a server's connections come from: addresses, Unix sockets, descriptors passed in,
 * TLS, and connections that the application accepted itself.
 *
 * Threads and callbacks: as said in <sio/server.h>. Of a server with several members
 * (sio_server_options.threads) the one with number 0 listens, for all; what this header does is
 * SIO_ERR_STATE with another.
 */
#ifndef SIO_LISTEN_H
#define SIO_LISTEN_H

#include <sio/server_types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ssl_ctx_st;
struct sio_server_tls;

/** TLS settings for one host name (RFC 6066 §3, Server Name Indication). */
typedef struct sio_server_tls_name {
    const char *name; /**< "example.org", or "*.example.org" for names of one more label */
    const struct sio_server_tls *tls; /**< without `names` and `choose` of its own */
} sio_server_tls_name;

/** Choose the settings of a connection by the name that the client asked for.
 * @param name in lower case; NULL if the client named none
 * @return borrowed, the connection takes its own reference; NULL: `names`, then the settings that
 * hold this callback. Connections with such a context are not resumed by later ones. */
typedef struct ssl_ctx_st *(*sio_server_tls_choose_fn)(const char *name, void *user);

/** Certificate, key and rules of a TLS server. Everything is borrowed for the call that takes the
 * struct, `choose_user` excepted. A client must speak HTTP/1.1 if it uses ALPN. */
typedef struct sio_server_tls {
    size_t size;                /**< set by SIO_SERVER_TLS_INIT */
    const char *cert_file;      /**< PEM: the certificate, then its chain */
    const char *key_file;       /**< PEM: the private key */
    const char *key_passphrase; /**< NULL if the key is not encrypted */
    const char *client_ca_file; /**< PEM: when set, clients must show a certificate it signed */
    struct ssl_ctx_st *ctx;     /**< a ready SSL_CTX instead of the files, used as it is; the server
                                     takes its own reference. No other field but this may be set */
    const char *pkcs12_file;   /**< PKCS #12 with certificate, key and chain, instead of `cert_file`
                                    and `key_file`; opened with `key_passphrase` */
    const char *ciphers;       /**< OpenSSL cipher list up to TLS 1.2; NULL: authenticated
                                    encryption with forward secrecy */
    int min_version;           /**< 12 or 13; 0 means 12: TLS 1.2 */
    bool client_cert_optional; /**< with `client_ca_file`: clients may come without; what they show
                                    must still be valid */
    bool refuse_unknown_names; /**< end the handshake of clients that ask for a name which is in
                                    none of `names`, or for none */
    const sio_server_tls_name *names; /**< settings for certain host names */
    size_t name_count;                /**< at most 256 */
    sio_server_tls_choose_fn choose;  /**< asked before `names`; NULL: none */
    void *choose_user;                /**< handed to `choose` */
} sio_server_tls;

#define SIO_SERVER_TLS_INIT                                                                        \
    {                                                                                              \
        sizeof(sio_server_tls), NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, false, false, NULL,   \
            0, NULL, NULL                                                                          \
    }

/** One place to listen at. Start from SIO_LISTEN_OPTIONS_INIT. Everything is borrowed for the
 * call. */
typedef struct sio_listen_options {
    size_t size;           /**< set by SIO_LISTEN_OPTIONS_INIT */
    const char *host;      /**< a numeric address; NULL and "::" take IPv4 and IPv6 alike */
    uint16_t port;         /**< 0: the system chooses, see sio_server_listener_port() */
    bool ipv6_only;        /**< IPv6 addresses do not take IPv4 */
    bool reuse_port;       /**< several sockets, also of other processes, share the port */
    const char *unix_path; /**< a Unix socket instead; '@' first for the abstract namespace. A file
                                that a crashed server left is replaced, and the file removed at the
                                end */
    unsigned unix_mode;    /**< permissions of its file, such as 0660; 0: as the umask says */
    int backlog;           /**< connections that wait to be accepted; 0 means 1024 */
    const sio_server_tls *tls; /**< NULL: as the server's options say */
    bool plain;                /**< no TLS here, whatever the server's options say */
} sio_listen_options;

#define SIO_LISTEN_OPTIONS_INIT                                                                    \
    { sizeof(sio_listen_options), NULL, 0, false, false, NULL, 0, 0, NULL, false }

/** Listen on an address. May be called several times, and again once sio_server_close() has called
 * its `done`.
 * @param host a numeric address ("127.0.0.1", "::1"); "::" and NULL take IPv4 and IPv6 alike;
 * "unix:" and a path listen on a Unix socket
 * @param port 0 picks a free one, see sio_server_port()
 * @return 0; SIO_ERR_INVALID for a malformed address; SIO_ERR_LISTEN when it cannot be had;
 * SIO_ERR_STATE while it is closing; SIO_ERR_LIMIT for more than 16 listeners; SIO_ERR_NOMEM.
 * sio_server_detail() says more */
SIO_API int sio_server_listen(sio_server *server, const char *host, uint16_t port);

/** Listen with settings of its own.
 * @param id receives the listener's number; may be NULL
 * @return as sio_server_listen(); SIO_ERR_TLS_CONFIG for TLS settings that cannot be used;
 * SIO_ERR_UNSUPPORTED for TLS in a build without */
SIO_API int sio_server_listen_with(sio_server *server, const sio_listen_options *options,
                                   unsigned *id);

/** Accept from a socket that is bound and listening already.
 * @param fd owned by the server from now on, also on failure
 * @param options only `tls` and `plain` count; may be NULL
 * @param id as above
 * @return as sio_server_listen_with(); SIO_ERR_INVALID for what is not a listening stream socket */
SIO_API int sio_server_listen_fd(sio_server *server, int fd, const sio_listen_options *options,
                                 unsigned *id);

/** Accept from `count` sockets whose descriptors are `first`, `first` + 1, and so on, with the
 * server's TLS settings. With systemd `first` is 3 and `count` the number in the environment's
 * LISTEN_FDS, if LISTEN_PID is the process itself; the library does not read the environment.
 * @return as sio_server_listen_fd(), of the first that failed: none is listened on then, and all
 * are closed */
SIO_API int sio_server_listen_fds(sio_server *server, int first, unsigned count);

/** Take over a connection that the application has accepted, and from which it may have read
 * already: behind an accept loop of its own, or after it has found out which protocol is spoken.
 * The connection is served as if it had come to a listener; requests outside the Socket.IO path go
 * to the handler of sio_server_on_request(). Of several members the one with the fewest connections
 * gets it; what is refused there is closed there, and the call has returned 0.
 * @param fd a connected stream socket (TCP or Unix), owned by the server from now on, also on
 * failure. Nothing else may read from it or write to it any more
 * @param data what was read from it and not yet answered, copied; may be NULL when `len` is 0
 * @param tls the client speaks TLS, and `data` is the beginning of its handshake
 * @return 0; SIO_ERR_INVALID for what is not a connected stream socket; SIO_ERR_STATE when the
 * server is closing, and with `tls` when it was made without TLS; SIO_ERR_LIMIT when there are
 * `max_connections`; SIO_ERR_NET; SIO_ERR_TLS; SIO_ERR_NOMEM */
SIO_API int sio_server_adopt(sio_server *server, int fd, const void *data, size_t len, bool tls);

/** The port of the first TCP listener; 0 if there is none. */
SIO_API uint16_t sio_server_port(const sio_server *server);

/** The port of one listener; 0 for a Unix socket and for a number that is not in use. */
SIO_API uint16_t sio_server_listener_port(const sio_server *server, unsigned id);

/** Stop listening at one place. Its connections live on.
 * @return 0 or SIO_ERR_NOT_FOUND */
SIO_API int sio_server_unlisten(sio_server *server, unsigned id);

/** New TLS settings, such as a renewed certificate, for the connections that come from now on to
 * the listeners without settings of their own, and to sio_server_adopt(). Those that are open keep
 * theirs. On failure nothing changes.
 * @return 0; SIO_ERR_STATE when the server was made without TLS; SIO_ERR_INVALID;
 * SIO_ERR_TLS_CONFIG, see sio_server_detail(); SIO_ERR_NOMEM */
SIO_API int sio_server_reload_tls(sio_server *server, const sio_server_tls *tls);

/** The same for one listener, which has settings of its own then.
 * @return as above; SIO_ERR_NOT_FOUND; SIO_ERR_STATE for a listener without TLS */
SIO_API int sio_server_listener_reload_tls(sio_server *server, unsigned id,
                                           const sio_server_tls *tls);

/** What exactly made the last call of this header fail, such as the file that could not be read.
 * @return borrowed until the next call of this header; never NULL */
SIO_API const char *sio_server_detail(const sio_server *server);

#ifdef __cplusplus
}
#endif

#endif
