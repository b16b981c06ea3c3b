/* The client of the interop tests: plays one scenario against a JavaScript server of
 * js_server.test.mjs and exits with 0 if every expectation held. It uses only the public headers.
 */
#include "client.h"

#include <stdlib.h>
#include <string.h>

enum { DEADLINE_S = 20 };

static const struct scenario *find(const char *name) {
    const struct scenario *found = scenario_named(event_scenarios, name);
    found = found != NULL ? found : scenario_named(lifecycle_scenarios, name);
    return found != NULL ? found : scenario_named(tour_scenarios, name);
}

static sio_client_transports transports_named(const char *name) {
    static const char *const names[] = {"upgrade", "polling", "websocket"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            return (sio_client_transports)i;
        }
    }
    fail("unknown transports: %s", name);
}

int main(int argc, char **argv) {
    const struct scenario *scenario = argc == 4 ? find(argv[1]) : NULL;
    struct run run;
    if (scenario == NULL) {
        fail("usage: interop-client SCENARIO URL polling|websocket|upgrade\n"
             "SIO_CA names a file of trusted certificates, SIO_EIO=3 means a Socket.IO 2.x\n"
             "server, SIO_PARSER=msgpack one with that parser");
    }
    run_init(&run, argv[2]);
    run.bye = "\"ok\"";
    run.options.transports = transports_named(argv[3]);
    run.options.eio_version = getenv("SIO_EIO") != NULL ? 3 : 4;
    run.options.parser = getenv("SIO_PARSER") != NULL ? SIO_PARSER_MSGPACK : SIO_PARSER_DEFAULT;
    run_play(&run, scenario, DEADLINE_S);
    expect_nothing(&run);
    run_done(&run);
    return 0;
}
