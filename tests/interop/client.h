/* The scenarios of interop-client. What they stand on is shared with conformance-client. */
#ifndef INTEROP_CLIENT_H
#define INTEROP_CLIENT_H

#include "../conformance/client_steps.h"

extern const struct scenario event_scenarios[];
extern const struct scenario lifecycle_scenarios[];
extern const struct scenario tour_scenarios[];

#endif
