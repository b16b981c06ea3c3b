/* conformance-client SCENARIO URL TRANSPORTS
 *
 * Plays one scenario against a server that is not in this repository and exits with 0 if every
 * expectation held. client.md lists the scenarios. Installed public headers only. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The program is to end within 20 s. */
enum { DEADLINE_S = 19 };

static const struct scenario *find(const char *name) {
    const struct scenario *found = scenario_named(event_scenarios, name);
    return found != NULL ? found : scenario_named(connection_scenarios, name);
}

static sio_parser parser_named(const char *name) {
    if (name == NULL || name[0] == '\0') {
        return SIO_PARSER_DEFAULT;
    }
    if (strcmp(name, "msgpack") != 0) {
        fail("SIO_PARSER: unknown parser '%s'", name);
    }
    return SIO_PARSER_MSGPACK;
}

static void list_scenarios(FILE *out, const struct scenario *list) {
    for (; list->name != NULL; list++) {
        fprintf(out, " %s", list->name);
    }
}

int main(int argc, char **argv) {
    const struct scenario *scenario = argc == 4 ? find(argv[1]) : NULL;
    sio_client_network network = SIO_CLIENT_NETWORK_INIT;
    struct run run;
    if (scenario == NULL) {
        fputs("usage: conformance-client SCENARIO URL polling|websocket|polling,websocket\n"
              "scenarios:",
              stderr);
        list_scenarios(stderr, event_scenarios);
        list_scenarios(stderr, connection_scenarios);
        fputs("\nenvironment: SIO_CA, SIO_CERT, SIO_KEY, SIO_PARSER=msgpack, SIO_NOPE, DEBUG\n",
              stderr);
        return 2;
    }
    network.transports = argv[3];
    run_init(&run, argv[2]);
    run.options.path = "/socket.io/";
    run.options.network = &network;
    run.options.parser = parser_named(getenv("SIO_PARSER"));
    run_play(&run, scenario, DEADLINE_S);
    run_done(&run);
    return 0;
}
