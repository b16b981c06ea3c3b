/* The scenarios of conformance-client, see client.md. */
#ifndef CONFORMANCE_CLIENT_H
#define CONFORMANCE_CLIENT_H

#include "client_steps.h"

extern const struct scenario event_scenarios[];
extern const struct scenario connection_scenarios[];

#endif
