/* siocat: Socket.IO from the command line. */
#include "siocat.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is to be sent is looked at before anything is connected. */
static int prepare(struct siocat *cat) {
    bool from_args = cat->set.arg_count > 0 && cat->set.pings == 0;
    if (cat->set.pings > 0) {
        return siocat_ping_open(cat);
    }
    if (cat->set.command == SIOCAT_EMIT && !from_args) {
        return siocat_input_open(cat);
    }
    if (!from_args) {
        return 0;
    }
    if (siocat_message_init(&cat->message) != 0) {
        return SIOCAT_INTERNAL;
    }
    if (siocat_message_from_args(&cat->message, cat->set.args, cat->set.arg_count) != 0) {
        siocat_complain(cat, "%s", cat->message.error);
        return SIOCAT_INPUT;
    }
    return 0;
}

static void free_all(struct siocat *cat) {
    siocat_input_close(cat);
    siocat_ping_close(cat);
    cat->finishing = true;
    sio_client_free(cat->client);
    siocat_signals_close(cat);
    siocat_message_free(&cat->message);
    sio_buf_free(&cat->line);
    if (cat->deadline) {
        event_free(cat->deadline);
    }
    if (cat->patience) {
        event_free(cat->patience);
    }
    if (cat->base) {
        event_base_free(cat->base);
    }
    libevent_global_shutdown();
    siocat_options_free(&cat->set);
}

int main(int argc, char **argv) {
    struct siocat cat = {.exit_code = 0};
    int rc = siocat_options_read(&cat.set, argc, argv);
    if (rc < 0) {
        cat.base = event_base_new();
        rc = cat.base ? prepare(&cat) : SIOCAT_INTERNAL;
        if (rc == 0) {
            siocat_run(&cat);
        }
        rc = rc == 0 ? cat.exit_code : rc;
    }
    free_all(&cat);
    return rc;
}
