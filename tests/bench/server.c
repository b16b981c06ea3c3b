/* The server that load generators talk to: echo, acknowledge, broadcast (see README.md). The port
 * comes from PORT. The argument says what becomes of the arguments of an event:
 *
 *     pass   they are sent on untouched (the default)
 *     build  each is read through its typed getter, and a new list is built of what was read
 *     cjson  each becomes a cJSON tree, and the new list is printed from the trees
 *
 * Behind it: --tls CERT KEY (PEM files), --deflate (permessage-deflate), --threads N (so many loops
 * of the server). */
#include <sio/server.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is to be sent for `args`. Returns NULL when there is no memory. Borrowed until the next
 * call. */
typedef const sio_args *serving(const sio_args *args, sio_args *built);

static const sio_args *pass(const sio_args *args, sio_args *built) {
    (void)built;
    return args;
}

static int build_one(sio_args *built, const sio_args *args, size_t index) {
    switch (sio_args_kind(args, index)) {
    case SIO_KIND_STRING:
        return sio_args_add_str(built, sio_args_str(args, index));
    case SIO_KIND_NUMBER:
        return sio_args_is_int(args, index)
                   ? sio_args_add_int(built, sio_args_int(args, index))
                   : sio_args_add_double(built, sio_args_double(args, index));
    case SIO_KIND_BOOL:
        return sio_args_add_bool(built, sio_args_bool(args, index));
    case SIO_KIND_BINARY:
        return sio_args_add_binary(built, sio_args_binary(args, index));
    case SIO_KIND_NULL:
        return sio_args_add_null(built);
    default:
        return sio_args_add_arg(built, args, index);
    }
}

static int print_one(sio_args *built, const sio_args *args, size_t index) {
    const cJSON *tree;
    int rc = sio_args_json(&tree, args, index);
    return rc != 0 ? rc : sio_args_add_json(built, tree);
}

static const sio_args *each(const sio_args *args, sio_args *built,
                            int (*one)(sio_args *built, const sio_args *args, size_t index)) {
    sio_args_reset(built);
    size_t count = sio_args_count(args);
    for (size_t i = 0; i < count; i++) {
        if (one(built, args, i) != 0) {
            return NULL;
        }
    }
    return built;
}

static const sio_args *build(const sio_args *args, sio_args *built) {
    return each(args, built, build_one);
}

static const sio_args *cjson(const sio_args *args, sio_args *built) {
    return each(args, built, print_one);
}

static serving *serve = pass;

static void on_echo(sio_peer *peer, const sio_event *event, void *user) {
    const sio_args *args = serve(event->args, user);
    if (args) {
        (void)sio_peer_emit(peer, "echo", args, NULL);
    }
}

static void on_ack(sio_peer *peer, const sio_event *event, void *user) {
    (void)peer;
    const sio_args *args = event->ack ? serve(event->args, user) : NULL;
    if (args) {
        (void)sio_ack_send(event->ack, args);
    }
}

static void on_bcast(sio_peer *peer, const sio_event *event, void *user) {
    sio_target everyone = sio_namespace_target(sio_peer_namespace(peer));
    const sio_args *args = serve(event->args, user);
    if (args) {
        (void)sio_target_emit(&everyone, "bcast", args);
    }
}

static serving *serving_named(const char *name) {
    return strcmp(name, "pass") == 0    ? pass
           : strcmp(name, "build") == 0 ? build
           : strcmp(name, "cjson") == 0 ? cjson
                                        : NULL;
}

/* Each member has a list of its own to build. */
static int setup(sio_server *server, unsigned index, void *user) {
    sio_args **built = user;
    sio_namespace *root = sio_server_of(server, "/");
    int rc = sio_args_new(&built[index], NULL);
    if (rc == 0) {
        rc = sio_namespace_on(root, "echo", on_echo, built[index]);
    }
    if (rc == 0) {
        rc = sio_namespace_on(root, "ack", on_ack, built[index]);
    }
    if (rc == 0) {
        rc = sio_namespace_on(root, "bcast", on_bcast, built[index]);
    }
    return rc;
}

static int run(sio_server *server, uint16_t port) {
    int rc = sio_server_listen(server, "127.0.0.1", port);
    if (rc != 0) {
        fprintf(stderr, "listen: %s\n", sio_error_text(rc));
        return 1;
    }
    printf("listening on %u\n", (unsigned)sio_server_port(server));
    fflush(stdout);
    return sio_server_run(server) != 0;
}

static int refuse(void) {
    fprintf(stderr, "usage: bench-server [pass|build|cjson] [--tls CERT KEY] [--deflate] "
                    "[--threads N]\n");
    return 2;
}

static bool read_arguments(sio_server_options *options, sio_server_tls *tls, int argc,
                           char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--deflate") == 0) {
            options->per_message_deflate = true;
        } else if (strcmp(argv[i], "--tls") == 0 && i + 2 < argc) {
            tls->cert_file = argv[++i];
            tls->key_file = argv[++i];
            options->tls = tls;
        } else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
            options->threads = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else if ((serve = serving_named(argv[i])) == NULL) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    const char *port = getenv("PORT");
    sio_server_options options = SIO_SERVER_OPTIONS_INIT;
    sio_server_tls tls = SIO_SERVER_TLS_INIT;
    sio_args *built[64] = {NULL};
    sio_server *server;
    if (!read_arguments(&options, &tls, argc, argv)) {
        return refuse();
    }
    options.setup = setup;
    options.setup_user = built;
    int rc = sio_server_new(&server, &options);
    int status = rc != 0 ? 1 : run(server, (uint16_t)(port ? strtoul(port, NULL, 10) : 0));
    if (rc == 0) {
        sio_server_free(server);
    }
    for (size_t i = 0; i < sizeof built / sizeof built[0]; i++) {
        sio_args_unref(built[i]);
    }
    return status;
}
